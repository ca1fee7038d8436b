import { describe, expect, it } from 'vitest'
import { ClosedStreams } from '../../../engine/multiplex/closed-streams.ts'
import { EarlyPriorities } from '../../../engine/multiplex/early-priorities.ts'
import { EARLY_PRIORITIES_MAX, RESET_STREAMS_KEPT } from '../../../engine/multiplex/http2-limits.ts'

describe('streams that are closed', () => {
  it('are known to have been reset by us, the latest of them', () => {
    const closed = new ClosedStreams()
    expect(closed.wasReset(1)).toBe(false)
    for (let index = 0; index <= RESET_STREAMS_KEPT; index += 1) closed.addReset(1 + index * 2)
    expect(closed.wasReset(1)).toBe(false)
    expect(closed.wasReset(3)).toBe(true)
    expect(closed.wasReset(1 + RESET_STREAMS_KEPT * 2)).toBe(true)
  })

  it('are known to have been left out', () => {
    const closed = new ClosedStreams()
    closed.addGap(0, 1)
    closed.addGap(1, 3)
    expect(closed.wasLeftOut(1)).toBe(false)
    closed.addGap(3, 9)
    expect([3, 5, 7, 9].map(id => closed.wasLeftOut(id))).toEqual([false, true, true, false])
    for (let last = 9; last < 200; last += 4) closed.addGap(last, last + 4)
    expect(closed.wasLeftOut(5)).toBe(false)
    expect(closed.wasLeftOut(199)).toBe(true)
  })

  it('are left out where the first is not 1', () => {
    const closed = new ClosedStreams()
    closed.addGap(0, 5)
    expect([1, 3, 5].map(id => closed.wasLeftOut(id))).toEqual([true, true, false])
  })
})

describe('priorities that come before their stream', () => {
  it('are there when it opens, once', () => {
    const early = new EarlyPriorities()
    early.add(5, 1)
    early.add(5, 2)
    expect(early.take(3)).toBe(-1)
    expect(early.take(5)).toBe(2)
    expect(early.take(5)).toBe(-1)
  })

  it('are dropped for streams that can never open any more, and past the bound', () => {
    const early = new EarlyPriorities()
    for (let index = 0; index <= EARLY_PRIORITIES_MAX; index += 1) early.add(1 + index * 2, 1)
    expect(early.take(1 + EARLY_PRIORITIES_MAX * 2)).toBe(-1)
    expect(early.take(3)).toBe(-1)
  })
})
