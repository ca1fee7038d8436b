import { expect, it } from 'vitest'
import { NO_TIMEOUT, readTimeout } from '../../../../engine/exchange/grpc/timeout.ts'

it.each([
  ['1H', 3_600_000],
  ['2M', 120_000],
  ['30S', 30_000],
  ['250m', 250],
  ['1500u', 1.5],
  ['99999999n', 99.999_999],
  ['0S', 0],
  ['00000001S', 1000],
])('%s is so many milliseconds: %d', (value, milliseconds) => {
  expect(readTimeout(value)).toBeCloseTo(milliseconds, 6)
})

it.each(['', '1', 'S', '1s', '1 S', ' 1S', '1S ', '-1S', '+1S', '1.5S', '100000000n', '1S, 2S', '1h', '٣S'])(
  '%j is no timeout',
  value => {
    expect(readTimeout(value)).toBe(NO_TIMEOUT)
  },
)

it.each(['99999999H', '99999999M', '99999999S'])('%s is too long to matter', value => {
  expect(readTimeout(value)).toBe(NO_TIMEOUT)
})
