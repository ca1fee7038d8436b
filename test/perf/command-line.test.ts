import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { runCommandLine } from '../../perf/command-line.ts'
import { describeFailure } from '../../perf/failure.ts'
import { ROOT } from '../house/repository.ts'

const printed = vi.spyOn(console, 'log').mockImplementation(() => {})

afterEach(() => {
  printed.mockClear()
})

/** What a command prints that goes well. */
async function outputOf(...args: string[]): Promise<string> {
  await runCommandLine(args)
  return printed.mock.calls.map(([text]) => String(text)).join('\n')
}

describe('perf', () => {
  it('without a command shows what there is', async () => {
    const output = await outputOf()
    for (const command of ['micro', 'load', 'compare', 'profile', 'syscalls']) {
      expect(output).toMatch(new RegExp(`^${command}[: ]`, 'm'))
    }
  })

  it('shows the help of one command', async () => {
    const output = await outputOf('compare', '--help')
    expect(output).toContain('--rounds N')
    expect(output).not.toContain('syscalls')
  })

  it('ends with 1 and one line on stderr where something is wrong', () => {
    const main = join(ROOT, 'perf', 'main.ts')
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'fly'], { encoding: 'utf8' })
    expect(stderr).toBe('perf: there is no command "fly": micro, load, compare, profile, syscalls\n')
    expect([status, stdout]).toEqual([1, ''])
  })

  it.each([
    ['an unknown command', ['fly'], 'there is no command "fly"'],
    ['an unknown option', ['micro', '--fast'], "Unknown option '--fast'"],
    ['an option without its value', ['profile', '--seconds'], "'--seconds <value>' argument missing"],
    [
      'a number that is none',
      ['profile', '--seconds', 'ten'],
      '--seconds takes a whole number from 1 to 600, not "ten"',
    ],
    [
      'a number out of bounds',
      ['compare', 'HEAD', '--rounds', '0'],
      '--rounds takes a whole number from 1 to 1000, not "0"',
    ],
    ['an unknown scenario', ['load', 'storm'], 'SCENARIO is one of bare, browser, large, upload, stream, not "storm"'],
    ['an unknown scenario of a window', ['syscalls', '--scenario', 'storm'], '--scenario is one of bare'],
    ['an unknown form', ['profile', '--from', 'source'], '--from is one of sources, dist, not "source"'],
    ['an unknown tool', ['syscalls', '--tool', 'dtrace'], '--tool is one of perf, strace, not "dtrace"'],
    ['too many arguments', ['profile', 'bare'], 'there is no use for "bare" here'],
    [
      'a file that cannot be made',
      ['micro', 'date', '--out', '/no/such/folder/x'],
      '--out: cannot write /no/such/folder/x',
    ],
    [
      'a file that cannot be made in the end',
      ['compare', 'HEAD', '--out', '/no/such/folder/x'],
      '--out: cannot write /no/such/folder/x',
    ],
    ['a file for a load that cannot be made', ['load', '--out', '/no/such/folder/x'], '--out: cannot write'],
    ['no commit', ['compare'], 'compare takes one commit'],
    ['an unknown commit', ['compare', 'no-such-commit'], '"no-such-commit" is no commit of this repository'],
    ['a commit that looks like an option', ['compare', '--', '--all'], '"--all" is no commit of this repository'],
  ])('says in one line what is wrong with %s', async (_, args, message) => {
    const failure = await runCommandLine(args).then(() => 'nothing', describeFailure)
    expect(failure).toContain(message)
    expect(failure).toMatch(/^perf: [^\n]*$/)
    expect(printed).not.toHaveBeenCalled()
  })
})
