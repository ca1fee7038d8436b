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

test('a module that never comes to its end is ended, and refused', async () => {
  await using folder = await temporaryFolder()
  for (const text of ['while (true);', 'await new Promise(() => undefined)']) {
    writeFileSync(folder.file('sluice.config.mjs'), `${text}\nexport default {}\n`)
    const late = loadConfigurationApart(folder.file('sluice.config.mjs'), undefined, 300)
    await expect(late).rejects.toBeInstanceOf(ConfigurationError)
    await expect(late).rejects.toThrow('gave nothing within 0.3 s; a module that never comes to its end')
  }
})

test('a module that ends its process is refused', async () => {
  await using folder = await temporaryFolder()
  writeFileSync(folder.file('sluice.config.mjs'), 'process.kill(process.pid, "SIGKILL")\nexport default {}\n')
  const killed = loadConfigurationApart(folder.file('sluice.config.mjs'))
  await expect(killed).rejects.toThrow('the process that reads it ended before it was through (SIGKILL)')
})

test('a refused configuration says which files it is made of, also those that are missing', async () => {
  await using folder = await temporaryFolder()
  writeFileSync(folder.file('a.yaml'), 'include: [b.yaml, c.yaml]\nlog: { level: "${file:level}" }\n')
  writeFileSync(folder.file('b.yaml'), 'listeners: { web: { address: ":0" } }\n')
  const error = (await loadConfigurationApart(folder.file('a.yaml')).catch(
    (error: unknown) => error,
  )) as ConfigurationError
  expect(error.origin?.hash).toMatch(/^[0-9a-f]{64}$/)
  expect(error.origin?.files.toSorted()).toEqual(['a.yaml', 'b.yaml', 'c.yaml', 'level'].map(folder.file))
})
