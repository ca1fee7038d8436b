/** Deadlines: moving one, which every read does, and what a tick costs a worker with many connections. */
import { TICK_MS, Timer, TimerWheel } from '../../../engine/net/timer-wheel.ts'
import { bench, cycle, runIfMain } from '../harness.ts'

const CONNECTIONS = 10_000
const NOTHING = { onDeadline(): void {} }

function timers(count: number): Timer[] {
  return Array.from({ length: count }, () => new Timer(NOTHING))
}

/** A wheel on a clock that the bench turns. */
class Clockwork {
  nowMs = 0
  readonly wheel = new TimerWheel(() => this.nowMs)

  /** With timers that hang in it, their deadlines spread over a minute. */
  constructor(hanging: readonly Timer[]) {
    for (const [index, timer] of hanging.entries()) this.wheel.set(timer, 1_000 + index * 6)
  }
}

function busyWheel(): { clockwork: Clockwork; next: () => Timer } {
  const all = timers(CONNECTIONS)
  return { clockwork: new Clockwork(all), next: cycle(all) }
}

{
  const { clockwork, next } = busyWheel()
  const nextDelay = cycle([75_000, 60_000, 80_000])
  bench('deadline moved away', () => {
    const timer = next()
    clockwork.wheel.set(timer, nextDelay())
    return timer.dueTick
  })
}

{
  const { clockwork, next } = busyWheel()
  bench('deadline moved nearer and away', () => {
    const timer = next()
    clockwork.wheel.set(timer, 500)
    clockwork.wheel.set(timer, 30_000)
    return timer.slot
  })
}

{
  const { clockwork, next } = busyWheel()
  bench('deadline disarmed and set again', () => {
    const timer = next()
    clockwork.wheel.disarm(timer)
    clockwork.wheel.set(timer, 80_000)
    return timer.dueTick
  })
}

{
  const { clockwork } = busyWheel()
  const nextTime = cycle(Array.from({ length: 1024 }, (_, index) => index / 3))
  bench('time observed', () => clockwork.wheel.observe(nextTime()))
}

{
  const wheel = new TimerWheel()
  bench('time refreshed from the clock', () => wheel.refresh())
}

{
  // Each connection is used once in 5 s: a hundred of them in a tick.
  const { clockwork, next } = busyWheel()
  const perTick = (CONNECTIONS * TICK_MS) / 5_000
  bench('tick with 10,000 timers, 100 of them moved', () => {
    for (let moved = 0; moved < perTick; moved += 1) clockwork.wheel.set(next(), 75_000)
    clockwork.nowMs += TICK_MS
    clockwork.wheel.advance()
    return clockwork.wheel.hanging
  })
}

await runIfMain(import.meta)
