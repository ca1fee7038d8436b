import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { errorName, FLOW_CONTROL_ERROR, PROTOCOL_ERROR } from '../../../engine/http2/protocol.ts'
import { PeerSettings, SETTING_ROWS, UNLIMITED } from '../../../engine/http2/settings.ts'
import { uint32 } from './wire.ts'

function payload(...rows: readonly (readonly [id: number, value: number])[]): Buffer {
  return Buffer.concat(rows.map(([id, value]) => Buffer.concat([Buffer.from([id >> 8, id]), uint32(value)])))
}

function apply(settings: PeerSettings, ...rows: readonly (readonly [id: number, value: number])[]): number {
  const bytes = Buffer.concat([Buffer.alloc(3), payload(...rows), Buffer.alloc(3)])
  return settings.apply(bytes, 3, bytes.length - 3)
}

describe('the settings of a peer', () => {
  it('are those of RFC 9113, section 6.5.2, until it has told others', () => {
    expect({ ...new PeerSettings(false) }).toEqual({
      headerTableBytes: 4096,
      headerTableBytesLowest: 4096,
      enablePush: 1,
      streamsMax: UNLIMITED,
      initialWindowBytes: 65_535,
      frameBytesMax: 16_384,
      fieldSectionBytesMax: UNLIMITED,
      connectProtocol: false,
      noRfc7540Priorities: false,
    })
  })

  it('say how small the table of field lines was on the way', () => {
    const settings = new PeerSettings(false)
    apply(settings, [1, 0], [1, 100])
    expect([settings.headerTableBytesLowest, settings.headerTableBytes]).toEqual([0, 100])
    apply(settings, [1, 200])
    expect([settings.headerTableBytesLowest, settings.headerTableBytes]).toEqual([100, 200])
  })

  it('are what it tells, the last of several values', () => {
    const settings = new PeerSettings(false)
    expect(apply(settings, [1, 100], [2, 0], [3, 5], [3, 7], [4, 1], [5, 20_000], [6, 9], [8, 1], [9, 1])).toBe(0)
    expect({ ...settings }).toEqual({
      headerTableBytes: 100,
      headerTableBytesLowest: 100,
      enablePush: 0,
      streamsMax: 7,
      initialWindowBytes: 1,
      frameBytesMax: 20_000,
      fieldSectionBytesMax: 9,
      connectProtocol: true,
      noRfc7540Priorities: true,
    })
  })

  it('stay as they are where it tells nothing, or what nobody knows (section 6.5.2)', () => {
    const settings = new PeerSettings(true)
    expect(apply(settings)).toBe(0)
    expect(apply(settings, [0, 5], [7, 5], [10, 5], [15, 5], [16, 5], [0xffff, 0xffffffff])).toBe(0)
    expect({ ...settings }).toEqual({ ...new PeerSettings(true) })
  })

  it.each(SETTING_ROWS)('$name holds from $min to $max, and is an error of the connection past it', row => {
    for (const value of [row.min, row.max]) {
      expect(apply(new PeerSettings(false), [row.id, value])).toBe(0)
    }
    if (row.min > 0) expect(apply(new PeerSettings(false), [row.id, row.min - 1])).toBe(row.error)
    if (row.max < UNLIMITED) expect(apply(new PeerSettings(false), [row.id, row.max + 1])).toBe(row.error)
  })

  it('section 6.5.2: a window past 2^31-1 is an error of flow control', () => {
    expect(apply(new PeerSettings(false), [4, 0x80000000])).toBe(FLOW_CONTROL_ERROR)
  })

  it('section 6.5.2: a server cannot enable push', () => {
    expect(apply(new PeerSettings(true), [2, 1])).toBe(PROTOCOL_ERROR)
    expect(apply(new PeerSettings(true), [2, 0])).toBe(0)
    expect(apply(new PeerSettings(false), [2, 1])).toBe(0)
  })

  it('section 3 of RFC 8441: extended CONNECT that was allowed stays so', () => {
    const settings = new PeerSettings(true)
    expect(apply(settings, [8, 1])).toBe(0)
    expect(apply(settings, [8, 1])).toBe(0)
    expect(apply(settings, [8, 0])).toBe(PROTOCOL_ERROR)
  })

  it('section 2.1 of RFC 9218: what is said of priorities first, holds', () => {
    const told = new PeerSettings(false)
    expect(apply(told, [9, 1])).toBe(0)
    expect(apply(told, [9, 1])).toBe(0)
    expect(apply(told, [9, 0])).toBe(PROTOCOL_ERROR)
    const silent = new PeerSettings(false)
    expect(apply(silent)).toBe(0)
    expect(apply(silent, [9, 0])).toBe(0)
    expect(apply(silent, [9, 1])).toBe(PROTOCOL_ERROR)
  })

  it('can be anything without anything being thrown', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, fromServer) => {
        expect([0, 1, 3]).toContain(new PeerSettings(fromServer).apply(Buffer.from(bytes), 0, bytes.length))
      }),
    )
  })
})

describe('an error code', () => {
  it('has a name in RFC 9113, section 7, or is told as a number', () => {
    expect([0, 1, 7, 13, 14, 0xffffffff].map(errorName)).toEqual([
      'NO_ERROR',
      'PROTOCOL_ERROR',
      'REFUSED_STREAM',
      'HTTP_1_1_REQUIRED',
      '0xe',
      '0xffffffff',
    ])
  })
})
