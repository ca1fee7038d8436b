import { describe, expect, it } from 'vitest'
import { type ContentCoding, preferredCodings } from '../../../../engine/exchange/files/content-coding.ts'

const ALL: readonly ContentCoding[] = ['zstd', 'br', 'gzip']

describe('the codings that a client prefers', () => {
  it.each([
    ['', ''],
    ['gzip', 'gzip'],
    ['gzip, deflate, br, zstd', 'zstd br gzip'],
    ['GZIP , BR', 'br gzip'],
    ['x-gzip', 'gzip'],
    ['gzip;q=1, br;q=0.5', 'gzip br'],
    ['gzip; q=0.2, br ;q=0.200, zstd;q=0.9', 'zstd br gzip'],
    ['br;q=0, gzip', 'gzip'],
    ['br;q=0.000', ''],
    ['*', 'zstd br gzip'],
    ['*;q=0', ''],
    ['*;q=0, gzip', 'gzip'],
    ['gzip;q=0, *', 'zstd br'],
    ['identity', ''],
    ['identity;q=0, gzip;q=0.1', 'gzip'],
    ['identity;q=0.5, gzip;q=0.4, br;q=0.5', 'br'],
    ['gzip;q=0.4, *;q=0.8', 'zstd br'],
    ['gzip;q=2', ''],
    ['gzip;q=x', ''],
    ['gzip;q=0.1234', ''],
    ['gzip;q=', ''],
    ['gzip;level=1', 'gzip'],
    [',,gzip,', 'gzip'],
    ['deflate, compress', ''],
    ['gzipx, brr', ''],
  ])('are those of its field: %j', (field, codings) => {
    expect(preferredCodings(field, ALL).join(' ')).toBe(codings)
  })

  it('are those of the configuration only, in its order', () => {
    expect(preferredCodings('gzip, br, zstd', ['gzip', 'br'])).toEqual(['gzip', 'br'])
    expect(preferredCodings('gzip, br', [])).toEqual([])
  })
})
