import { describe, expect, it } from 'vitest'
import type { ActiveCheckSnapshot, Address } from '../../../../engine/snapshot.ts'
import { ActiveCheck } from '../../../../engine/upstream/health/active-check.ts'
import { failure, type ProbeEnd, type ProbeOutcome, success } from '../../../../engine/upstream/health/check-probe.ts'
import { ok } from '../../../support/heads.ts'
import { refusingPort } from '../../../support/refusing-port.ts'
import { scriptedOrigin } from '../../../support/scripted-origin.ts'
import { turns } from '../../../support/turns.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { checkSettings, openConnections } from './checks.ts'
import { FakeClock } from './fake-clock.ts'

const ADDRESS: Address = { kind: 'tcp', host: '127.0.0.1', port: 80 }

const UP = success('status 200')
const DOWN = failure('status 503')

/** A check whose time, chance and probes are the test's. */
class Rig {
  readonly clock = new FakeClock()
  readonly changes: string[] = []
  readonly check: ActiveCheck
  /** From 0 to less than 1; in the middle, jitter adds nothing. */
  chance = 0.5
  begun = 0
  cancelled = 0
  underWay = 0
  onChange: () => void = () => {}
  #end: ProbeEnd = () => {}

  constructor(changes: Partial<ActiveCheckSnapshot> = {}) {
    const settings = checkSettings({ intervalMs: 5_000, timeoutMs: 2_000, ...changes })
    const onChange = (healthy: boolean, reason: string) => {
      this.changes.push(`${healthy ? 'up' : 'down'}: ${reason}`)
      this.onChange()
    }
    this.check = new ActiveCheck(settings, ADDRESS, 'origin.test', onChange, undefined, {
      clock: this.clock,
      random: () => this.chance,
      load: async () => (_, onEnd) => {
        this.begun += 1
        this.underWay += 1
        this.#end = outcome => {
          this.underWay -= 1
          onEnd(outcome)
        }
        return {
          cancel: () => {
            this.cancelled += 1
            this.underWay -= 1
          },
        }
      },
    })
  }

  /** Starts it, and lets the first check begin. */
  async started(): Promise<this> {
    this.check.start()
    this.clock.advance(100)
    await turns(1)
    expect(this.begun).toBe(1)
    return this
  }

  end(outcome: ProbeOutcome): void {
    this.#end(outcome)
  }

  /** Ends the check under way and lets time pass until the next one begins. */
  next(outcome: ProbeOutcome): void {
    this.end(outcome)
    this.clock.advance(this.clock.nextMs)
  }
}

describe('an active check', () => {
  it('counts as its settings say, with no result, before the first check has ended', async () => {
    for (const start of ['healthy', 'unhealthy'] as const) {
      const { check } = await new Rig({ start }).started()
      expect(check.healthy).toBe(start === 'healthy')
      expect(check.lastResult).toBe(null)
    }
  })

  it('begins at once, spread over 100 ms, or over an interval that is shorter', () => {
    for (const [intervalMs, chance, expected] of [
      [5_000, 0, 0],
      [5_000, 0.99, 99],
      [40, 0.5, 20],
    ] as const) {
      const rig = new Rig({ intervalMs })
      rig.chance = chance
      rig.check.start()
      expect(rig.clock.nextMs).toBeCloseTo(expected, 6)
    }
  })

  it('is due an interval after the start of the last one, however long that took', async () => {
    const rig = await new Rig().started()
    rig.clock.advance(1_500)
    rig.end(UP)
    expect(rig.clock.nextMs).toBe(3_500)
    rig.clock.advance(3_499)
    expect(rig.begun).toBe(1)
    rig.clock.advance(1)
    expect(rig.begun).toBe(2)
  })

  it('varies the interval by the jitter', async () => {
    for (const [chance, expected] of [
      [0, 4_000],
      [0.5, 5_000],
      [0.75, 5_500],
    ] as const) {
      const rig = await new Rig({ jitter: 0.2 }).started()
      rig.chance = chance
      rig.end(UP)
      expect(rig.clock.nextMs).toBeCloseTo(expected, 6)
    }
  })

  it('never runs twice at once: one that takes longer than the interval delays the next', async () => {
    const rig = await new Rig({ intervalMs: 500, timeoutMs: 2_000 }).started()
    rig.clock.advance(1_999)
    expect(rig.begun).toBe(1)
    expect(rig.underWay).toBe(1)
    rig.clock.advance(1)
    expect(rig.check.lastResult).toMatchObject({ passed: false, reason: 'timeout after 2s' })
    expect(rig.begun).toBe(2)
    expect(rig.underWay).toBe(1)
  })

  it('tells of changes only, with the reason of the check that made them', async () => {
    const rig = await new Rig({ healthyThreshold: 2, unhealthyThreshold: 3 }).started()
    for (const outcome of [UP, DOWN, failure('ECONNREFUSED'), DOWN, UP, DOWN, UP, UP, UP]) rig.next(outcome)
    expect(rig.changes).toEqual(['down: status 503', 'up: status 200'])
    expect(rig.check.healthy).toBe(true)
  })

  it('keeps what the last check has found', async () => {
    const rig = await new Rig().started()
    const before = Date.now()
    rig.clock.advance(12.25)
    rig.end(failure('ECONNREFUSED'))
    const { lastResult } = rig.check
    expect(lastResult).toMatchObject({ passed: false, reason: 'ECONNREFUSED', durationUs: 12_250 })
    expect(lastResult!.atMs).toBeGreaterThanOrEqual(before)
    expect(lastResult!.atMs).toBeLessThanOrEqual(Date.now())
  })

  it('has failed where what makes it cannot be loaded, and is tried again', async () => {
    const clock = new FakeClock()
    let loads = 0
    const check = new ActiveCheck(
      checkSettings({ unhealthyThreshold: 1 }),
      ADDRESS,
      'origin.test',
      () => {},
      undefined,
      {
        clock,
        random: () => 0.5,
        load: async () => {
          loads += 1
          throw new Error('no such module')
        },
      },
    )
    check.start()
    clock.advance(100)
    await turns(1)
    expect(check.lastResult).toMatchObject({ passed: false, reason: 'no such module' })
    expect(check.healthy).toBe(false)
    clock.advance(clock.nextMs)
    expect(loads).toBe(2)
  })
})

describe('an active check that is stopped', () => {
  it('leaves no timer where it waits, before the first check and between two', async () => {
    const waiting = new Rig()
    waiting.check.start()
    waiting.check.stop()
    expect(waiting.clock.pending).toBe(0)
    const rig = await new Rig().started()
    rig.end(UP)
    rig.check.stop()
    expect(rig.clock.pending).toBe(0)
  })

  it('ends the check under way, and tells nothing any more', async () => {
    const rig = await new Rig({ unhealthyThreshold: 1 }).started()
    rig.check.stop()
    rig.check.stop()
    expect(rig).toMatchObject({ cancelled: 1, underWay: 0, changes: [] })
    expect(rig.clock.pending).toBe(0)
  })

  it('begins none that was still being loaded', async () => {
    const rig = new Rig()
    rig.check.start()
    rig.clock.advance(100)
    rig.check.stop()
    await turns(1)
    expect(rig.begun).toBe(0)
    expect(rig.clock.pending).toBe(0)
  })

  it('may be so from where it tells of a result, and tells of no change then', async () => {
    const rig = await new Rig({ unhealthyThreshold: 1 }).started()
    rig.check.onResult = () => rig.check.stop()
    rig.end(DOWN)
    expect(rig.changes).toEqual([])
    expect(rig.clock.pending).toBe(0)
  })

  it('may be so from where it tells of a change', async () => {
    const rig = await new Rig({ unhealthyThreshold: 1 }).started()
    rig.onChange = () => rig.check.stop()
    rig.end(DOWN)
    expect(rig.changes).toEqual(['down: status 503'])
    expect(rig.clock.pending).toBe(0)
  })

  it('does not start again; one that runs does not start twice', async () => {
    const rig = await new Rig().started()
    rig.check.start()
    expect(rig.clock.pending).toBe(1)
    rig.check.stop()
    rig.check.start()
    expect(rig.clock.pending).toBe(0)
  })
})

describe('an active check for which the system has nothing left', () => {
  it('counts for nothing, however often that is so, and is made again when it is due', async () => {
    const rig = await new Rig({ unhealthyThreshold: 1 }).started()
    for (const reason of ['EMFILE', 'ENOBUFS', 'EADDRNOTAVAIL', 'EMFILE', 'EMFILE']) {
      rig.end(failure(reason))
      expect(rig.clock.nextMs).toBe(5_000)
      rig.clock.advance(5_000)
    }
    expect(rig.check).toMatchObject({ healthy: true, lastResult: null })
    rig.end(DOWN)
    expect(rig.changes).toEqual(['down: status 503'])
  })
})

describe('an active check while this process stands still', () => {
  it('does not count a failure, but checks again at once', async () => {
    const rig = await new Rig({ unhealthyThreshold: 1 }).started()
    rig.clock.freeze(1_000)
    rig.end(failure('ECONNRESET'))
    expect(rig.check.lastResult).toBe(null)
    expect(rig.clock.nextMs).toBe(0)
    rig.clock.advance(0)
    expect(rig.begun).toBe(2)
    rig.end(UP)
    expect(rig.check.lastResult).toMatchObject({ passed: true })
    expect(rig.changes).toEqual([])
  })

  it('counts a check that has passed', async () => {
    const rig = await new Rig().started()
    rig.clock.freeze(1_500)
    rig.end(UP)
    expect(rig.check.lastResult).toMatchObject({ passed: true })
  })

  it('counts the fourth failure in a row all the same', async () => {
    const rig = await new Rig({ unhealthyThreshold: 1 }).started()
    for (const begun of [2, 3, 4]) {
      rig.clock.freeze(1_000)
      rig.end(DOWN)
      rig.clock.advance(0)
      expect(rig.begun).toBe(begun)
      expect(rig.changes).toEqual([])
    }
    rig.clock.freeze(1_000)
    rig.next(DOWN)
    expect(rig.changes).toEqual(['down: status 503'])
    // The next one has its three again.
    expect(rig.begun).toBe(5)
    rig.clock.freeze(1_000)
    rig.end(DOWN)
    expect(rig.clock.nextMs).toBe(0)
  })

  it('keeps an endpoint that answers up when the thread is really blocked for longer than the timeout', async () => {
    const changes: string[] = []
    await using origin = await scriptedOrigin(async connection => {
      await connection.expectHead()
      await connection.send(ok(''))
    })
    const settings = checkSettings({ intervalMs: 20, timeoutMs: 100, unhealthyThreshold: 1 })
    const check = new ActiveCheck(settings, origin.address, 'origin.test', healthy => changes.push(String(healthy)))
    check.start()
    // Each block begins while a check is under way: it has connected, and the answer is still to come.
    for (let round = 0; round < 5; round += 1) {
      const seen = origin.connections.length
      await waitFor(() => origin.connections.length > seen, 'another check')
      const end = performance.now() + 250
      while (performance.now() < end);
    }
    const seen = origin.connections.length
    await waitFor(() => origin.connections.length > seen + 2, 'more checks')
    check.stop()
    expect(changes).toEqual([])
    expect(check.lastResult).toMatchObject({ passed: true, reason: 'status 200' })
  })
})

describe('an active check of real endpoints', () => {
  it.each<[string, Partial<ActiveCheckSnapshot>, string]>([
    ['http', { content: '^up$' }, 'status 200'],
    ['tcp', {}, 'connected'],
    ['tcp', { send: 'GET / HTTP/1.0\r\nHost: a\r\n\r\n', expect: '200 OK' }, 'answer matches'],
  ])('by %s (%j) brings one up that starts as down, with a single check', async (type, changes, reason) => {
    await using origin = await scriptedOrigin(async connection => {
      await connection.expectHead()
      await connection.send(ok('up'))
    })
    const settings = checkSettings({ ...changes, type: type as 'http' | 'tcp', start: 'unhealthy', intervalMs: 60_000 })
    const told = await new Promise<string>(resolve => {
      const onChange = (healthy: boolean, why: string) => {
        check.stop()
        resolve(`${healthy} ${why}`)
      }
      const check = new ActiveCheck(settings, origin.address, 'origin.test', onChange)
      check.start()
    })
    expect(told).toBe(`true ${reason}`)
  })

  it('by https takes one down that speaks no TLS', async () => {
    await using origin = await scriptedOrigin(connection => connection.send(ok('')))
    const settings = checkSettings({ type: 'https', intervalMs: 10, unhealthyThreshold: 2 })
    const changes: string[] = []
    const check = new ActiveCheck(settings, origin.address, 'origin.test', (_, reason) => changes.push(reason))
    check.start()
    await waitFor(() => changes.length > 0, 'the change')
    check.stop()
    expect(changes).toEqual([expect.stringMatching(/^(?:ERR_SSL_|EPROTO)/)])
    expect(check.healthy).toBe(false)
  })

  it('follows one that goes and comes back', async () => {
    const changes: string[] = []
    let passes = true
    await using origin = await scriptedOrigin(async connection => {
      await connection.expectHead()
      if (passes) await connection.send(ok(''))
      else connection.reset()
    })
    const settings = checkSettings({ intervalMs: 10, healthyThreshold: 2, unhealthyThreshold: 3 })
    const onChange = (healthy: boolean) => changes.push(healthy ? 'up' : 'down')
    const check = new ActiveCheck(settings, origin.address, 'origin.test', onChange)
    check.start()
    await waitFor(() => check.lastResult !== null, 'a result')
    passes = false
    await waitFor(() => changes.length === 1, 'it to go down')
    passes = true
    await waitFor(() => changes.length === 2, 'it to come up')
    check.stop()
    expect(changes).toEqual(['down', 'up'])
  })

  it('leaves no connection when it is stopped in the middle of one', async () => {
    const before = openConnections()
    await using origin = await scriptedOrigin(connection => connection.stall())
    await using nobody = await refusingPort()
    const checks = [origin.address, nobody.address].map(
      address => new ActiveCheck(checkSettings({ intervalMs: 10 }), address, 'origin.test', () => {}),
    )
    for (const check of checks) check.start()
    await waitFor(() => origin.connections.length === 1 && checks[1]!.lastResult !== null, 'checks under way')
    for (const check of checks) check.stop()
    await origin.close()
    await waitFor(() => openConnections() <= before, 'every connection to be closed')
  })
})
