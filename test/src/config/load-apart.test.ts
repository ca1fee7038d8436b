import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ConfigurationError } from '../../../src/config/errors.ts'
import { loadConfiguration } from '../../../src/config/load.ts'
import { loadConfigurationApart } from '../../../src/config/load-apart.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const DEMO = join(import.meta.dirname, '../../../config/demo.yaml')

test('a configuration that is read in a process of its own is the same as one that is read in this one', async () => {
  expect(await loadConfigurationApart(DEMO)).toEqual(await loadConfiguration(DEMO))
})

test('all problems of a file come back, with file, line, column, key and hint', async () => {
  await using folder = await temporaryFolder()
  const path = folder.file('wrong.yaml')
  writeFileSync(path, 'listeners:\n  web: { adress: ":8080" }\nroutes: 7\n')
  const apart = await loadConfigurationApart(path).catch((error: unknown) => error)
  const here = await loadConfiguration(path).catch((error: unknown) => error)
  expect(apart).toBeInstanceOf(ConfigurationError)
  expect((apart as ConfigurationError).problems.length).toBeGreaterThan(1)
  expect((apart as ConfigurationError).problems).toEqual((here as ConfigurationError).problems)
})

test('a file that is not there is refused as it is in this process', async () => {
  await using folder = await temporaryFolder()
  const path = folder.file('absent.yaml')
  await expect(loadConfigurationApart(path)).rejects.toThrow(`${path}: there is no such file`)
})
