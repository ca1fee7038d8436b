import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const STAGE = new URL('../../../native-bench/frame/stage.ts', import.meta.url).href

/** A bench that has a folder and a program with a child of its own, and waits. */
const BENCH = `
  import { Program, Stage } from '${STAGE}'
  const stage = new Stage({ cores: { proxy: null, others: null, count: 1, note: null } })
  const folder = stage.newFolder('some thing')
  const program = new Program(['/bin/sh', '-c', 'sleep 600 & echo $!; wait'], ['ignore', 'pipe', 'inherit'])
  program.child.stdout.once('data', text => {
    console.log(JSON.stringify({ folder, pids: [program.pid, Number(text)] }))
  })
  setInterval(() => {}, 1000)
`

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('the stage', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('is empty after %s: no folder, no program, no child of one', async (signal, expected) => {
    const bench = spawn(process.execPath, ['--input-type=module', '-e', BENCH], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [text] = await once(bench.stdout, 'data')
    const { folder, pids } = JSON.parse(String(text)) as { folder: string; pids: number[] }
    expect(existsSync(folder)).toBe(true)
    expect(pids.map(isAlive)).toEqual([true, true])

    bench.kill(signal)
    expect((await once(bench, 'exit'))[0]).toBe(expected)
    expect(existsSync(folder)).toBe(false)
    await expect.poll(() => pids.map(isAlive)).toEqual([false, false])
  })
})
