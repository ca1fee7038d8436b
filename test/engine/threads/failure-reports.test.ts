import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type FailureReport, FailureReports } from '../../../engine/threads/failure-reports.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

describe('connections that come to nothing', () => {
  it('are told of at once, then together from time to time, and again at once after a quiet while', () => {
    const told: FailureReport[] = []
    const reports = new FailureReports(report => told.push(report))
    for (let index = 0; index < 100; index += 1) reports.failed(`10.0.0.${index}`, 'ERR_A', 'a')
    expect(told).toEqual([{ count: 1, client: '10.0.0.0', error: 'ERR_A', detail: 'a' }])
    vi.advanceTimersByTime(10_000)
    expect(told.slice(1)).toEqual([{ count: 99, client: '10.0.0.99', error: 'ERR_A', detail: 'a' }])
    vi.advanceTimersByTime(60_000)
    reports.failed('10.0.0.1', 'ERR_B', 'b')
    expect(told.slice(2)).toEqual([{ count: 1, client: '10.0.0.1', error: 'ERR_B', detail: 'b' }])
    expect(vi.getTimerCount()).toBe(1)
    vi.advanceTimersByTime(10_000)
    expect(vi.getTimerCount()).toBe(0)
  })
})
