import { describe, expect, it } from 'vitest'
import { AbuseGuard } from '../../../engine/multiplex/abuse-guard.ts'
import {
  IDLE_FRAMES_MAX,
  IDLE_FRAMES_PER_DATA,
  IDLE_FRAMES_PER_STREAM,
  RESETS_LOOKED_BACK,
  RESETS_MAX,
} from '../../../engine/multiplex/http2-limits.ts'

describe('resets in vain', () => {
  it('are borne up to half of the last streams', () => {
    const guard = new AbuseGuard()
    for (let count = 0; count < RESETS_MAX; count += 1) expect(guard.reset(guard.stream())).toBe(true)
    expect(guard.reset(guard.stream())).toBe(false)
  })

  it('count once for each stream', () => {
    const guard = new AbuseGuard()
    const stream = guard.stream()
    for (let count = 0; count < RESETS_MAX * 2; count += 1) expect(guard.reset(stream)).toBe(true)
  })

  it('are forgotten behind as many streams as are looked back on', () => {
    const guard = new AbuseGuard()
    for (let count = 0; count < RESETS_MAX; count += 1) guard.reset(guard.stream())
    for (let count = 0; count < RESETS_LOOKED_BACK; count += 1) guard.stream()
    for (let count = 0; count < RESETS_MAX; count += 1) expect(guard.reset(guard.stream())).toBe(true)
    expect(guard.reset(guard.stream())).toBe(false)
  })

  it('of every other stream go on for ever', () => {
    const guard = new AbuseGuard()
    for (let count = 0; count < 5000; count += 1) {
      guard.stream()
      expect(guard.reset(guard.stream())).toBe(true)
    }
  })

  it('of a stream that is further back do not count', () => {
    const guard = new AbuseGuard()
    const first = guard.stream()
    for (let count = 0; count < RESETS_LOOKED_BACK + 1; count += 1) guard.stream()
    for (let count = 0; count < RESETS_MAX + 1; count += 1) expect(guard.reset(first)).toBe(true)
  })
})

describe('frames that bring nothing on', () => {
  it('are borne up to a bound', () => {
    const guard = new AbuseGuard()
    for (let count = 0; count < IDLE_FRAMES_MAX; count += 1) expect(guard.idleFrame()).toBe(true)
    let more = 0
    while (guard.idleFrame() && more < 100) more += 1
    expect(more).toBeLessThan(100)
  })

  it('are accounted for by streams and by content', () => {
    const guard = new AbuseGuard()
    for (let count = 0; count < IDLE_FRAMES_MAX * 5; count += 1) {
      expect(guard.idleFrame()).toBe(true)
      if (count % IDLE_FRAMES_PER_STREAM === 0) guard.stream()
    }
    for (let count = 0; count < IDLE_FRAMES_MAX * 5; count += 1) {
      expect(guard.idleFrame()).toBe(true)
      if (count % IDLE_FRAMES_PER_DATA === 0) guard.data()
    }
  })
})
