import { describe, expect, it } from 'vitest'
import { Meter } from '../../../../engine/l4/tcp/meter.ts'
import { TimerWheel } from '../../../../engine/net/timer-wheel.ts'

/** A meter, and a clock that is turned by hand. */
function stage(rate: number) {
  let nowMs = 0
  let calls = 0
  const wheel = new TimerWheel(() => nowMs)
  const meter = new Meter(rate, wheel, { onMeter: () => (calls += 1) }, nowMs)
  return {
    meter,
    get calls() {
      return calls
    },
    take: (count: number) => meter.take(count, nowMs),
    pass(milliseconds: number) {
      nowMs += milliseconds
      wheel.advance()
    },
    hanging: () => wheel.hanging,
  }
}

describe('a meter', () => {
  it('lets through at once what a quarter of a second brings, and then asks to wait', () => {
    const { meter, take } = stage(1000)
    expect(take(249)).toBe(true)
    expect(take(1)).toBe(false)
    expect(meter.isEmpty).toBe(true)
  })

  it('says when the debt is paid', () => {
    const it = stage(1000)
    expect(it.take(750)).toBe(false)
    it.pass(450)
    expect([it.calls, it.meter.isEmpty]).toEqual([0, true])
    it.pass(200)
    expect([it.calls, it.meter.isEmpty]).toEqual([1, false])
  })

  it('lets through as much as the rate says on average, however late its timer is', () => {
    const it = stage(10_000)
    let passed = 0
    for (let turn = 0; turn < 1000; turn += 1) {
      it.pass(37 + (turn % 5) * 20)
      while (!it.meter.isEmpty) {
        passed += 700
        it.take(700)
      }
    }
    const seconds = Array.from({ length: 1000 }, (_, turn) => 37 + (turn % 5) * 20).reduce((a, b) => a + b) / 1000
    expect(passed / seconds).toBeGreaterThan(9_950)
    expect(passed).toBeLessThanOrEqual(10_000 * (seconds + 0.25) + 700)
  })

  it('saves up no more while nothing comes', () => {
    const it = stage(1000)
    it.take(249)
    it.pass(60_000)
    expect([it.take(249), it.take(1)]).toEqual([true, false])
  })

  it('asks for reads that are small where the rate is, and leaves no timer behind', () => {
    const slow = stage(4096)
    expect(slow.meter.readBytesMax).toBe(512)
    expect(stage(1).meter.readBytesMax).toBe(256)
    slow.take(10_000)
    expect(slow.hanging()).toBe(1)
    slow.meter.end()
    expect(slow.hanging()).toBe(0)
  })
})
