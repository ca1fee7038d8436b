import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { commandTree, nodesOf } from '../../../src/cli/command-tree.ts'
import { completionScript, SHELLS } from '../../../src/cli/completion-scripts.ts'
import { buildProgram } from '../../../src/cli/program.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { Folder } from './command.ts'

/** What a real bash offers behind `words`, of which the last is the one that is being written. */
async function offered(words: readonly string[], files: readonly string[] = []): Promise<string[]> {
  await using folder = await temporaryFolder()
  writeFileSync(folder.file('completion.bash'), completionScript('bash', await buildProgram()))
  mkdirSync(folder.file('here'))
  for (const file of files) writeFileSync(folder.file(`here/${file}`), '')
  const script = `
    source ../completion.bash
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _sluice
    printf '%s\\n' "\${COMPREPLY[@]}"
  `
  const output = execFileSync('bash', ['-c', script, 'bash', 'sluice', ...words], {
    cwd: folder.file('here'),
    encoding: 'utf8',
  })
  return output.split('\n').filter(line => line !== '')
}

describe('in bash, completion offers', () => {
  test('the commands, and those that begin like what is there', async () => {
    const program = await buildProgram()
    const names = program.commands.map(command => command.name())
    expect((await offered([''])).filter(word => !word.startsWith('-'))).toEqual(names)
    expect(await offered(['st'])).toEqual(names.filter(name => name.startsWith('st')))
    expect(await offered(['--v'])).toEqual(['--version'])
  })

  test('the options of a command, also behind others', async () => {
    expect(await offered(['start', '--w'])).toEqual(['--watch', '--workers'])
    expect(await offered(['start', '--workers', '2', '--w'])).toEqual(['--watch', '--workers'])
    expect(await offered(['status', '--js'])).toEqual(['--json'])
    expect(await offered(['status', '--nothing-like-it'])).toEqual([])
  })

  test('what a value may be, and nothing where it may be anything', async () => {
    expect(await offered(['start', '--log-level', ''])).toEqual(['trace', 'debug', 'info', 'warn', 'error'])
    expect(await offered(['start', '--log-level', 'd'])).toEqual(['debug'])
    expect(await offered(['start', '--workers', ''])).toEqual([])
    expect((await offered(['completion', ''])).slice(0, 3)).toEqual([...SHELLS])
  })

  test('files where a file is due', async () => {
    const files = ['sluice.yaml', 'with space.yaml']
    expect((await offered(['start', '-c', ''], files)).toSorted()).toEqual(files)
    expect(await offered(['reload', '--config', 'wi'], files)).toEqual(['with space.yaml'])
  })

  test('the commands below a command', async () => {
    expect(await offered(['config', 's'])).toEqual(['show'])
    expect(await offered(['config', 'show', '--form'])).toEqual(['--format'])
  })
})

test.each(SHELLS)('the script for %s names every command and every option', async shell => {
  const program = await buildProgram()
  const script = completionScript(shell, program)
  for (const node of nodesOf(commandTree(program))) {
    for (const word of node.path) expect(script).toContain(word)
    for (const { long } of node.options) expect(script).toContain(shell === 'fish' ? long.replace('--', '-l ') : long)
  }
})

test('the command prints the script, and refuses a shell that it does not know', async () => {
  await using folder = await Folder.make()
  const outcome = await folder.run('completion', 'zsh')
  expect(outcome).toMatchObject({ code: 0, stderr: '' })
  expect(outcome.stdout).toMatch(/^#compdef sluice\n/)
  expect(await folder.run('completion', 'tcsh')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Allowed choices are bash, zsh, fish'),
  })
})
