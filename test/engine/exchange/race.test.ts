import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Attempt } from '../../../engine/exchange/attempt.ts'
import { Race } from '../../../engine/exchange/race.ts'

const AFTER = 50

interface Runner extends Attempt {
  readonly cancelled: number
}

function runner(): Runner {
  let cancelled = 0
  const cancel = () => {
    cancelled += 1
  }
  return {
    cancel,
    get cancelled() {
      return cancelled
    },
  } as unknown as Runner
}

let first: Runner
let second: Runner
let started: number
let race: Race
beforeEach(() => {
  vi.useFakeTimers()
  first = runner()
  second = runner()
  started = 0
  race = new Race(AFTER, () => {
    started += 1
    return second
  })
})
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

const begin = () => vi.advanceTimersByTime(AFTER)

describe('a race', () => {
  it('begins after its time, and not before', () => {
    vi.advanceTimersByTime(AFTER - 1)
    expect([race.isOn, started]).toEqual([false, 0])
    vi.advanceTimersByTime(1)
    expect([race.isOn, started]).toEqual([true, 1])
  })

  it.each([
    ['the first', 0],
    ['the second', 1],
  ])('is won by %s: the other one is given up', (_, winner) => {
    begin()
    race.settle(winner === 0 ? first : second, first)
    expect([first.cancelled, second.cancelled]).toEqual(winner === 0 ? [0, 1] : [1, 0])
    expect(race.isOn).toBe(false)
  })

  it('does not begin once the first has answered', () => {
    race.settle(first, first)
    begin()
    expect([race.isOn, started, first.cancelled]).toEqual([false, 0, 0])
  })

  it('goes on with the one that is left', () => {
    begin()
    expect(race.fail(first, first)).toBe(second)
    expect(race.isOn).toBe(false)
    expect(race.fail(second, second)).toBe(null)
    expect([first.cancelled, second.cancelled]).toEqual([0, 0])
  })

  it('goes on with the first where the second has failed', () => {
    begin()
    expect(race.fail(second, first)).toBe(first)
    expect(race.fail(first, first)).toBe(null)
  })

  it('has nobody left where the first fails before it begins', () => {
    expect(race.fail(first, first)).toBe(null)
    begin()
    expect(started).toBe(1)
    race.end()
  })

  it('ends with both, of which the first is for others to end', () => {
    begin()
    race.end()
    race.end()
    expect([first.cancelled, second.cancelled, race.isOn]).toEqual([0, 1, false])
  })

  it('ends before it has begun', () => {
    race.end()
    begin()
    expect(started).toBe(0)
  })

  it('is none where the second try may not be', () => {
    const lonely = new Race(AFTER, () => null)
    race.end()
    begin()
    expect(lonely.isOn).toBe(false)
    lonely.settle(first, first)
    expect(first.cancelled).toBe(0)
  })
})
