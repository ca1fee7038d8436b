import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { describeFailure } from '../../../src/cli/failure.ts'
import { ConfigurationError } from '../../../src/config/errors.ts'
import { Folder } from './command.ts'

test('--version prints the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  await using folder = await Folder.make()
  expect(await folder.run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
})

test('--help lists the commands, for all and for each', async () => {
  await using folder = await Folder.make()
  const help = await folder.run('--help')
  expect(help.code).toBe(0)
  expect(help.stdout).toMatch(/start .*\n.*validate /)
  expect((await folder.run('start', '--help')).stdout).toMatch(/--config <FILE>[\s\S]*--demo/)
})

test.each([
  [['strat'], "unknown command 'strat'"],
  [['start', '--dmo'], "unknown option '--dmo'"],
  [['start', '--demo', '-c', 'x.yaml'], 'cannot be used with'],
  [['validate', 'sluice.yaml'], 'too many arguments'],
])('%j is refused with exit code 1', async (args, message) => {
  await using folder = await Folder.make()
  const outcome = await folder.run(...args)
  expect(outcome).toMatchObject({ code: 1, stdout: '' })
  expect(outcome.stderr).toContain(message)
  expect(outcome.stderr).not.toMatch(/^\s+at /m)
})

test('an error of the system is one line, a defect of ours keeps its stack', () => {
  const inUse = Object.assign(new Error('listener web: the address\n is in use'), { code: 'EADDRINUSE' })
  expect(describeFailure(inUse)).toBe('sluice: listener web: the address is in use')
  const problem = { file: 'a.yaml', line: 1, column: 2, key: 'x', message: 'is wrong', hint: '' }
  expect(describeFailure(new ConfigurationError([problem]))).toBe('a.yaml:1:2: x: is wrong')
  const missing = Object.assign(new Error('no module'), { code: 'ERR_MODULE_NOT_FOUND' })
  expect(describeFailure(missing)).toMatch(/^sluice: internal error: Error: no module\n\s+at /)
  expect(describeFailure(new TypeError('oops'))).toMatch(/^sluice: internal error: TypeError: oops\n\s+at /)
  expect(describeFailure('thrown text')).toBe('sluice: internal error: thrown text')
})
