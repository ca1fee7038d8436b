import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TICK_MS, Timer, type TimerTarget, TimerWheel } from '../../../engine/net/timer-wheel.ts'

/** A turn of the wheel: deadlines further away than this take more than one. */
const TURN_MS = 512 * TICK_MS

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
})

afterEach(() => {
  vi.useRealTimers()
})

/** A wheel on fake time, and the times at which timers fired. */
class Clockwork {
  stalledMs = -performance.now()
  readonly wheel = new TimerWheel(() => this.nowMs)
  readonly fired: { readonly name: string; readonly atMs: number }[] = []

  /** Milliseconds since the wheel was made. */
  get nowMs(): number {
    return performance.now() + this.stalledMs
  }

  timer(name: string, onDeadline: () => void = () => {}): Timer {
    const target: TimerTarget = {
      onDeadline: () => {
        this.fired.push({ name, atMs: this.nowMs })
        onDeadline()
      },
    }
    return new Timer(target)
  }

  /** Time passes, and the wheel is turned by its interval. */
  run(milliseconds: number): void {
    vi.advanceTimersByTime(milliseconds)
  }

  /** The loop is busy elsewhere: time passes, and nobody turns the wheel. */
  stall(milliseconds: number): void {
    this.stalledMs += milliseconds
  }

  get names(): string[] {
    return this.fired.map(({ name }) => name)
  }
}

function expectPunctual(firedAtMs: number, deadlineMs: number): void {
  expect(firedAtMs).toBeGreaterThanOrEqual(deadlineMs)
  expect(firedAtMs).toBeLessThanOrEqual(deadlineMs + 2 * TICK_MS)
}

describe('a deadline', () => {
  it.each([0, 1, 49, 50, 51, 99, 100, 4_000, TURN_MS - 1, TURN_MS, TURN_MS + 1, 75_000, 3_600_000])(
    'of %d ms passes once, not early and at most two ticks late',
    milliseconds => {
      const clockwork = new Clockwork()
      clockwork.run(37)
      clockwork.wheel.set(clockwork.timer('a'), milliseconds)
      const deadlineMs = clockwork.nowMs + milliseconds
      clockwork.run(milliseconds + 4 * TICK_MS)
      expect(clockwork.names).toEqual(['a'])
      expectPunctual(clockwork.fired[0]!.atMs, deadlineMs)
      clockwork.run(2 * TURN_MS)
      expect(clockwork.names).toEqual(['a'])
    },
  )

  it('passes after the same time wherever between two ticks it was set', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: 0, max: 60_000 }), (startMs, milliseconds) => {
        const clockwork = new Clockwork()
        const keepsTurning = clockwork.timer('keeps the wheel turning')
        clockwork.wheel.set(keepsTurning, 10_000_000)
        clockwork.run(startMs)
        const setAtMs = clockwork.nowMs
        clockwork.wheel.set(clockwork.timer('a'), milliseconds)
        clockwork.run(milliseconds + 4 * TICK_MS)
        expectPunctual(clockwork.fired[0]!.atMs, setAtMs + milliseconds)
        clockwork.wheel.clear(keepsTurning)
      }),
    )
  })

  it('moved further away costs nothing, and passes at the later time only', () => {
    const clockwork = new Clockwork()
    const timer = clockwork.timer('a')
    clockwork.wheel.set(timer, 1_000)
    const { slot, hungTick } = timer
    clockwork.run(500)
    clockwork.wheel.set(timer, 10_000)
    expect(timer).toMatchObject({ slot, hungTick })
    expect(clockwork.wheel.hanging).toBe(1)
    clockwork.run(9_900)
    expect(clockwork.names).toEqual([])
    clockwork.run(300)
    expectPunctual(clockwork.fired[0]!.atMs, 10_500)
  })

  it('moved nearer passes at the nearer time, and not again at the old one', () => {
    const clockwork = new Clockwork()
    const timer = clockwork.timer('a')
    clockwork.wheel.set(timer, 60_000)
    clockwork.run(500)
    clockwork.wheel.set(timer, 1_000)
    clockwork.run(120_000)
    expect(clockwork.fired.length).toBe(1)
    expectPunctual(clockwork.fired[0]!.atMs, 1_500)
  })

  it('that was disarmed never passes, and leaves the wheel when its turn comes', () => {
    const clockwork = new Clockwork()
    const timer = clockwork.timer('a')
    clockwork.wheel.set(timer, 1_000)
    clockwork.wheel.disarm(timer)
    expect(clockwork.wheel.hanging).toBe(1)
    clockwork.run(1_200)
    expect(clockwork.names).toEqual([])
    expect(clockwork.wheel.hanging).toBe(0)
  })

  it('that was disarmed and set again before its turn passes at the new time', () => {
    const clockwork = new Clockwork()
    const timer = clockwork.timer('a')
    clockwork.wheel.set(timer, 1_000)
    clockwork.wheel.disarm(timer)
    clockwork.run(500)
    clockwork.wheel.set(timer, 200)
    clockwork.run(400)
    expectPunctual(clockwork.fired[0]!.atMs, 700)
  })

  it('that was cleared never passes, and hangs nowhere from then on', () => {
    const clockwork = new Clockwork()
    const timers = ['a', 'b', 'c'].map(name => clockwork.timer(name))
    for (const timer of timers) clockwork.wheel.set(timer, 1_000)
    clockwork.wheel.clear(timers[1]!)
    expect(clockwork.wheel.hanging).toBe(2)
    clockwork.wheel.clear(timers[1]!)
    expect(clockwork.wheel.hanging).toBe(2)
    clockwork.run(1_200)
    expect(clockwork.names.toSorted()).toEqual(['a', 'c'])
    expect(clockwork.wheel.hanging).toBe(0)
  })

  it('several turns away passes in its own turn, beside those that share its place', () => {
    const clockwork = new Clockwork()
    const delays = [500, 500 + TURN_MS, 500 + 2 * TURN_MS, 500 + 7 * TURN_MS]
    for (const milliseconds of delays) clockwork.wheel.set(clockwork.timer(`${milliseconds}`), milliseconds)
    clockwork.run(8 * TURN_MS)
    expect(clockwork.names).toEqual(delays.map(String))
    for (const { name, atMs } of clockwork.fired) expectPunctual(atMs, Number(name))
  })
})

describe('a callback', () => {
  it('may set its own timer again', () => {
    const clockwork = new Clockwork()
    const timer: Timer = clockwork.timer('a', () => clockwork.wheel.set(timer, 1_000))
    clockwork.wheel.set(timer, 1_000)
    clockwork.run(5_000)
    expect(clockwork.fired.length).toBe(4)
    expect(clockwork.wheel.hanging).toBe(1)
  })

  it('may clear timers that are due in the same tick: they do not pass any more', () => {
    const clockwork = new Clockwork()
    const timers: Timer[] = ['a', 'b', 'c'].map(name =>
      clockwork.timer(name, () => {
        for (const timer of timers) clockwork.wheel.clear(timer)
      }),
    )
    for (const timer of timers) clockwork.wheel.set(timer, 1_000)
    clockwork.run(3_000)
    expect(clockwork.fired.length).toBe(1)
    expect(clockwork.wheel.hanging).toBe(0)
  })

  it('may clear the last timer that hangs, while another of its place is on its way to a later one', () => {
    const clock = new Clockwork()
    const later = clock.timer('later')
    const own = clock.timer('own', () => clock.wheel.clear(own))
    clock.wheel.set(later, 100)
    clock.wheel.set(own, 100)
    clock.wheel.set(later, 300)
    clock.run(600)
    expect(clock.names).toEqual(['own', 'later'])
    expect(clock.wheel.hanging).toBe(0)
  })

  it('may move timers that are due in the same tick: they pass at their new time', () => {
    const clockwork = new Clockwork()
    const others: Timer[] = []
    const mover = () => {
      for (const timer of others) clockwork.wheel.set(timer, 500)
    }
    others.push(clockwork.timer('b'), clockwork.timer('c'))
    // The last one hung is the first one looked at.
    for (const timer of others) clockwork.wheel.set(timer, 1_000)
    clockwork.wheel.set(clockwork.timer('mover', mover), 1_000)
    clockwork.run(1_200)
    expect(clockwork.names).toEqual(['mover'])
    clockwork.run(600)
    expect(clockwork.names.toSorted()).toEqual(['b', 'c', 'mover'])
    expect(clockwork.wheel.hanging).toBe(0)
  })
})

describe('a wheel that nobody turned for a while', () => {
  it.each([3_000, TURN_MS, 3 * TURN_MS + 777])('of %d ms passes all that is due, once', stallMs => {
    const clockwork = new Clockwork()
    const delays = [50, 1_000, 2_900, TURN_MS - 1, TURN_MS + 1_000, 10 * TURN_MS]
    for (const milliseconds of delays) clockwork.wheel.set(clockwork.timer(`${milliseconds}`), milliseconds)
    clockwork.stall(stallMs)
    clockwork.wheel.advance()
    // What became due in the last two ticks may still wait for its tick.
    const due = delays.filter(milliseconds => milliseconds + 2 * TICK_MS <= stallMs).map(String)
    expect(clockwork.names.toSorted()).toEqual(due.toSorted())
    clockwork.run(11 * TURN_MS)
    expect(clockwork.names.toSorted()).toEqual(delays.map(String).toSorted())
    for (const { name, atMs } of clockwork.fired) expect(atMs).toBeGreaterThanOrEqual(Number(name))
  })

  it('does not let a deadline pass early that is set behind the stall, once it has observed the time', () => {
    const clockwork = new Clockwork()
    clockwork.wheel.set(clockwork.timer('keeps the wheel turning'), 10_000_000)
    clockwork.stall(5_000)
    const setAtMs = clockwork.nowMs
    clockwork.wheel.refresh()
    clockwork.wheel.set(clockwork.timer('a'), 5_000)
    clockwork.run(6_000)
    expectPunctual(clockwork.fired[0]!.atMs, setAtMs + 5_000)
  })

  it('loses no deadline by observing the time before it is turned again', () => {
    const clockwork = new Clockwork()
    const delays = [50, 1_000, 4_000, TURN_MS + 1_000, 3 * TURN_MS]
    for (const milliseconds of delays) clockwork.wheel.set(clockwork.timer(`${milliseconds}`), milliseconds)
    clockwork.stall(TURN_MS)
    clockwork.wheel.observe(performance.now() + clockwork.stalledMs)
    clockwork.wheel.advance()
    expect(clockwork.names.toSorted()).toEqual(['1000', '4000', '50'])
    clockwork.run(3 * TURN_MS)
    expect(clockwork.names.toSorted()).toEqual(delays.map(String).toSorted())
  })

  it('does not go back when it is told of a time that has passed', () => {
    const clockwork = new Clockwork()
    clockwork.run(10_000)
    clockwork.wheel.set(clockwork.timer('a'), 1_000)
    clockwork.wheel.observe(0)
    clockwork.wheel.set(clockwork.timer('b'), 1_000)
    clockwork.run(900)
    expect(clockwork.names).toEqual([])
    clockwork.run(400)
    expect(clockwork.names.toSorted()).toEqual(['a', 'b'])
  })

  it('does not let a deadline pass early that a callback sets while the wheel catches up', () => {
    const clockwork = new Clockwork()
    const second = clockwork.timer('second')
    const first = clockwork.timer('first', () => clockwork.wheel.set(second, 1_000))
    clockwork.wheel.set(first, 500)
    clockwork.stall(8_000)
    clockwork.wheel.advance()
    expect(clockwork.names).toEqual(['first'])
    clockwork.run(2_000)
    expectPunctual(clockwork.fired[1]!.atMs, 9_000)
  })
})

describe('a wheel in which nothing hangs', () => {
  it('stands still, and takes the time that has passed when it starts again', () => {
    const clockwork = new Clockwork()
    const timer = clockwork.timer('a')
    clockwork.wheel.set(timer, 100)
    clockwork.wheel.clear(timer)
    expect(vi.getTimerCount()).toBe(0)
    clockwork.stall(1_000_000)
    const setAtMs = clockwork.nowMs
    clockwork.wheel.set(timer, 1_000)
    expect(vi.getTimerCount()).toBe(1)
    clockwork.run(2_000)
    expect(vi.getTimerCount()).toBe(0)
    expectPunctual(clockwork.fired[0]!.atMs, setAtMs + 1_000)
  })
})

describe('any sequence of calls', () => {
  const operation = fc.record({
    kind: fc.constantFrom('set', 'set', 'set', 'disarm', 'clear', 'run'),
    timer: fc.nat(4),
    milliseconds: fc.oneof(fc.nat(400), fc.nat(2 * TURN_MS)),
  })

  it('lets each deadline pass that still stands, in time, and no other', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60, size: 'max' }), operations => {
        const clockwork = new Clockwork()
        const deadlines: (number | null)[] = [null, null, null, null, null]
        const timers = deadlines.map((_, index) =>
          clockwork.timer(`${index}`, () => {
            const deadlineMs = deadlines[index]
            expect(deadlineMs).not.toBeNull()
            expectPunctual(clockwork.nowMs, deadlineMs!)
            deadlines[index] = null
          }),
        )
        for (const { kind, timer, milliseconds } of operations) {
          if (kind === 'run') {
            clockwork.run(milliseconds)
            continue
          }
          if (kind === 'set') clockwork.wheel.set(timers[timer]!, milliseconds)
          else if (kind === 'clear') clockwork.wheel.clear(timers[timer]!)
          else clockwork.wheel.disarm(timers[timer]!)
          deadlines[timer] = kind === 'set' ? clockwork.nowMs + milliseconds : null
        }
        clockwork.run(3 * TURN_MS)
        expect(deadlines).toEqual([null, null, null, null, null])
        expect(clockwork.wheel.hanging).toBe(0)
      }),
    )
  })
})
