import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { expect, test, vi } from 'vitest'
import { CommandFailure, UsageError } from '../../../src/cli/exit-codes.ts'
import { describeFailure } from '../../../src/cli/failure.ts'
import { buildProgram, runCommandLine } from '../../../src/cli/program.ts'
import { ConfigurationError } from '../../../src/config/errors.ts'
import { Folder, type Outcome } from './command.ts'

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))

test('--version prints the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  await using folder = await Folder.make()
  expect(await folder.run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
})

const COMMANDS = (await buildProgram()).commands

test('--help lists the commands, for all and for each, and is no failure', async () => {
  await using folder = await Folder.make()
  const help = await folder.run('--help')
  expect(help).toMatchObject({ code: 0, stderr: '' })
  for (const command of COMMANDS) expect(help.stdout).toContain(`\n  ${command.name()} `)
  const outcome = await folder.run('start', '--help')
  expect(outcome).toMatchObject({ code: 0, stderr: '' })
  expect(outcome.stdout).toMatch(/--config <FILE>[\s\S]*--demo/)
})

/** As `sluice NAME --help` prints it, without a process for each. */
function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({ writeOut: part => (text += part) }).outputHelp()
  return text
}

const LEAVES = COMMANDS.flatMap(command => (command.commands.length > 0 ? command.commands : [command]))

test.each(LEAVES.map(command => [command.name(), command] as const))('the help of %s has an example', (_, command) => {
  expect(helpOf(command)).toMatch(/\nExamples?:\n {2}\$ sluice \w+/)
})

test.each([
  [[], 'Usage: sluice'],
  [['strat'], "unknown command 'strat'\n(Did you mean start?)"],
  [['--versoin'], "unknown option '--versoin'"],
  [['start', '--dmo'], "unknown option '--dmo'"],
  [['start', '--demo', '-c', 'x.yaml'], 'cannot be used with'],
  [['start', '-c'], 'argument missing'],
  [['start', '--workers', '0'], 'It must be a whole number from 1 to 256.'],
  [['start', '--log-level', 'loud'], 'Allowed choices are trace, debug, info, warn, error.'],
  [['stop', '--timeout', '5'], '"5" is not a duration'],
  [['status', '--json', '--watch'], 'cannot be used with'],
  [['config'], 'Usage: sluice config'],
  [['config', 'shwo'], "unknown command 'shwo'"],
  [['completion'], "missing required argument 'shell'"],
  [['validate', 'sluice.yaml'], 'too many arguments'],
])('%j is refused with exit code 2', async (args, message) => {
  const outcome = await runHere(args)
  expect(outcome).toMatchObject({ code: 2, stdout: '' })
  expect(outcome.stderr).toContain(message)
  expect(outcome.stderr).not.toMatch(/^\s+at /m)
})

test('a process ends with that code, too', async () => {
  await using folder = await Folder.make()
  expect(await folder.run('strat')).toMatchObject({ code: 2, stdout: '' })
})

/** As a process of its own would, without one: for command lines that come to nothing. */
async function runHere(args: readonly string[]): Promise<Outcome> {
  const listeners = process.stdout.listeners('error')
  const texts = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map(name =>
    vi.spyOn(process[name], 'write').mockImplementation(text => {
      texts[name] += String(text)
      return true
    }),
  )
  try {
    await runCommandLine(['node', 'sluice', ...args])
    return { code: Number(process.exitCode ?? 0), ...texts }
  } finally {
    process.exitCode = 0
    for (const spy of spies) spy.mockRestore()
    for (const listener of process.stdout.listeners('error')) {
      if (!listeners.includes(listener)) process.stdout.off('error', listener as () => void)
    }
  }
}

test('output that cannot be written is a failure, and a reader that has gone is none', async () => {
  await using folder = await Folder.make()
  const shell = (redirection: string) =>
    new Promise<{ code: number | null; stderr: string }>(resolve => {
      const command = `"$0" "$1" schema ${redirection}`
      const child = execFile(
        '/bin/sh',
        ['-c', command, process.execPath, MAIN],
        { cwd: folder.path },
        (_, __, stderr) => resolve({ code: child.exitCode, stderr }),
      )
    })
  const stderr = 'sluice: the output cannot be written (ENOSPC)\n'
  if (existsSync('/dev/full')) expect(await shell('> /dev/full')).toEqual({ code: 1, stderr })
  expect(await shell('| head -c 1')).toEqual({ code: 0, stderr: '' })
})

test('an error of the system is one line, a defect of ours keeps its stack', () => {
  const inUse = Object.assign(new Error('listener web: the address\n is in use'), { code: 'EADDRINUSE' })
  expect(describeFailure(inUse)).toBe('sluice: listener web: the address is in use')
  const problem = { file: 'a.yaml', line: 1, column: 2, key: 'x', message: 'is wrong', hint: '' }
  const refused = new ConfigurationError([{ ...problem, severity: 'error', code: 'unknown-key' }])
  expect(describeFailure(refused)).toBe('a.yaml:1:2: x: is wrong [unknown-key]')
  expect(describeFailure(new CommandFailure('cannot be done'))).toBe('sluice: cannot be done')
  expect(describeFailure(new UsageError('makes no sense'))).toBe('sluice: makes no sense')
  const missing = Object.assign(new Error('no module'), { code: 'ERR_MODULE_NOT_FOUND' })
  expect(describeFailure(missing)).toMatch(/^sluice: internal error: Error: no module\n\s+at /)
  expect(describeFailure(new TypeError('oops'))).toMatch(/^sluice: internal error: TypeError: oops\n\s+at /)
  expect(describeFailure('thrown text')).toBe('sluice: internal error: thrown text')
})
