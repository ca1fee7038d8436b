import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { cpuBetween, parseStat, readCpu, readMemory, resetPeakMemory } from '../../../native-bench/frame/accounting.ts'

const BURNT_US = 300_000

/** The accounting counts ticks of 10 ms, of the process and of its child. */
const RESOLUTION_US = 20_000

/** Uses so much CPU time at the first line of its input, says so, and ends at the second. */
const BURNER = `
  process.stdin.once('data', () => {
    const start = process.cpuUsage()
    const used = () => { const { user, system } = process.cpuUsage(start); return user + system }
    while (used() < ${BURNT_US});
    console.log('burnt')
    process.stdin.once('data', () => process.exit())
  })
  console.log('up')
`

const SWOLLEN_KIB = 64 * 1024

/** Takes so much memory, gives it back, says so, and ends with its input. */
const SWELLER = `
  let bytes = Buffer.alloc(${SWOLLEN_KIB} * 1024, 1)
  bytes = null
  setImmediate(() => { gc(); console.log('up') })
  process.stdin.resume()
`

let parent: ChildProcess | null = null

afterEach(() => {
  // The group: the shell and its child.
  if (parent?.pid !== undefined) process.kill(-parent.pid, 'SIGKILL')
  parent = null
})

/** A shell with a child that runs the program; then it goes on without one. */
function startShell(program: string) {
  const args = ['-c', '"$0" --expose-gc -e "$1"; echo over; cat', process.execPath, program]
  const shell = spawn('/bin/sh', args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
  parent = shell
  const said = async (word: string) => {
    let output = ''
    while (!output.includes(word)) output += String((await once(shell.stdout, 'data'))[0])
  }
  if (shell.pid === undefined) throw new Error('no shell')
  return { pid: shell.pid, tell: (line: string) => shell.stdin.write(line), said }
}

describe('the accounting', () => {
  it('finds what a child of the process has used, while it lives and when it is gone', async () => {
    const { pid, tell, said } = startShell(BURNER)
    await said('up')
    const before = readCpu(pid)
    expect(before.processIds.length).toBe(2)
    tell('burn\n')
    await said('burnt')
    const alive = cpuBetween(before, readCpu(pid))
    expect(alive.userUs + alive.systemUs).toBeGreaterThanOrEqual(BURNT_US - RESOLUTION_US)
    expect(alive.exitedChildren).toBe(0)
    const threads = alive.threads.reduce((sum, { userUs, systemUs }) => sum + userUs + systemUs, 0)
    // Each thread's own share is cut to whole ticks.
    expect(threads).toBeGreaterThanOrEqual(BURNT_US / 2)

    tell('end\n')
    await said('over')
    const gone = cpuBetween(before, readCpu(pid))
    expect(gone.userUs + gone.systemUs).toBeGreaterThanOrEqual(BURNT_US - RESOLUTION_US)
    expect(gone.exitedChildren).toBe(1)
  })

  it('reads the memory of the whole tree, and lets its peak begin anew', async () => {
    const { pid, said } = startShell(SWELLER)
    await said('up')
    await expect.poll(() => readMemory(pid).rssPeakKib - readMemory(pid).rssKib).toBeGreaterThan(SWOLLEN_KIB / 2)
    const { rssKib, rssPeakKib } = readMemory(pid)
    expect(rssKib).toBeGreaterThan(10_000)
    resetPeakMemory(pid)
    expect(readMemory(pid).rssPeakKib).toBeLessThan(rssPeakKib - SWOLLEN_KIB / 4)
  })

  it('reads the fields of a process whose name holds spaces and parentheses', () => {
    const stat = '7 (a) b (c) S 3 7 7 0 -1 4194560 1 0 0 0 11 22 33 44 20 0 1 0 100 0 0'
    expect(parseStat(stat)).toEqual({
      parentId: 3,
      userUs: 110_000,
      systemUs: 220_000,
      childrenUserUs: 330_000,
      childrenSystemUs: 440_000,
    })
  })

  it('says so where the process is gone', () => {
    expect(() => readCpu(2 ** 22 + 1)).toThrow('ENOENT')
  })
})
