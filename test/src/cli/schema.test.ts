import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Folder } from './command.ts'

test('schema prints the JSON Schema that the package publishes', async () => {
  await using folder = await Folder.make()
  const { code, stdout } = await folder.run('schema')
  expect(code).toBe(0)
  expect(stdout).toBe(readFileSync(new URL('../../../config/schema.json', import.meta.url), 'utf8'))
})
