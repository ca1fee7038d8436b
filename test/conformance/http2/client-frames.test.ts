/** What RFC 9113, sections 3 to 7, and RFC 7541 bind a client to, whatever frames its origin sends. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { get, head } from '../../support/heads.ts'
import { encodeFields, hpackInteger, hpackText } from '../../support/http2-fields.ts'
import {
  ACK,
  CONTINUATION,
  DATA,
  dataFrame,
  ENABLE_PUSH,
  END_HEADERS,
  END_STREAM,
  frame,
  GOAWAY,
  goawayFrame,
  HEADER_TABLE_SIZE,
  HEADERS,
  headersFrame,
  INITIAL_WINDOW_SIZE,
  MAX_FRAME_SIZE,
  PADDED,
  PING,
  PRIORITY,
  PRIORITY_FLAG,
  PRIORITY_UPDATE,
  PUSH_PROMISE,
  RST_STREAM,
  resetFrame,
  responseFields,
  SETTINGS,
  settingsFrame,
  uint32,
  WINDOW_UPDATE,
  windowFrame,
} from '../../support/http2-peer.ts'
import { valuesOf } from '../../support/strict-head.ts'
import {
  block,
  type ClientScene,
  connectionError,
  goesOn,
  good,
  openClient,
  type Rule,
  streamError,
  UNUSED_FLAGS,
} from './client-scene.ts'
import {
  CANCEL,
  COMPRESSION_ERROR,
  FLOW_CONTROL_ERROR,
  FRAME_SIZE_ERROR,
  PROTOCOL_ERROR,
  STREAM_CLOSED,
} from './server-scene.ts'

let client: ClientScene
beforeAll(async () => {
  client = await openClient()
})
afterEach(() => client.scene.rest())
afterAll(() => client[Symbol.asyncDispose]())

const ok = responseFields(200)
const RESERVED = 2 ** 31
const NOTHING = { settings: null, automatic: false }
const noStart = { ...connectionError(PROTOCOL_ERROR), options: NOTHING }
const closedTooEarly = { ...connectionError(STREAM_CLOSED), isAnswered: true }

const starting: Rule[] = [
  ['3.4: SETTINGS come first', s => [good(s)], noStart],
  ['3.4: an acknowledgement is none of them', s => [frame(SETTINGS, ACK, 0), good(s)], noStart],
  ['3.4: nor is GOAWAY', () => [goawayFrame(0, 0)], noStart],
  ['3.4: nor words of HTTP/1.1', () => ['HTTP/1.1 200 OK\r\n\r\n'], noStart],
  ['4.1: unknown frames are ignored', s => [frame(0x42, 0xff, s, 'x'), frame(0xff, 0, 0), good(s)], goesOn],
  [
    '4.1: unused flags and the reserved bit are ignored',
    s => [
      frame(HEADERS, END_HEADERS | UNUSED_FLAGS, s + RESERVED, encodeFields(ok)),
      frame(PING, UNUSED_FLAGS, RESERVED, '12345678'),
      frame(WINDOW_UPDATE, UNUSED_FLAGS, 0, uint32(RESERVED + 1)),
      frame(DATA, END_STREAM | UNUSED_FLAGS, s, 'good'),
    ],
    goesOn,
  ],
  [
    '4.2: frames are no longer than SETTINGS_MAX_FRAME_SIZE',
    s => [block(s, END_HEADERS, Buffer.alloc(16_385))],
    connectionError(FRAME_SIZE_ERROR),
  ],
  ['4.2: unknown ones neither', () => [frame(0x42, 0, 0, Buffer.alloc(16_385))], connectionError(FRAME_SIZE_ERROR)],
  [
    '4.2: as long as that they are fine',
    s => [headersFrame(s, ok), frame(0x42, 0, s, Buffer.alloc(16_384)), dataFrame(s, 'good', true)],
    goesOn,
  ],
  [
    '4.3: no other frame comes within a field block',
    s => [block(s, 0, encodeFields(ok)), frame(0x42, 0, 0)],
    connectionError(PROTOCOL_ERROR),
  ],
  [
    '4.3: nor a part of another',
    s => [block(s, 0, encodeFields(ok)), frame(CONTINUATION, END_HEADERS, s + 2)],
    connectionError(PROTOCOL_ERROR),
  ],
  [
    '4.3: what cannot be decoded ends the connection',
    s => [block(s, END_HEADERS, Buffer.of(0xc5))],
    connectionError(COMPRESSION_ERROR),
  ],
]

const streams: Rule[] = [
  ['5.1 idle: HEADERS', s => [headersFrame(s + 2, ok, true)], connectionError(PROTOCOL_ERROR)],
  ['5.1 idle: DATA', s => [dataFrame(s + 2, 'x')], connectionError(PROTOCOL_ERROR)],
  ['5.1 idle: RST_STREAM', s => [resetFrame(s + 2, 8)], connectionError(PROTOCOL_ERROR)],
  ['5.1 idle: WINDOW_UPDATE', s => [windowFrame(s + 2, 1)], connectionError(PROTOCOL_ERROR)],
  ['5.1 idle: PRIORITY may come', s => [frame(PRIORITY, 0, s + 2, Buffer.alloc(5)), good(s)], goesOn],
  ['5.1 closed: DATA', s => [good(s), dataFrame(s, 'x')], closedTooEarly],
  ['5.1 closed: HEADERS', s => [good(s), headersFrame(s, ok, true)], closedTooEarly],
  [
    '5.1 closed: what crosses our end may come',
    s => [good(s), windowFrame(s, 1), resetFrame(s, 0), frame(PRIORITY, 0, s, Buffer.alloc(5))],
    goesOn,
  ],
  [
    '5.1.1: a server opens no streams of even number',
    () => [headersFrame(2, ok, true)],
    connectionError(PROTOCOL_ERROR),
  ],
  ['5.5: unknown settings are ignored', s => [settingsFrame([0xf0f0, 1], [0, 0xffffffff], [7, 3]), good(s)], goesOn],
]

const frames: Rule[] = [
  ['6.1: DATA belongs to a stream', () => [dataFrame(0, 'x')], connectionError(PROTOCOL_ERROR)],
  [
    '6.1: padding is left out of the content',
    s => [
      headersFrame(s, ok),
      frame(DATA, PADDED | END_STREAM, s, Buffer.concat([Buffer.of(3), Buffer.from('good'), Buffer.alloc(3)])),
    ],
    goesOn,
  ],
  [
    '6.1: padding as long as the frame',
    s => [headersFrame(s, ok), frame(DATA, PADDED, s, Buffer.of(4, 1, 2, 3))],
    connectionError(PROTOCOL_ERROR),
  ],
  [
    '6.1: padding without its length',
    s => [headersFrame(s, ok), frame(DATA, PADDED, s)],
    connectionError(FRAME_SIZE_ERROR),
  ],
  ['6.2: HEADERS belong to a stream', () => [headersFrame(0, ok)], connectionError(PROTOCOL_ERROR)],
  [
    '6.2: padding and priority fields are left out of the block',
    s => [
      block(s, END_HEADERS | PADDED | PRIORITY_FLAG, Buffer.of(2), Buffer.alloc(5), encodeFields(ok), Buffer.alloc(2)),
      dataFrame(s, 'good', true),
    ],
    goesOn,
  ],
  [
    '6.2: padding that is longer than the block',
    s => [block(s, END_HEADERS | PADDED, Buffer.of(200), encodeFields(ok))],
    connectionError(PROTOCOL_ERROR),
  ],
  [
    '6.3: PRIORITY belongs to a stream',
    () => [frame(PRIORITY, 0, 0, Buffer.alloc(5))],
    connectionError(PROTOCOL_ERROR),
  ],
  ['6.3: PRIORITY has five bytes', s => [frame(PRIORITY, 0, s, Buffer.alloc(4))], streamError(FRAME_SIZE_ERROR)],
  ['6.4: RST_STREAM belongs to a stream', () => [resetFrame(0, 0)], connectionError(PROTOCOL_ERROR)],
  ['6.4: RST_STREAM has four bytes', s => [frame(RST_STREAM, 0, s, 'abc')], connectionError(FRAME_SIZE_ERROR)],
  ['6.5: SETTINGS belong to the connection', s => [frame(SETTINGS, 0, s)], connectionError(PROTOCOL_ERROR)],
  [
    '6.5: an acknowledgement is empty',
    () => [frame(SETTINGS, ACK, 0, Buffer.alloc(6))],
    connectionError(FRAME_SIZE_ERROR),
  ],
  [
    '6.5: SETTINGS have six bytes each',
    () => [frame(SETTINGS, 0, 0, Buffer.alloc(7))],
    connectionError(FRAME_SIZE_ERROR),
  ],
  ['6.5.2: a server may say that it wants no push', s => [settingsFrame([ENABLE_PUSH, 0]), good(s)], goesOn],
  ['6.5.2: a server has no push to allow', () => [settingsFrame([ENABLE_PUSH, 1])], connectionError(PROTOCOL_ERROR)],
  [
    '6.5.2: a window has 31 bits',
    () => [settingsFrame([INITIAL_WINDOW_SIZE, RESERVED])],
    connectionError(FLOW_CONTROL_ERROR),
  ],
  [
    '6.5.2: frames are no smaller than that',
    () => [settingsFrame([MAX_FRAME_SIZE, 16_383])],
    connectionError(PROTOCOL_ERROR),
  ],
  ['6.5.2: nor larger than that', () => [settingsFrame([MAX_FRAME_SIZE, 2 ** 24])], connectionError(PROTOCOL_ERROR)],
  [
    '6.5.3: SETTINGS are acknowledged in their order, each once',
    async (s, peer) => {
      await peer.send(settingsFrame([MAX_FRAME_SIZE, 20_000]), settingsFrame(), good(s))
      await peer.settled()
      const acknowledged = peer.received.filter(({ type, flags }) => type === SETTINGS && flags === ACK)
      expect(acknowledged.map(({ payload }) => payload.length)).toEqual([0, 0, 0])
    },
    goesOn,
  ],
  [
    '6.6, 8.4: nothing is pushed',
    s => [frame(PUSH_PROMISE, END_HEADERS, s, Buffer.concat([uint32(2), encodeFields([[':path', '/']])]))],
    connectionError(PROTOCOL_ERROR),
  ],
  [
    '6.7: PING is answered with its bytes, its answer is not',
    async (s, peer) => {
      await peer.send(frame(PING, ACK, 0, 'answered'), frame(PING, 0, 0, '\0\x01234567'), good(s))
      const { payload } = await peer.next(({ type, flags }) => type === PING && flags === ACK)
      expect(payload.toString('latin1')).toBe('\0\x01234567')
      expect(peer.received.filter(({ type }) => type === PING).length).toBe(1)
    },
    goesOn,
  ],
  ['6.7: PING belongs to the connection', s => [frame(PING, 0, s, '12345678')], connectionError(PROTOCOL_ERROR)],
  ['6.7: PING has eight bytes', () => [frame(PING, 0, 0, '1234567')], connectionError(FRAME_SIZE_ERROR)],
  [
    '6.8: GOAWAY belongs to the connection',
    s => [frame(GOAWAY, 0, s, Buffer.alloc(8))],
    connectionError(PROTOCOL_ERROR),
  ],
  [
    '6.8: GOAWAY has eight bytes at least',
    () => [frame(GOAWAY, 0, 0, Buffer.alloc(7))],
    connectionError(FRAME_SIZE_ERROR),
  ],
  ['6.9: a window of nothing, of a stream', s => [windowFrame(s, 0)], streamError(PROTOCOL_ERROR)],
  ['6.9: a window of nothing, of the connection', () => [windowFrame(0, 0)], connectionError(PROTOCOL_ERROR)],
  [
    '6.9: WINDOW_UPDATE has four bytes',
    s => [frame(WINDOW_UPDATE, 0, s, Buffer.alloc(5))],
    connectionError(FRAME_SIZE_ERROR),
  ],
  ['6.9.1: a window of a stream has 31 bits', s => [windowFrame(s, 0x7fffffff)], streamError(FLOW_CONTROL_ERROR)],
  ['6.9.1: so has that of the connection', () => [windowFrame(0, 0x7fffffff)], connectionError(FLOW_CONTROL_ERROR)],
  [
    '6.9.2: a window that was opened further cannot be made too large by SETTINGS',
    s => [windowFrame(s, 0x7fffffff - 65_535), settingsFrame([INITIAL_WINDOW_SIZE, 65_536])],
    connectionError(FLOW_CONTROL_ERROR),
  ],
  [
    '6.10: CONTINUATION continues something',
    s => [frame(CONTINUATION, END_HEADERS, s, '')],
    connectionError(PROTOCOL_ERROR),
  ],
  [
    '6.10: nothing continues what is whole',
    s => [headersFrame(s, ok), frame(CONTINUATION, END_HEADERS, s, '')],
    connectionError(PROTOCOL_ERROR),
  ],
  [
    '6.10: a block may come in many frames, some of them empty',
    s => [
      block(s, 0),
      ...[...encodeFields(ok)].map(byte => frame(CONTINUATION, 0, s, Buffer.of(byte))),
      frame(CONTINUATION, END_HEADERS, s),
      dataFrame(s, 'good', true),
    ],
    goesOn,
  ],
  [
    'RFC 9218, 7.1: PRIORITY_UPDATE is for servers',
    s => [frame(PRIORITY_UPDATE, 0, 0, Buffer.concat([uint32(s), Buffer.from('u=1')]))],
    connectionError(PROTOCOL_ERROR),
  ],
]

const hpack: Rule[] = [
  [
    '2.3.3: an index beyond the tables',
    s => [block(s, END_HEADERS, hpackInteger(0x80, 7, 62))],
    connectionError(COMPRESSION_ERROR),
  ],
  ['6.1: the index 0', s => [block(s, END_HEADERS, Buffer.of(0x80))], connectionError(COMPRESSION_ERROR)],
  [
    '6.3: a table larger than allowed',
    s => [block(s, END_HEADERS, hpackInteger(0x20, 5, 4097), encodeFields(ok))],
    connectionError(COMPRESSION_ERROR),
  ],
  [
    '4.2: a new size of the table behind a field',
    s => [block(s, END_HEADERS, encodeFields(ok), hpackInteger(0x20, 5, 0))],
    connectionError(COMPRESSION_ERROR),
  ],
  [
    '4.2: new sizes of the table before the first field',
    s => [
      block(s, END_HEADERS, hpackInteger(0x20, 5, 0), hpackInteger(0x20, 5, 4096), encodeFields(ok)),
      dataFrame(s, 'good', true),
    ],
    goesOn,
  ],
  [
    '5.1: an integer without end',
    s => [block(s, END_HEADERS, Buffer.alloc(20, 0xff))],
    connectionError(COMPRESSION_ERROR),
  ],
  [
    '5.2: a text longer than its block',
    s => [block(s, END_HEADERS, Buffer.of(0x08, 0x04), Buffer.from('20'))],
    connectionError(COMPRESSION_ERROR),
  ],
  [
    '5.2: the end of a Huffman code within a text',
    s => [block(s, END_HEADERS, Buffer.of(0x08, 0x84, 0xff, 0xff, 0xff, 0xff))],
    connectionError(COMPRESSION_ERROR),
  ],
  [
    '5.2: a Huffman code padded by more than seven bits',
    s => [block(s, END_HEADERS, Buffer.of(0x08, 0x83, 0x10, 0x01, 0xff, 0xff).subarray(0, 5))],
    connectionError(COMPRESSION_ERROR),
  ],
  [
    '5.2: a Huffman code padded by zeros',
    s => [block(s, END_HEADERS, Buffer.of(0x08, 0x81, 0x00))],
    connectionError(COMPRESSION_ERROR),
  ],
]

describe('RFC 9113, sections 3 and 4', () => {
  it.each(starting)('%s', (...rule) => client.check(rule))

  it('3.4: a connection begins with the preface and SETTINGS, and does not wait for the other side', async () => {
    client.scene.play(
      async peer => {
        const [first] = [await peer.next()]
        expect([first.type, first.flags, first.stream]).toEqual([SETTINGS, 0, 0])
        const { stream } = await peer.section()
        await peer.send(settingsFrame(), good(stream))
        await peer.next(({ type, flags }) => type === SETTINGS && flags === ACK)
      },
      0,
      NOTHING,
    )
    const asking = await client.scene.client()
    await asking.send(get('/'))
    expect((await asking.readResponse()).status).toBe(200)
    // 6.5.2, 8.4: nothing is to be pushed.
    expect((await client.scene.peer(0)).settings.get(ENABLE_PUSH)).toBe(0)
  })

  it('4.3: blocks for a stream that we have reset are decoded all the same', async () => {
    client.scene.play(async peer => {
      const { stream } = await peer.section()
      await peer.send(headersFrame(stream, responseFields(200, ['X-Bad', ''])))
      expect(await peer.resetOf(stream)).toBe(PROTOCOL_ERROR)
      const kept = Buffer.concat([Buffer.of(0x40), hpackText('x-kept'), hpackText('1')])
      await peer.send(block(stream, END_HEADERS | END_STREAM, kept))
      const { stream: next } = await peer.section()
      await peer.send(block(next, END_HEADERS | END_STREAM, encodeFields(ok), hpackInteger(0x80, 7, 62)))
    })
    const asking = await client.scene.client()
    await asking.send(get('/'))
    expect((await asking.readResponse()).status).toBe(502)
    const next = await client.scene.client()
    await next.send(get('/'))
    const { status, fields } = await next.readResponse()
    expect([status, valuesOf(fields, 'x-kept')]).toEqual([200, ['1']])
  })
})

describe('RFC 9113, section 5', () => {
  it.each(streams)('%s', (...rule) => client.check(rule))

  it('5.1: what is under way for a stream that we have reset is passed over, but counts against the window', async () => {
    client.scene.play(async peer => {
      const { stream } = await peer.section()
      expect(await peer.resetOf(stream)).toBe(CANCEL)
      const before = peer.received.filter(each => each.type === WINDOW_UPDATE).length
      const late = Array.from({ length: 40 }, () => dataFrame(stream, Buffer.alloc(16_384)))
      await peer.send(headersFrame(stream, ok), ...late, headersFrame(stream, [['x-sum', '1']], true))
      await peer.settled()
      const updates = peer.received.filter(each => each.type === WINDOW_UPDATE).slice(before)
      expect(updates.every(each => each.stream === 0)).toBe(true)
      expect(updates.length).toBeGreaterThan(0)
      await peer.send(good((await peer.message()).stream))
    })
    const gone = await client.scene.client()
    await gone.send(get('/'))
    await (await client.scene.peer(0)).seen(({ type }) => type === HEADERS)
    gone.close()
    await (await client.scene.peer(0)).seen(({ type }) => type === RST_STREAM)
    const next = await client.scene.client()
    await next.send(get('/'))
    expect((await next.readResponse()).content.toString()).toBe('good')
    expect(client.scene.peers().length).toBe(1)
  })

  it('5.1.1: streams have odd numbers, each higher than the one before', async () => {
    const asking = await client.scene.client()
    for (let round = 0; round < 3; round += 1) {
      await asking.send(get('/'))
      await asking.readResponse()
    }
    const { received } = await client.scene.peer(0)
    expect(received.filter(({ type }) => type === HEADERS).map(({ stream }) => stream)).toEqual([1, 3, 5])
  })
})

describe('RFC 9113, section 5.2, with large frames', () => {
  let large: ClientScene
  beforeAll(async () => {
    large = await openClient({ frameBytesMax: 2 ** 20, streamWindowBytes: 65_536, connectionWindowBytes: 100_000 })
  })
  afterEach(() => large.scene.rest())
  afterAll(() => large[Symbol.asyncDispose]())

  it.each<Rule>([
    [
      '5.2.2: content beyond the window of the stream',
      s => [headersFrame(s, ok), dataFrame(s, Buffer.alloc(65_537))],
      streamError(FLOW_CONTROL_ERROR),
    ],
    [
      '5.2.2: content beyond the window of the connection',
      s => [headersFrame(s, ok), dataFrame(s, Buffer.alloc(100_001))],
      connectionError(FLOW_CONTROL_ERROR),
    ],
  ])('%s', (...rule) => large.check(rule))
})

describe('RFC 9113, section 6', () => {
  it.each(frames)('%s', (...rule) => client.check(rule))

  it('6.5.2: a table of nothing is said in the next block, and kept to', async () => {
    const blocks: Buffer[] = []
    const said: (string | undefined)[] = []
    client.scene.play(async peer => {
      for (;;) {
        const { stream, get: field } = await peer.section()
        said.push(field('x-a'))
        blocks.push(peer.received.findLast(({ type }) => type === HEADERS)!.payload)
        await peer.send(settingsFrame([HEADER_TABLE_SIZE, 0]))
        await peer.next(({ type, flags }) => type === SETTINGS && flags === ACK)
        await peer.send(good(stream))
        await peer.settled()
      }
    })
    const asking = await client.scene.client()
    for (let round = 0; round < 3; round += 1) {
      await asking.send(get('/', 'X-A: b'))
      await asking.readResponse()
    }
    const [first, second, third] = blocks as [Buffer, Buffer, Buffer]
    expect(first[0]).not.toBe(0x20)
    expect(second[0]).toBe(0x20)
    expect(third[0]).not.toBe(0x20)
    // The peer reads them with a table of nothing, and would not find what was taken from one.
    expect(said).toEqual(['b', 'b', 'b'])
  })

  it('6.9.2: windows become negative, and nothing is sent before they are open again', async () => {
    client.scene.play(
      async peer => {
        peer.givesWindows = false
        const { stream } = await peer.section()
        for (let left = 1_000; left > 0; ) left -= (await peer.expect(DATA, stream)).payload.length
        await peer.send(settingsFrame([INITIAL_WINDOW_SIZE, 100]), windowFrame(stream, 900))
        await peer.settled()
        expect(peer.unread.some(({ type }) => type === DATA)).toBe(false)
        await peer.send(windowFrame(stream, 1))
        expect((await peer.expect(DATA, stream)).payload.length).toBe(1)
        await peer.send(settingsFrame([INITIAL_WINDOW_SIZE, 1_000]))
        for (let left = 900; left > 0; ) left -= (await peer.expect(DATA, stream)).payload.length
        await peer.settled()
        expect(peer.unread.some(({ type }) => type === DATA)).toBe(false)
        await peer.send(good(stream))
        expect(await peer.resetOf(stream)).toBe(CANCEL)
      },
      0,
      { settings: [[INITIAL_WINDOW_SIZE, 1_000]] },
    )
    const asking = await client.scene.client()
    await asking.send(head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 5000'))
    // The window is that of the SETTINGS only once they have come.
    await (await client.scene.peer(0)).settled()
    await asking.send('x'.repeat(5_000))
    expect((await asking.readResponse()).content.toString()).toBe('good')
  })

  it('4.2, 6.10: what is sent is cut into frames that the other side takes', async () => {
    let sizes: number[] = []
    client.scene.play(async peer => {
      const { stream } = await peer.section()
      sizes = peer.received
        .filter(({ type }) => type === HEADERS || type === CONTINUATION)
        .map(each => each.payload.length)
      await peer.send(good(stream))
    })
    const asking = await client.scene.client()
    await asking.send(get('/', `X-Long: ${'é'.repeat(20_000)}`))
    expect((await asking.readResponse()).status).toBe(200)
    expect(sizes.length).toBeGreaterThan(1)
    expect(Math.max(...sizes)).toBe(16_384)
  })
})

describe('RFC 7541', () => {
  it.each(hpack)('%s', (...rule) => client.check(rule))
})
