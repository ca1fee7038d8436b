import { readFile, writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { writeFilled } from '../../native-bench/peers/template.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

it('fills in every placeholder, and refuses values and placeholders that have no partner', async () => {
  await using folder = await temporaryFolder()
  const template = folder.file('template')
  await writeFile(template, 'listen @port@; mail me@example.com; again @port@ @folder@\n')
  const path = writeFilled(folder.path, 'filled', template, { port: 80, folder: '$&' })
  expect(await readFile(path, 'utf8')).toBe('listen 80; mail me@example.com; again 80 $&\n')
  expect(() => writeFilled(folder.path, 'filled', template, { port: 80 })).toThrow('no value for @folder@')
  const many = { port: 80, folder: 'x', speed: 1 }
  expect(() => writeFilled(folder.path, 'filled', template, many)).toThrow('no placeholder for speed')
})
