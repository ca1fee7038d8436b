import { spawnSync } from 'node:child_process'
import { existsSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { lockStore } from '../../../../src/certificates/acme/lock.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

describe('the lock of a store', () => {
  it('is had by one at a time', async () => {
    await using folder = await temporaryFolder()
    const lock = lockStore(folder.path)
    expect(lock).not.toBeNull()
    expect(lockStore(folder.path)).toBeNull()
    lock?.release()
    expect(existsSync(folder.file('lock'))).toBe(false)
    lockStore(folder.path)?.release()
  })

  it('that a process of this machine left behind is taken over; that of one that lives, or of another machine, is not', async () => {
    await using folder = await temporaryFolder()
    const leave = (pid: number, host: string) => writeFileSync(folder.file('lock'), JSON.stringify({ pid, host }))
    const { pid: dead } = spawnSync('true')
    leave(process.ppid, hostname())
    expect(lockStore(folder.path)).toBeNull()
    leave(dead, 'elsewhere')
    expect(lockStore(folder.path)).toBeNull()
    leave(dead, hostname())
    lockStore(folder.path)?.release()
    expect(existsSync(folder.file('lock'))).toBe(false)
    // An earlier life with the same number, as processes in containers have.
    leave(process.pid, hostname())
    lockStore(folder.path)?.release()
    expect(existsSync(folder.file('lock'))).toBe(false)
  })

  it('that nobody has touched for long is taken over, whoever has it', async () => {
    await using folder = await temporaryFolder()
    writeFileSync(folder.file('lock'), JSON.stringify({ pid: 1, host: 'elsewhere' }))
    const longAgo = new Date(Date.now() - 61_000)
    utimesSync(folder.file('lock'), longAgo, longAgo)
    const lock = lockStore(folder.path)
    expect(lock).not.toBeNull()
    lock?.release()
  })
})
