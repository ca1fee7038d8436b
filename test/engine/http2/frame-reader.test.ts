import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CONTINUATIONS_MAX, EMPTY_CONTINUATIONS_MAX, FrameReader } from '../../../engine/http2/frame-reader.ts'
import { PREFACE } from '../../../engine/http2/protocol.ts'
import { FRAME_LIMITS, readFrames, SETTINGS_FRAME, type Sender, ToldEvents } from './frame-events.ts'
import { frame, hex, latin, uint32 } from './wire.ts'

const DATA = 0
const HEADERS = 1
const PRIORITY = 2
const RST_STREAM = 3
const SETTINGS = 4
const PUSH_PROMISE = 5
const PING = 6
const GOAWAY = 7
const WINDOW_UPDATE = 8
const CONTINUATION = 9
const PRIORITY_UPDATE = 16

const END_STREAM = 1
const ACK = 1
const END_HEADERS = 4
const PADDED = 8
const WITH_PRIORITY = 32

const PROTOCOL_ERROR = 1
const FRAME_SIZE_ERROR = 6
const ENHANCE_YOUR_CALM = 11

const empty = Buffer.alloc(0)

describe('a frame', () => {
  it.each([
    ['DATA', frame(DATA, 0, 1, latin('abc')), ['data', 1, '616263', 3, false]],
    ['DATA that ends its stream', frame(DATA, END_STREAM, 3, latin('abc')), ['data', 3, '616263', 3, true]],
    ['empty DATA', frame(DATA, 0, 1), ['data', 1, '', 0, false]],
    ['empty DATA that ends its stream', frame(DATA, END_STREAM, 1), ['data', 1, '', 0, true]],
    ['padded DATA', frame(DATA, PADDED, 1, hex('02 6162 0000')), ['data', 1, '6162', 5, false]],
    ['padded DATA that ends its stream', frame(DATA, 9, 1, hex('02 6162 0000')), ['data', 1, '6162', 5, true]],
    ['DATA of padding alone', frame(DATA, PADDED, 1, hex('03 000000')), ['data', 1, '', 4, false]],
    ['DATA of a pad length alone', frame(DATA, PADDED, 1, hex('00')), ['data', 1, '', 1, false]],
    ['HEADERS', frame(HEADERS, END_HEADERS, 1, hex('8286')), ['headers', 1, '8286', false, false]],
    ['HEADERS that end their stream', frame(HEADERS, 5, 1, hex('8286')), ['headers', 1, '8286', true, false]],
    ['empty HEADERS', frame(HEADERS, END_HEADERS, 1), ['headers', 1, '', false, false]],
    ['padded HEADERS', frame(HEADERS, 12, 1, hex('01 82 00')), ['headers', 1, '82', false, false]],
    ['HEADERS with a priority', frame(HEADERS, 36, 1, hex('80000003 10 82')), ['headers', 1, '82', false, true]],
    ['HEADERS with all of it', frame(HEADERS, 45, 1, hex('02 00000000 10 82 0000')), ['headers', 1, '82', true, true]],
    ['PRIORITY', frame(PRIORITY, 0, 1, hex('00000003 10')), ['priority', 1]],
    ['RST_STREAM', frame(RST_STREAM, 0, 5, uint32(8)), ['rst', 5, 8]],
    ['RST_STREAM with a code of nobody', frame(RST_STREAM, 0, 5, uint32(0xffffffff)), ['rst', 5, 0xffffffff]],
    ['SETTINGS', frame(SETTINGS, 0, 0, hex('0003 00000064')), ['settings', false, '000300000064']],
    ['an acknowledgement of SETTINGS', frame(SETTINGS, ACK, 0), ['settings', true, '']],
    ['PING', frame(PING, 0, 0, latin('12345678')), ['ping', false, '3132333435363738']],
    ['an answer to PING', frame(PING, ACK, 0, latin('12345678')), ['ping', true, '3132333435363738']],
    ['GOAWAY', frame(GOAWAY, 0, 0, hex('80000007 0000000b')), ['goaway', 7, 11, '']],
    [
      'GOAWAY that says why',
      frame(GOAWAY, 0, 0, Buffer.concat([hex('00000007 00000000'), latin('bye')])),
      ['goaway', 7, 0, 'bye'],
    ],
    ['WINDOW_UPDATE of the connection', frame(WINDOW_UPDATE, 0, 0, uint32(1)), ['window', 0, 1]],
    ['WINDOW_UPDATE of a stream', frame(WINDOW_UPDATE, 0, 9, uint32(0x7fffffff)), ['window', 9, 0x7fffffff]],
    ['PRIORITY_UPDATE', frame(PRIORITY_UPDATE, 0, 0, Buffer.concat([uint32(7), latin('u=1, i')])), ['update', 7, 9]],
    ['PRIORITY_UPDATE that says nothing', frame(PRIORITY_UPDATE, 0, 0, uint32(7)), ['update', 7, 3]],
    ['an unknown frame', frame(0xfa, 0xff, 3, latin('whatever')), ['unknown', 0xfa]],
    ['an empty unknown frame', frame(0x0c, 0, 0), ['unknown', 0x0c]],
  ] as const)('of %s is told', (_, bytes, told) => {
    expect(readFrames(bytes)).toEqual({ told: [told], error: 0 })
    expect(readFrames(bytes, 'client', [1])).toEqual({ told: [told], error: 0 })
    const twice = Buffer.concat([bytes, bytes])
    expect(readFrames(twice)).toEqual({ told: [told, told], error: 0 })
  })

  it('of HEADERS is told when CONTINUATION has brought the rest', () => {
    const bytes = Buffer.concat([
      frame(HEADERS, END_STREAM, 1, hex('82')),
      frame(CONTINUATION, 0, 1, hex('8684')),
      frame(CONTINUATION, 0, 1),
      frame(CONTINUATION, END_HEADERS, 1, hex('be')),
      frame(HEADERS, END_HEADERS, 3, hex('87')),
    ])
    const told = [
      ['headers', 1, '828684be', true, false],
      ['headers', 3, '87', false, false],
    ]
    expect(readFrames(bytes)).toEqual({ told, error: 0 })
    expect(readFrames(bytes, 'client', [1])).toEqual({ told, error: 0 })
  })

  it('of HEADERS without a byte is told when CONTINUATION without one ends it', () => {
    const bytes = Buffer.concat([frame(HEADERS, 0, 1), frame(CONTINUATION, END_HEADERS, 1)])
    expect(readFrames(bytes)).toEqual({ told: [['headers', 1, '', false, false]], error: 0 })
  })

  it('of DATA goes on as it comes', () => {
    const events = new ToldEvents()
    const reader = new FrameReader(events, FRAME_LIMITS, false)
    reader.read(SETTINGS_FRAME, 0, SETTINGS_FRAME.length)
    const bytes = frame(DATA, END_STREAM, 1, latin('abcdef'))
    const calls: [number, number, number, boolean][] = []
    events.onData = (_streamId, start, end, flowBytes, endStream) => calls.push([start, end, flowBytes, endStream])
    reader.read(bytes, 0, 11)
    reader.read(bytes, 11, 14)
    reader.read(bytes, 14, 15)
    expect(calls).toEqual([
      [9, 11, 6, false],
      [11, 14, 0, false],
      [14, 15, 0, true],
    ])
  })

  it('is as long as our SETTINGS allow, and no longer (RFC 9113, section 4.2)', () => {
    const content = Buffer.alloc(16_384, 0x61)
    expect(readFrames(frame(DATA, 0, 1, content)).error).toBe(0)
    for (const type of [DATA, HEADERS, SETTINGS, GOAWAY, CONTINUATION, 0xfa]) {
      expect(readFrames(frame(type, 0, type === SETTINGS || type === GOAWAY ? 0 : 1, empty, 16_385)).error).toBe(
        FRAME_SIZE_ERROR,
      )
    }
  })
})

describe('a reader', () => {
  it('says whether something is under way', () => {
    const reader = new FrameReader(new ToldEvents(), FRAME_LIMITS, true)
    expect(reader.idle).toBe(false)
    const first = Buffer.concat([PREFACE, SETTINGS_FRAME])
    reader.read(first, 0, 30)
    expect(reader.idle).toBe(false)
    reader.read(first, 30, first.length)
    expect(reader.idle).toBe(true)
    const headers = frame(HEADERS, 0, 1, hex('82'))
    reader.read(headers, 0, headers.length)
    expect(reader.idle).toBe(false)
    const rest = frame(CONTINUATION, END_HEADERS, 1)
    reader.read(rest, 0, rest.length)
    expect(reader.idle).toBe(true)
  })

  it('tells nothing any more once it was stopped, even by an event', () => {
    const events = new ToldEvents()
    const reader = new FrameReader(events, FRAME_LIMITS, false)
    const pings: number[] = []
    events.onPing = (_ack, bytes, start) => {
      pings.push(bytes[start] as number)
      reader.stop()
    }
    const bytes = Buffer.concat([
      SETTINGS_FRAME,
      frame(PING, 0, 0, hex('0102030405060708')),
      frame(PING, 0, 0, latin('12345678')),
    ])
    expect(reader.read(bytes, 0, bytes.length)).toBe(0)
    expect(reader.read(bytes, 0, bytes.length)).toBe(0)
    expect(pings).toEqual([1])
  })

  it('tells nothing any more behind an error', () => {
    const { told, error } = readFrames(Buffer.concat([frame(DATA, 0, 0), frame(PING, 0, 0, latin('12345678'))]))
    expect({ told, error }).toEqual({ told: [], error: PROTOCOL_ERROR })
  })

  it('takes a preface in pieces, and no other (section 3.4)', () => {
    const good = Buffer.concat([PREFACE, SETTINGS_FRAME])
    for (const piece of [1, 5, 23, 24, 25]) {
      expect(readFrames(good, 'bare client', [piece])).toEqual({ told: [['settings', false, '']], error: 0 })
    }
    for (let at = 0; at < PREFACE.length; at += 1) {
      const bad = Buffer.from(good)
      bad[at] = 0x7e
      expect(readFrames(bad, 'bare client').error).toBe(PROTOCOL_ERROR)
    }
  })
})

type Must = readonly [section: string, what: string, bytes: Buffer, error: number, sender?: Sender]

const bytesOf = (...frames: Buffer[]): Buffer => Buffer.concat(frames)

/** What RFC 9113 has no peer do in frames, and what becomes of the connection then. */
const CONNECTION_ERRORS: readonly Must[] = [
  [
    '3.4',
    'another frame than SETTINGS first, of a client',
    bytesOf(PREFACE, frame(PING, 0, 0, latin('12345678'))),
    1,
    'bare client',
  ],
  ['3.4', 'another frame than SETTINGS first, of a server', frame(WINDOW_UPDATE, 0, 0, uint32(1)), 1, 'bare server'],
  ['3.4', 'an unknown frame first', frame(0xfa, 0, 0), 1, 'bare server'],
  ['3.4', 'an acknowledgement first', frame(SETTINGS, ACK, 0), 1, 'bare server'],
  ['4.2', 'PING that is too long for any frame', frame(PING, 0, 0, empty, 0xffffff), FRAME_SIZE_ERROR],
  ['4.3', 'a frame of another type within a field block', bytesOf(frame(HEADERS, 0, 1), frame(DATA, 0, 1)), 1],
  ['4.3', 'HEADERS within a field block', bytesOf(frame(HEADERS, 0, 1), frame(HEADERS, END_HEADERS, 1)), 1],
  ['4.3', 'CONTINUATION of another stream', bytesOf(frame(HEADERS, 0, 1), frame(CONTINUATION, END_HEADERS, 3)), 1],
  ['4.3', 'PING within a field block', bytesOf(frame(HEADERS, 0, 1), frame(PING, 0, 0, latin('12345678'))), 1],
  ['5.5', 'an unknown frame within a field block', bytesOf(frame(HEADERS, 0, 1), frame(0xfa, 0, 1)), 1],
  ['6.1', 'DATA of stream 0', frame(DATA, 0, 0, latin('a')), PROTOCOL_ERROR],
  ['6.1', 'padding as long as the payload of DATA', frame(DATA, PADDED, 1, hex('03 6100')), 1],
  ['6.1', 'padding longer than the payload of DATA', frame(DATA, PADDED, 1, hex('ff 6100')), PROTOCOL_ERROR],
  ['6.1', 'padded DATA without a pad length', frame(DATA, PADDED, 1), FRAME_SIZE_ERROR],
  ['6.2', 'HEADERS of stream 0', frame(HEADERS, END_HEADERS, 0, hex('82')), PROTOCOL_ERROR],
  ['6.2', 'padding longer than the field block', frame(HEADERS, 12, 1, hex('03 82 00')), PROTOCOL_ERROR],
  ['6.2', 'padding that leaves no room for the priority', frame(HEADERS, 44, 1, hex('01 00000000 10')), PROTOCOL_ERROR],
  ['6.2', 'padded HEADERS without a pad length', frame(HEADERS, 12, 1), FRAME_SIZE_ERROR],
  ['6.2', 'HEADERS too short for their priority', frame(HEADERS, 36, 1, hex('00000000')), FRAME_SIZE_ERROR],
  ['6.3', 'PRIORITY of stream 0', frame(PRIORITY, 0, 0, hex('00000003 10')), PROTOCOL_ERROR],
  ['6.4', 'RST_STREAM of stream 0', frame(RST_STREAM, 0, 0, uint32(8)), PROTOCOL_ERROR],
  ['6.4', 'RST_STREAM of three bytes', frame(RST_STREAM, 0, 1, hex('000008')), FRAME_SIZE_ERROR],
  ['6.4', 'RST_STREAM of five bytes', frame(RST_STREAM, 0, 1, hex('0000000800')), FRAME_SIZE_ERROR],
  ['6.5', 'an acknowledgement with settings', frame(SETTINGS, ACK, 0, hex('0003 00000064')), FRAME_SIZE_ERROR],
  ['6.5', 'SETTINGS of a stream', frame(SETTINGS, 0, 1), PROTOCOL_ERROR],
  ['6.5', 'SETTINGS of other than six bytes each', frame(SETTINGS, 0, 0, hex('0003 000000')), FRAME_SIZE_ERROR],
  ['6.6', 'PUSH_PROMISE of a client (section 8.4)', frame(PUSH_PROMISE, END_HEADERS, 1, hex('00000002 82')), 1],
  [
    '6.6',
    'PUSH_PROMISE of a server that was told not to',
    frame(PUSH_PROMISE, END_HEADERS, 1, hex('00000002 82')),
    1,
    'server',
  ],
  [
    '6.6',
    'PUSH_PROMISE of stream 0',
    frame(PUSH_PROMISE, END_HEADERS, 0, hex('00000002 82')),
    PROTOCOL_ERROR,
    'server',
  ],
  ['6.7', 'PING of a stream', frame(PING, 0, 1, latin('12345678')), PROTOCOL_ERROR],
  ['6.7', 'PING of seven bytes', frame(PING, 0, 0, latin('1234567')), FRAME_SIZE_ERROR],
  ['6.7', 'PING of nine bytes', frame(PING, 0, 0, latin('123456789')), FRAME_SIZE_ERROR],
  ['6.8', 'GOAWAY of a stream', frame(GOAWAY, 0, 1, hex('00000000 00000000')), PROTOCOL_ERROR],
  ['6.8', 'GOAWAY of seven bytes', frame(GOAWAY, 0, 0, hex('00000000 000000')), FRAME_SIZE_ERROR],
  ['6.9', 'WINDOW_UPDATE of the connection by 0', frame(WINDOW_UPDATE, 0, 0, uint32(0)), PROTOCOL_ERROR],
  [
    '6.9',
    'WINDOW_UPDATE by 0, with the reserved bit set',
    frame(WINDOW_UPDATE, 0, 0, uint32(0x80000000)),
    PROTOCOL_ERROR,
  ],
  ['6.9', 'WINDOW_UPDATE of three bytes', frame(WINDOW_UPDATE, 0, 1, hex('000001')), FRAME_SIZE_ERROR],
  ['6.9', 'WINDOW_UPDATE of five bytes', frame(WINDOW_UPDATE, 0, 0, hex('0000000100')), FRAME_SIZE_ERROR],
  ['6.10', 'CONTINUATION of stream 0', frame(CONTINUATION, END_HEADERS, 0, hex('82')), PROTOCOL_ERROR],
  ['6.10', 'CONTINUATION behind no HEADERS', frame(CONTINUATION, END_HEADERS, 1, hex('82')), PROTOCOL_ERROR],
  [
    '6.10',
    'CONTINUATION behind a whole field block',
    bytesOf(frame(HEADERS, END_HEADERS, 1, hex('82')), frame(CONTINUATION, 4, 1)),
    1,
  ],
  [
    '6.10',
    'CONTINUATION behind CONTINUATION that ended the block',
    bytesOf(frame(HEADERS, 0, 1), frame(CONTINUATION, 4, 1), frame(CONTINUATION, 4, 1)),
    1,
  ],
]

const CONNECTION_ERROR_ROWS = CONNECTION_ERRORS.map(([section, what, bytes, code, sender = 'client']) => {
  return { section, what, bytes, code, sender }
})

describe('an error of the connection (RFC 9113)', () => {
  it.each(CONNECTION_ERROR_ROWS)('section $section: $what', ({ bytes, code, sender }) => {
    expect(readFrames(bytes, sender).error).toBe(code)
    expect(readFrames(bytes, sender, [1]).error).toBe(code)
  })

  it('section 7.1 of RFC 9218: PRIORITY_UPDATE of a stream, of stream 0, too short, or of a server', () => {
    expect(readFrames(frame(PRIORITY_UPDATE, 0, 1, uint32(1))).error).toBe(PROTOCOL_ERROR)
    expect(readFrames(frame(PRIORITY_UPDATE, 0, 0, uint32(0))).error).toBe(PROTOCOL_ERROR)
    expect(readFrames(frame(PRIORITY_UPDATE, 0, 0, hex('000001'))).error).toBe(FRAME_SIZE_ERROR)
    expect(readFrames(frame(PRIORITY_UPDATE, 0, 0, uint32(1)), 'server').error).toBe(PROTOCOL_ERROR)
  })
})

describe('an error of a stream (RFC 9113)', () => {
  it.each([
    ['6.3', 'PRIORITY of four bytes', frame(PRIORITY, 0, 3, hex('00000000')), FRAME_SIZE_ERROR],
    ['6.3', 'PRIORITY of six bytes', frame(PRIORITY, 0, 3, hex('000000001000')), FRAME_SIZE_ERROR],
    ['6.3', 'PRIORITY of none', frame(PRIORITY, 0, 3), FRAME_SIZE_ERROR],
    ['6.9', 'WINDOW_UPDATE by 0', frame(WINDOW_UPDATE, 0, 3, uint32(0)), PROTOCOL_ERROR],
  ] as const)('section %s: %s; the connection goes on', (_section, _what, bytes, code) => {
    const both = Buffer.concat([bytes, frame(RST_STREAM, 0, 3, uint32(8))])
    const told = [
      ['error', 3, code],
      ['rst', 3, 8],
    ]
    expect(readFrames(both)).toEqual({ told, error: 0 })
    expect(readFrames(both, 'client', [1])).toEqual({ told, error: 0 })
  })
})

describe('what RFC 9113 has ignored', () => {
  it('section 4.1: flags that a type does not have, and the reserved bit', () => {
    const bytes = Buffer.concat([
      frame(PING, 0xfe, 0x80000000, latin('12345678')),
      frame(RST_STREAM, 0xff, 0x80000001, uint32(8)),
      frame(WINDOW_UPDATE, 0xff, 0x80000000, uint32(0x80000005)),
      frame(DATA, 0xf6, 0x80000001, latin('a')),
      frame(GOAWAY, 0xff, 0x80000000, hex('ffffffff 00000000')),
    ])
    expect(readFrames(bytes)).toEqual({
      told: [
        ['ping', false, '3132333435363738'],
        ['rst', 1, 8],
        ['window', 0, 5],
        ['data', 1, '61', 1, false],
        ['goaway', 0x7fffffff, 0, ''],
      ],
      error: 0,
    })
  })

  it('section 4.1: frames of types that nobody knows, but for telling that they came', () => {
    const bytes = Buffer.concat([frame(0x0a, 0, 0, latin('alt-svc')), frame(PING, 0, 0, latin('12345678'))])
    expect(readFrames(bytes).told.map(([event]) => event)).toEqual(['unknown', 'ping'])
  })

  it('section 6.1: what the padding is', () => {
    expect(readFrames(frame(DATA, PADDED, 1, hex('02 61 ffff'))).error).toBe(0)
  })
})

describe('a flood of CONTINUATION', () => {
  it('ends the connection past so many bytes', () => {
    const piece = frame(CONTINUATION, 0, 1, Buffer.alloc(16_384))
    const last = frame(CONTINUATION, END_HEADERS, 1, Buffer.alloc(FRAME_LIMITS.blockBytesMax - 2 * 16_384))
    expect(readFrames(Buffer.concat([frame(HEADERS, 0, 1), piece, piece, last])).error).toBe(0)
    const more = frame(CONTINUATION, END_HEADERS, 1, Buffer.alloc(FRAME_LIMITS.blockBytesMax - 2 * 16_384 + 1))
    expect(readFrames(Buffer.concat([frame(HEADERS, 0, 1), piece, piece, more])).error).toBe(ENHANCE_YOUR_CALM)
  })

  it('ends the connection past so many frames', () => {
    const pieces = (count: number): Buffer => Buffer.concat(Array(count).fill(frame(CONTINUATION, 0, 1, hex('82'))))
    const last = frame(CONTINUATION, END_HEADERS, 1)
    expect(readFrames(Buffer.concat([frame(HEADERS, 0, 1), pieces(CONTINUATIONS_MAX - 1), last])).error).toBe(0)
    expect(readFrames(Buffer.concat([frame(HEADERS, 0, 1), pieces(CONTINUATIONS_MAX + 1)])).error).toBe(
      ENHANCE_YOUR_CALM,
    )
  })

  it('ends the connection past a few empty ones', () => {
    const pieces = (count: number): Buffer => Buffer.concat(Array(count).fill(frame(CONTINUATION, 0, 1)))
    expect(readFrames(Buffer.concat([frame(HEADERS, 0, 1), pieces(EMPTY_CONTINUATIONS_MAX)])).error).toBe(0)
    expect(readFrames(Buffer.concat([frame(HEADERS, 0, 1), pieces(EMPTY_CONTINUATIONS_MAX + 1)])).error).toBe(
      ENHANCE_YOUR_CALM,
    )
  })
})

describe('any stream of bytes', () => {
  const payload = fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes))
  const anyFrame = fc
    .tuple(
      fc.oneof(fc.integer({ min: 0, max: 10 }), fc.constantFrom(16, 0xfa)),
      fc.nat({ max: 255 }),
      fc.integer({ min: 0, max: 5 }),
      payload,
    )
    .map(([type, flags, streamId, bytes]) => frame(type, flags, streamId, bytes))
  const goodFrame = fc.oneof(
    fc
      .tuple(fc.integer({ min: 1, max: 9 }), fc.boolean(), payload)
      .map(([id, end, bytes]) => frame(DATA, end ? 1 : 0, id, bytes)),
    fc
      .tuple(fc.nat({ max: 20 }), payload)
      .map(([pad, bytes]) => frame(DATA, PADDED, 1, Buffer.concat([Buffer.from([pad]), bytes, Buffer.alloc(pad)]))),
    payload.map(bytes => frame(HEADERS, END_HEADERS | END_STREAM, 1, bytes)),
    payload.map(bytes =>
      Buffer.concat([frame(HEADERS, 0, 1, bytes), frame(CONTINUATION, 0, 1, bytes), frame(CONTINUATION, 4, 1, bytes)]),
    ),
    payload.map(bytes => frame(HEADERS, END_HEADERS | WITH_PRIORITY, 1, Buffer.concat([hex('0000000010'), bytes]))),
    fc.constantFrom(
      frame(PING, 0, 0, latin('12345678')),
      frame(WINDOW_UPDATE, 0, 1, uint32(9)),
      frame(WINDOW_UPDATE, 0, 1, uint32(0)),
      frame(RST_STREAM, 0, 1, uint32(8)),
      frame(SETTINGS, 0, 0, hex('0003 00000064 0004 00010000')),
      frame(GOAWAY, 0, 0, hex('00000001 00000000 616263')),
      frame(PRIORITY, 0, 1, hex('00')),
      frame(PRIORITY_UPDATE, 0, 0, hex('00000001 753d31')),
    ),
    payload.map(bytes => frame(0xfa, 0, 0, bytes)),
  )
  const pieces = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 })

  it('gives the same events however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 6, arbitrary: goodFrame }, { weight: 1, arbitrary: anyFrame }), { maxLength: 15 }),
        pieces,
        (frames, cut) => {
          const bytes = Buffer.concat(frames)
          expect(readFrames(bytes, 'client', cut)).toEqual(readFrames(bytes))
        },
      ),
      { numRuns: 400 },
    )
  })

  it('gives the same events with a cut at every place', () => {
    const [sample] = fc.sample(fc.array(goodFrame, { minLength: 20, maxLength: 20 }), { numRuns: 1, seed: 7 })
    const bytes = Buffer.concat(sample!)
    const whole = readFrames(bytes)
    expect(whole.error).toBe(0)
    for (let at = 1; at < bytes.length; at += 1)
      expect(readFrames(bytes, 'client', [at, bytes.length + 100])).toEqual(whole)
  })

  it('never throws, valid or not', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(anyFrame, payload), { maxLength: 20 }),
        pieces,
        fc.constantFrom<Sender>('client', 'server', 'bare client'),
        (frames, cut, sender) => {
          const { error } = readFrames(Buffer.concat(frames), sender, cut)
          expect([0, PROTOCOL_ERROR, FRAME_SIZE_ERROR, ENHANCE_YOUR_CALM]).toContain(error)
        },
      ),
      { numRuns: 400 },
    )
  })
})
