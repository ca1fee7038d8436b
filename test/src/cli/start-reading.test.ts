import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { within } from '../../support/bell.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** `sluice start` while its configuration is being read, which happens in a process of its own. */

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))
const DEADLINE_MS = 15_000
const HELLO =
  'runtime: { workers: 1 }\nlisteners: { web: { address: 127.0.0.1:0 } }\nroutes: [{ respond: { body: hello } }]\n'

/** `sluice start -c path` in a process group of its own, with these descriptors from 0 on, 1 and 2 excepted. */
function startOf(path: string, descriptors: readonly ('ignore' | number)[] = ['ignore'], nodeOptions = '') {
  const child = spawn(process.execPath, [MAIN, 'start', '-c', path], {
    detached: true,
    env: { PATH: process.env.PATH ?? '', NODE_OPTIONS: nodeOptions },
    stdio: [descriptors[0] ?? 'ignore', 'pipe', 'pipe', ...descriptors.slice(1)],
  })
  const group = child.pid as number
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    if (text.includes('listener web')) child.emit('serves')
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  // All that could write to its stderr have ended by then: the process that reads inherits it.
  const closed = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }))
  const serves = Promise.race([once(child, 'serves').then(() => true), closed.then(() => false)])
  const output = () => `stdout: ${stdout} stderr: ${stderr}`
  return {
    serves: () => within(serves, DEADLINE_MS, output),
    outcome: () => within(closed, DEADLINE_MS, output),
    signal: (name: NodeJS.Signals) => child.kill(name),
    signalGroup: (name: NodeJS.Signals) => process.kill(-group, name),
    async [Symbol.asyncDispose](): Promise<void> {
      try {
        process.kill(-group, 'SIGKILL')
      } catch {
        // All of them have ended.
      }
      await closed
    },
  }
}

/** A configuration that never ends; `opened` resolves with its other end when somebody reads it. */
function endlessFile(path: string) {
  execFileSync('mkfifo', [path])
  return { opened: () => within(open(path, 'w'), DEADLINE_MS, () => 'nobody reads the configuration') }
}

describe('a configuration that is not a file of its own name is read where the command stands:', () => {
  test('from standard input', async () => {
    await using folder = await temporaryFolder()
    const path = folder.file('sluice.yaml')
    writeFileSync(path, HELLO)
    const input = openSync(path, 'r')
    await using command = startOf('/dev/stdin', [input])
    closeSync(input)
    expect(await command.serves()).toBe(true)
    command.signal('SIGTERM')
    expect(await command.outcome()).toMatchObject({ code: 0, stderr: '' })
  })

  test('from a descriptor that a shell has opened', async () => {
    await using folder = await temporaryFolder()
    const path = folder.file('sluice.yaml')
    writeFileSync(path, HELLO)
    const input = openSync(path, 'r')
    await using command = startOf('/dev/fd/3', ['ignore', input])
    closeSync(input)
    expect(await command.serves()).toBe(true)
    command.signal('SIGTERM')
    expect(await command.outcome()).toMatchObject({ code: 0, stderr: '' })
  })
})

describe('while the configuration is being read', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s is an orderly end, and no process stays behind', async signal => {
    await using folder = await temporaryFolder()
    const path = folder.file('endless.yaml')
    const file = endlessFile(path)
    await using command = startOf(path)
    await using _end = await file.opened()
    command.signal(signal)
    expect(await command.outcome()).toEqual({ code: 0, signal: null, stdout: '', stderr: '' })
  })

  test('a Ctrl-C, which reaches every process of the group, is an orderly end', async () => {
    await using folder = await temporaryFolder()
    const path = folder.file('endless.yaml')
    const file = endlessFile(path)
    await using command = startOf(path)
    await using _end = await file.opened()
    command.signalGroup('SIGINT')
    expect(await command.outcome()).toEqual({ code: 0, signal: null, stdout: '', stderr: '' })
  })

  test('the process that reads it does not outlive a command that is killed', async () => {
    await using folder = await temporaryFolder()
    const path = folder.file('endless.yaml')
    const file = endlessFile(path)
    await using command = startOf(path)
    await using _end = await file.opened()
    command.signal('SIGKILL')
    expect(await command.outcome()).toMatchObject({ signal: 'SIGKILL', stdout: '', stderr: '' })
  })

  test('only the proxy can be debugged: the process that reads it neither waits for a debugger nor takes its port', async () => {
    await using folder = await temporaryFolder()
    const path = folder.file('sluice.yaml')
    writeFileSync(path, HELLO)
    await using command = startOf(path, ['ignore'], '--inspect=127.0.0.1:0')
    expect(await command.serves()).toBe(true)
    command.signal('SIGTERM')
    const { stderr } = await command.outcome()
    expect(stderr.match(/Debugger listening/g)).toHaveLength(1)
  })
})
