import { describe, expect, it } from 'vitest'
import { type AttemptEnd, CheckAttempt } from '../../../../engine/upstream/health/check-attempt.ts'
import { openHttpProbe } from '../../../../engine/upstream/health/check-http.ts'
import {
  failure,
  type OpenProbe,
  type ProbeEnd,
  planCheck,
  success,
} from '../../../../engine/upstream/health/check-probe.ts'
import { ok } from '../../../support/heads.ts'
import { scriptedOrigin } from '../../../support/scripted-origin.ts'
import { checkOnce, checkSettings } from './checks.ts'
import { FakeClock } from './fake-clock.ts'

const ADDRESS = { kind: 'tcp', host: '127.0.0.1', port: 80 } as const

/** A probe that ends when the test says so. */
class HeldProbe {
  cancelled = 0
  end: ProbeEnd = () => {}
  readonly open: OpenProbe = (_, onEnd) => {
    this.end = onEnd
    const cancel = () => {
      this.cancelled += 1
    }
    return { cancel }
  }
}

function attempt(timeoutMs: number) {
  const [clock, probe] = [new FakeClock(), new HeldProbe()]
  const ends: AttemptEnd[] = []
  const plan = planCheck(checkSettings({ timeoutMs }), ADDRESS, 'origin.test')
  const under = new CheckAttempt(probe.open, plan, clock, end => ends.push(end))
  return { clock, probe, ends, under }
}

/** Keeps this thread busy: nothing else of it runs meanwhile. */
function blockFor(milliseconds: number): void {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}

describe('a check within its deadline', () => {
  it('tells the outcome and how long it took, and looks at the clock no more', () => {
    const { clock, probe, ends } = attempt(2_000)
    clock.advance(1_234.5)
    probe.end(success('status 200'))
    expect(ends).toEqual([{ outcome: success('status 200'), durationUs: 1_234_500, stalled: false }])
    expect(clock.pending).toBe(0)
    expect(probe.cancelled).toBe(0)
  })

  it.each([
    [1, 'timeout after 1ms'],
    [100, 'timeout after 100ms'],
    [1_500, 'timeout after 1.5s'],
    [2_000, 'timeout after 2s'],
    [2_001, 'timeout after 2.001s'],
  ])('is cancelled after a timeout of %i ms, and fails: %s', (timeoutMs, reason) => {
    const { clock, probe, ends } = attempt(timeoutMs)
    clock.advance(timeoutMs - 1)
    expect(ends).toEqual([])
    clock.advance(1)
    expect(ends).toEqual([{ outcome: failure(reason), durationUs: timeoutMs * 1000, stalled: false }])
    expect(probe.cancelled).toBe(1)
    expect(clock.pending).toBe(0)
  })

  it('that is cancelled cancels its probe and leaves no timer', () => {
    const { clock, probe, ends, under } = attempt(2_000)
    under.cancel()
    expect(probe.cancelled).toBe(1)
    expect(clock.pending).toBe(0)
    expect(ends).toEqual([])
  })

  it('knows that it was held up, for half the timeout or half a second, wherever that was', () => {
    for (const [timeoutMs, stallMs] of [
      [400, 200],
      [2_000, 500],
      [10_000, 500],
    ] as const) {
      for (let fromMs = 0; fromMs < 1_000 && fromMs + stallMs < timeoutMs; fromMs += 10) {
        const { clock, probe, ends } = attempt(timeoutMs)
        clock.advance(fromMs)
        clock.stall(stallMs)
        clock.advance(1)
        probe.end(failure('ECONNRESET'))
        expect(ends[0]?.stalled).toBe(true)
      }
    }
  })

  it('does not take small delays for being held up', () => {
    const { clock, probe, ends } = attempt(2_000)
    for (let count = 0; count < 9; count += 1) clock.stall(200)
    probe.end(failure('ECONNRESET'))
    expect(ends[0]?.stalled).toBe(false)
  })

  it('knows that it was held up where the outcome comes before any timer', () => {
    const { clock, probe, ends } = attempt(2_000)
    clock.freeze(600)
    probe.end(failure('ECONNRESET'))
    expect(ends[0]?.stalled).toBe(true)
  })

  it('has more time by as much as it was held up, three times', () => {
    const { clock, ends } = attempt(2_000)
    clock.advance(1_900)
    for (let count = 0; count < 3; count += 1) clock.stall(5_000)
    expect(ends).toEqual([])
    clock.advance(10)
    clock.stall(5_000)
    expect(ends).toMatchObject([{ outcome: failure('timeout after 2s'), stalled: true }])
    expect(clock.pending).toBe(0)
  })

  it('passes though the event loop is really blocked for longer than the timeout', async () => {
    await using origin = await scriptedOrigin(async connection => {
      await connection.expectHead()
      await connection.send(ok(''))
    })
    const ended = checkOnce(openHttpProbe, origin.address, { timeoutMs: 200 })
    blockFor(450)
    const { outcome, stalled } = await ended
    expect(outcome).toEqual(success('status 200'))
    expect(stalled).toBe(true)
  })

  it('knows of a block that ends just before the timeout', async () => {
    await using origin = await scriptedOrigin(connection => connection.stall())
    const ended = checkOnce(openHttpProbe, origin.address, { timeoutMs: 400 })
    blockFor(380)
    const { outcome, stalled } = await ended
    expect(outcome).toEqual(failure('timeout after 400ms'))
    expect(stalled).toBe(true)
  })
})
