import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { dateLine } from '../../../engine/http/date.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
})

afterEach(() => {
  vi.useRealTimers()
})

describe('the Date field line', () => {
  it('has the time as RFC 9110 writes it', () => {
    vi.setSystemTime(new Date('2026-11-08T08:09:37.999Z'))
    expect(dateLine()).toBe('Date: Sun, 08 Nov 2026 08:09:37 GMT\r\n')
  })

  it('is the same within a second and another in the next, forwards or backwards', () => {
    vi.setSystemTime(new Date('2026-11-08T08:09:37.000Z'))
    const first = dateLine()
    vi.setSystemTime(new Date('2026-11-08T08:09:37.999Z'))
    expect(dateLine()).toBe(first)
    vi.setSystemTime(new Date('2026-11-08T08:09:38.000Z'))
    expect(dateLine()).toBe('Date: Sun, 08 Nov 2026 08:09:38 GMT\r\n')
    vi.setSystemTime(new Date('2026-11-08T08:09:37.500Z'))
    expect(dateLine()).toBe(first)
  })
})
