import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Intake } from '../../../engine/net/intake.ts'
import { createIntakeMemory } from '../../../engine/shared/intake-page.ts'
import type { ConnectionLimits } from '../../../engine/snapshot.ts'

const NONE: ConnectionLimits = {
  connectionsMax: 1000,
  connectionsPerClientMax: 0,
  newConnectionsRate: 0,
  newConnectionsBurst: 0,
}

let nowMs = 0

beforeEach(() => {
  nowMs = 1_000_000
  vi.spyOn(process.hrtime, 'bigint').mockImplementation(() => BigInt(Math.round(nowMs * 1e6)))
})

afterEach(() => {
  vi.restoreAllMocks()
})

/** Those of all workers of one socket. */
function intakes(workers: number, limits: Partial<ConnectionLimits>): Intake[] {
  const memory = createIntakeMemory(workers)
  return Array.from({ length: workers }, (_, worker) => {
    const intake = new Intake(memory, worker)
    intake.configure({ ...NONE, ...limits })
    return intake
  })
}

/** How many of `tries` come in. */
function admitted(intake: Intake, tries: number, address = ''): number {
  return Array.from({ length: tries }, () => intake.admit(address)).filter(refusal => refusal === '').length
}

describe('the limit on connections of one client', () => {
  it('counts what all workers have open, and no other client', () => {
    const [first, second] = intakes(2, { connectionsPerClientMax: 5 }) as [Intake, Intake]
    expect(admitted(first, 3, '192.0.2.1')).toBe(3)
    expect(admitted(second, 10, '192.0.2.1')).toBe(2)
    expect(first.admit('192.0.2.1')).toBe('too_many_of_client')
    expect(admitted(first, 10, '192.0.2.2')).toBe(5)
    second.leave('192.0.2.1')
    expect(admitted(first, 10, '192.0.2.1')).toBe(1)
  })

  it('holds nothing against clients that nobody knows', () => {
    const [intake] = intakes(1, { connectionsPerClientMax: 1 }) as [Intake]
    expect(admitted(intake, 10)).toBe(10)
  })

  it('changes at once, and what is open goes on to count', () => {
    const [intake] = intakes(1, { connectionsPerClientMax: 5 }) as [Intake]
    expect(admitted(intake, 5, '192.0.2.1')).toBe(5)
    intake.configure({ ...NONE, connectionsPerClientMax: 7 })
    expect(admitted(intake, 5, '192.0.2.1')).toBe(2)
    intake.configure({ ...NONE, connectionsPerClientMax: 3 })
    for (let left = 7; left > 3; left -= 1) intake.leave('192.0.2.1')
    expect(intake.admit('192.0.2.1')).toBe('too_many_of_client')
    intake.leave('192.0.2.1')
    expect(intake.admit('192.0.2.1')).toBe('')
  })

  it('knows of those that were there before there was a limit, where it is told', () => {
    const [intake] = intakes(1, {}) as [Intake]
    expect(intake.countsClients).toBe(false)
    intake.configure({ ...NONE, connectionsPerClientMax: 2 })
    intake.count('192.0.2.1')
    expect(admitted(intake, 5, '192.0.2.1')).toBe(1)
  })

  it('does not count whom the rate keeps out', () => {
    const [intake] = intakes(1, { connectionsPerClientMax: 2, newConnectionsRate: 1, newConnectionsBurst: 1 }) as [
      Intake,
    ]
    expect([1, 2, 3].map(() => intake.admit('192.0.2.1'))).toEqual(['', 'too_many_new', 'too_many_new'])
    nowMs += 1000
    expect(intake.admit('192.0.2.1')).toBe('')
  })
})

describe('the limit on new connections', () => {
  it('lets the burst in at once, then so many a second, over all workers', () => {
    const [first, second] = intakes(2, { newConnectionsRate: 100, newConnectionsBurst: 20 }) as [Intake, Intake]
    expect(admitted(first, 15) + admitted(second, 15)).toBe(20)
    nowMs += 9
    expect(admitted(first, 5)).toBe(0)
    nowMs += 1
    expect(admitted(second, 5)).toBe(1)
    nowMs += 50
    expect(admitted(first, 50)).toBe(5)
    nowMs += 60_000
    expect(admitted(second, 50)).toBe(20)
  })

  it('changes at once: a higher one does not wait for what a lower one has counted', () => {
    const [intake] = intakes(1, { newConnectionsRate: 1, newConnectionsBurst: 100 }) as [Intake]
    expect(admitted(intake, 200)).toBe(100)
    intake.configure({ ...NONE, newConnectionsRate: 1000, newConnectionsBurst: 10 })
    // All that may come at once has come; a millisecond later there is room for one.
    expect(admitted(intake, 10)).toBe(0)
    nowMs += 1
    expect(admitted(intake, 10)).toBe(1)
    nowMs += 1000
    expect(admitted(intake, 50)).toBe(10)
  })

  it('changes at once: a lower one begins with what has come', () => {
    const [intake] = intakes(1, { newConnectionsRate: 1000, newConnectionsBurst: 1000 }) as [Intake]
    expect(admitted(intake, 1000)).toBe(1000)
    intake.configure({ ...NONE, newConnectionsRate: 10, newConnectionsBurst: 10 })
    expect(admitted(intake, 10)).toBe(0)
  })

  it('is none where there is none', () => {
    const [intake] = intakes(1, {}) as [Intake]
    expect(intake.isOpen).toBe(true)
    expect(admitted(intake, 10_000)).toBe(10_000)
  })
})
