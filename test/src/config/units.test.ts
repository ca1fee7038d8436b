import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatDuration, formatSize, parseDuration, parseShare, parseSize } from '../../../src/config/units.ts'

const DAY_MS = 86_400_000

describe('durations', () => {
  test.each([
    ['1ms', 1],
    ['250ms', 250],
    ['5s', 5_000],
    ['1m', 60_000],
    ['1h', 3_600_000],
    ['005s', 5_000],
  ])('%s is %i milliseconds', (text, milliseconds) => {
    expect(parseDuration(text, 1, DAY_MS)).toEqual({ ok: true, value: milliseconds })
  })

  test.each([
    ['30', '30s'],
    ['30 s', '30s'],
    ['30S', '30s'],
    ['30sec', '30s'],
    ['1.5m', '90s'],
    ['1m30s', '90s'],
    ['1 hour', '1h'],
    ['1d', '24h'],
    ['500millis', '500ms'],
  ])('%s is refused, and %s is suggested', (text, suggestion) => {
    expect(parseDuration(text, 1, DAY_MS)).toMatchObject({ ok: false, hint: `did you mean ${suggestion}?` })
  })

  test.each(['', 's', '-5s', '5 parsecs', '٣s', '1e3s', '1:30', '5s5', ' ', '30d', '0'])('%j is refused', text => {
    const parsed = parseDuration(text, 1, DAY_MS)
    expect(parsed.ok).toBe(false)
  })

  test('a duration outside its bounds is refused with the bound', () => {
    expect(parseDuration('0s', 1, DAY_MS)).toMatchObject({ message: 'must be longer than 0' })
    expect(parseDuration('25h', 1, DAY_MS)).toMatchObject({ message: 'must be at most 24h' })
    expect(parseDuration('1ms', 50, DAY_MS)).toMatchObject({ message: 'must be at least 50ms' })
    expect(parseDuration('9'.repeat(400).concat('h'), 1, DAY_MS)).toMatchObject({ message: 'must be at most 24h' })
  })

  test('what is written by formatDuration reads as the same duration', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: DAY_MS }), milliseconds => {
        expect(parseDuration(formatDuration(milliseconds), 1, DAY_MS)).toEqual({ ok: true, value: milliseconds })
      }),
    )
  })
})

describe('sizes', () => {
  test.each([
    ['0B', 0],
    ['512B', 512],
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
    ['2GiB', 2_147_483_648],
  ])('%s is %i bytes', (text, bytes) => {
    expect(parseSize(text, 0, Number.MAX_SAFE_INTEGER)).toEqual({ ok: true, value: bytes })
  })

  test.each([
    ['64', '64B'],
    ['65536', '64KiB'],
    ['64k', '64KiB'],
    ['64KB', '64KiB'],
    ['64 KiB', '64KiB'],
    ['64kib', '64KiB'],
    ['0.5MiB', '512KiB'],
    ['1M', '1MiB'],
  ])('%s is refused, and %s is suggested', (text, suggestion) => {
    expect(parseSize(text, 1, 2 ** 30)).toMatchObject({ ok: false, hint: `did you mean ${suggestion}?` })
  })

  test('a size outside its bounds is refused with the bound', () => {
    expect(parseSize('1KiB', 2048, 4096)).toMatchObject({ message: 'must be at least 2KiB' })
    expect(parseSize('5000B', 2048, 4096)).toMatchObject({ message: 'must be at most 4KiB' })
  })

  test('what is written by formatSize reads as the same size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), bytes => {
        expect(parseSize(formatSize(bytes), 0, 2 ** 31)).toEqual({ ok: true, value: bytes })
      }),
    )
  })
})

describe('shares', () => {
  test.each([
    ['0%', 0],
    ['50%', 0.5],
    ['12.5%', 0.125],
    ['29%', 0.29],
    ['100%', 1],
    ['007%', 0.07],
  ])('%s is %f', (text, share) => {
    expect(parseShare(text)).toEqual({ ok: true, value: share })
  })

  test.each([
    ['20', '20%'],
    ['20 %', '20%'],
    ['20 percent', '20%'],
    ['0.2', '20%'],
    ['0.125', '12.5%'],
    ['1', '100%'],
  ])('%s is refused, and %s is suggested', (text, suggestion) => {
    expect(parseShare(text)).toMatchObject({ ok: false, hint: `did you mean ${suggestion}?` })
  })

  test.each(['', '%', '-1%', '101%', '100.1%', '1e1%', '.5%', '٣%', '1%%', '200', 'all'])('%j is refused', text => {
    expect(parseShare(text).ok).toBe(false)
  })
})

test('any text is read or refused at once, however hostile', () => {
  const hostile = ['1'.repeat(100_000), `${'1s'.repeat(20)}!`, `${'1'.repeat(39)}!`, ' '.repeat(50_000)]
  for (const text of hostile) expect(parseDuration(text, 1, DAY_MS).ok).toBe(false)
  fc.assert(
    fc.property(fc.string(), text => {
      parseDuration(text, 1, DAY_MS)
      parseSize(text, 0, 1024)
      parseShare(text)
    }),
  )
})
