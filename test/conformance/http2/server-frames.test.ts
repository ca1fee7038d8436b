/** RFC 9113, sections 6 and 7: what each frame may be, and what is done with it; error codes. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { encodeFields, hpackText } from '../../support/http2-fields.ts'
import {
  ACK,
  CONTINUATION,
  DATA,
  dataFrame,
  ENABLE_CONNECT_PROTOCOL,
  ENABLE_PUSH,
  END_HEADERS,
  END_STREAM,
  frame,
  GOAWAY,
  goawayFrame,
  HEADERS,
  headersFrame,
  INITIAL_WINDOW_SIZE,
  MAX_FRAME_SIZE,
  NO_RFC7540_PRIORITIES,
  PADDED,
  PING,
  PRIORITY,
  PRIORITY_FLAG,
  PRIORITY_UPDATE,
  PUSH_PROMISE,
  RST_STREAM,
  requestFields,
  resetFrame,
  SETTINGS,
  settingsFrame,
  uint32,
  WINDOW_UPDATE,
  windowFrame,
} from '../../support/http2-peer.ts'
import { HTTP2 } from '../../support/snapshot.ts'
import {
  CANCEL,
  connectionError,
  contentFrames,
  FLOW_CONTROL_ERROR,
  FRAME_SIZE_ERROR,
  framesOf,
  get,
  goesOn,
  openServer,
  PROTOCOL_ERROR,
  post,
  type Rule,
  type ServerScene,
  SILENT,
  stillServes,
  streamError,
} from './server-scene.ts'

const WINDOW_BYTES = 32_768
const CONNECTION_WINDOW_BYTES = 65_535
const WINDOW_MAX = 2 ** 31 - 1

let scene: ServerScene
beforeAll(async () => {
  const http2 = { ...HTTP2, streamWindowBytes: WINDOW_BYTES, connectionWindowBytes: CONNECTION_WINDOW_BYTES }
  scene = await openServer([{ http2 }])
})
afterEach(() => scene.tidy())
afterAll(() => scene[Symbol.asyncDispose]())

const block = encodeFields(requestFields('GET', '/'))
const padded = (bytes: Buffer, padding: number) => Buffer.concat([Buffer.of(padding), bytes, Buffer.alloc(padding)])
const prioritised = (bytes: Buffer) => Buffer.concat([uint32(0x80000001), Buffer.of(200), bytes])
const silent = (stream: number) => get(stream, SILENT)
const fails = connectionError(PROTOCOL_ERROR)
const wrongSize = connectionError(FRAME_SIZE_ERROR)

const rules: readonly Rule[] = [
  ['6.1: DATA on stream 0', [dataFrame(0, 'x')], fails],
  ['6.1: DATA whose padding is as long as the frame', [post(1), frame(DATA, PADDED, 1, Buffer.of(3, 1, 2))], fails],
  ['6.1: DATA with padding', [post(1), frame(DATA, PADDED | END_STREAM, 1, padded(Buffer.from('abc'), 200))], goesOn],
  [
    '6.1: DATA that is nothing but padding',
    [post(1), frame(DATA, PADDED, 1, Buffer.alloc(256, 255)), dataFrame(1, '', true)],
    goesOn,
  ],
  ['6.2: HEADERS on stream 0', [get(0)], fails],
  [
    '6.2: HEADERS whose padding is longer than the frame',
    [frame(HEADERS, PADDED | END_HEADERS | END_STREAM, 1, Buffer.concat([Buffer.of(block.length + 1), block]))],
    fails,
  ],
  [
    '6.2: HEADERS whose padding reaches into the priority',
    [frame(HEADERS, PADDED | PRIORITY_FLAG | END_HEADERS | END_STREAM, 1, Buffer.of(3, 0, 0, 0, 0, 0, 0))],
    fails,
  ],
  [
    '6.2: HEADERS with padding and priority',
    [frame(HEADERS, PADDED | PRIORITY_FLAG | END_HEADERS | END_STREAM, 1, padded(prioritised(block), 255))],
    goesOn,
  ],
  [
    '6.2: HEADERS too short for the priority',
    [frame(HEADERS, PRIORITY_FLAG | END_HEADERS | END_STREAM, 1, 'abcd')],
    wrongSize,
  ],
  [
    '6.2: HEADERS without END_HEADERS, and no CONTINUATION',
    [frame(HEADERS, END_STREAM, 1, block), frame(PING, 0, 0, '12345678')],
    fails,
  ],
  ['6.3: PRIORITY on stream 0', [frame(PRIORITY, 0, 0, Buffer.alloc(5))], fails],
  ['6.3: PRIORITY of four bytes', [silent(1), frame(PRIORITY, 0, 1, Buffer.alloc(4))], streamError(FRAME_SIZE_ERROR)],
  ['6.3: PRIORITY of six bytes', [silent(1), frame(PRIORITY, 0, 1, Buffer.alloc(6))], streamError(FRAME_SIZE_ERROR)],
  ['6.3: PRIORITY changes no state', [frame(PRIORITY, 0, 5, Buffer.alloc(5)), get(3)], goesOn],
  ['6.4: RST_STREAM on stream 0', [resetFrame(0, CANCEL)], fails],
  ['6.4: RST_STREAM on a stream that is idle', [resetFrame(1, CANCEL)], fails],
  ['6.4: RST_STREAM of three bytes', [silent(1), frame(RST_STREAM, 0, 1, 'abc')], wrongSize],
  ['6.4: RST_STREAM of five bytes', [silent(1), frame(RST_STREAM, 0, 1, 'abcde')], wrongSize],
  ['6.5: SETTINGS on a stream', [frame(SETTINGS, 0, 1)], fails],
  ['6.5: SETTINGS that acknowledge, with values', [frame(SETTINGS, ACK, 0, Buffer.alloc(6))], wrongSize],
  ['6.5: SETTINGS of five bytes', [frame(SETTINGS, 0, 0, Buffer.alloc(5))], wrongSize],
  ['6.5.2: SETTINGS_ENABLE_PUSH of 2', [settingsFrame([ENABLE_PUSH, 2])], fails],
  ['6.5.2: SETTINGS_ENABLE_PUSH of 0 and of 1', [settingsFrame([ENABLE_PUSH, 0], [ENABLE_PUSH, 1])], goesOn],
  [
    '6.5.2: SETTINGS_INITIAL_WINDOW_SIZE of 2^31',
    [settingsFrame([INITIAL_WINDOW_SIZE, 2 ** 31])],
    connectionError(FLOW_CONTROL_ERROR),
  ],
  ['6.5.2: SETTINGS_MAX_FRAME_SIZE of 2^14 - 1', [settingsFrame([MAX_FRAME_SIZE, 16_383])], fails],
  ['6.5.2: SETTINGS_MAX_FRAME_SIZE of 2^24', [settingsFrame([MAX_FRAME_SIZE, 2 ** 24])], fails],
  ['6.5.2: SETTINGS_MAX_FRAME_SIZE of 2^24 - 1', [settingsFrame([MAX_FRAME_SIZE, 2 ** 24 - 1])], goesOn],
  [
    '6.5.2: SETTINGS at their extremes',
    [settingsFrame([1, 0xffffffff], [3, 0], [4, WINDOW_MAX], [4, 65_535], [6, 0])],
    goesOn,
  ],
  ['RFC 8441, 3: SETTINGS_ENABLE_CONNECT_PROTOCOL of 2', [settingsFrame([ENABLE_CONNECT_PROTOCOL, 2])], fails],
  [
    'RFC 8441, 3: SETTINGS_ENABLE_CONNECT_PROTOCOL that is taken back',
    [settingsFrame([ENABLE_CONNECT_PROTOCOL, 1]), settingsFrame([ENABLE_CONNECT_PROTOCOL, 0])],
    fails,
  ],
  ['RFC 9218, 2.1: SETTINGS_NO_RFC7540_PRIORITIES of 2', [settingsFrame([NO_RFC7540_PRIORITIES, 2])], fails],
  ['RFC 9218, 2.1: SETTINGS_NO_RFC7540_PRIORITIES that changes', [settingsFrame([NO_RFC7540_PRIORITIES, 1])], fails],
  ['6.5.2: SETTINGS that nobody knows', [settingsFrame([0x33, 0xffffffff], [0, 1])], goesOn],
  ['6.6: PUSH_PROMISE', [silent(1), frame(PUSH_PROMISE, END_HEADERS, 1, Buffer.concat([uint32(2), block]))], fails],
  ['6.6: PUSH_PROMISE on stream 0', [frame(PUSH_PROMISE, END_HEADERS, 0, Buffer.concat([uint32(2), block]))], fails],
  ['6.7: PING on a stream', [frame(PING, 0, 1, '12345678')], fails],
  ['6.7: PING of seven bytes', [frame(PING, 0, 0, '1234567')], wrongSize],
  ['6.7: PING of nine bytes', [frame(PING, 0, 0, '123456789')], wrongSize],
  ['6.8: GOAWAY on a stream', [frame(GOAWAY, 0, 1, uint32(0, 0))], fails],
  ['6.8: GOAWAY too short for its fields', [frame(GOAWAY, 0, 0, uint32(0))], wrongSize],
  ['6.9: WINDOW_UPDATE of 0 for a stream', [silent(1), windowFrame(1, 0)], streamError(PROTOCOL_ERROR)],
  ['6.9: WINDOW_UPDATE of 0 for the connection', [windowFrame(0, 0)], fails],
  [
    '6.9: WINDOW_UPDATE of 0 but for the reserved bit',
    [silent(1), windowFrame(1, 2 ** 31)],
    streamError(PROTOCOL_ERROR),
  ],
  ['6.9: WINDOW_UPDATE with the reserved bit', [windowFrame(0, 2 ** 31 + 1)], goesOn],
  ['6.9: WINDOW_UPDATE of three bytes', [silent(1), frame(WINDOW_UPDATE, 0, 1, 'abc')], wrongSize],
  ['6.9: WINDOW_UPDATE of five bytes', [silent(1), frame(WINDOW_UPDATE, 0, 1, 'abcde')], wrongSize],
  ['6.9: WINDOW_UPDATE behind the end of the request', [silent(1), windowFrame(1, 1)], goesOn],
  [
    '6.9.1: the window of a stream past 2^31 - 1',
    [silent(1), windowFrame(1, WINDOW_MAX - 65_535), windowFrame(1, 1)],
    streamError(FLOW_CONTROL_ERROR),
  ],
  ['6.9.1: the window of a stream up to 2^31 - 1', [silent(1), windowFrame(1, WINDOW_MAX - 65_535)], goesOn],
  [
    '6.9.1: the window of the connection past 2^31 - 1',
    [windowFrame(0, WINDOW_MAX - 65_535), windowFrame(0, 1)],
    connectionError(FLOW_CONTROL_ERROR),
  ],
  ['6.9.1: the window of the connection up to 2^31 - 1', [windowFrame(0, WINDOW_MAX - 65_535)], goesOn],
  [
    '6.9.2: SETTINGS that take a window past 2^31 - 1',
    [silent(1), windowFrame(1, 1), settingsFrame([INITIAL_WINDOW_SIZE, WINDOW_MAX])],
    connectionError(FLOW_CONTROL_ERROR),
  ],
  [
    '6.9.2: SETTINGS do not change the window of the connection',
    [windowFrame(0, WINDOW_MAX - 65_535), settingsFrame([INITIAL_WINDOW_SIZE, WINDOW_MAX])],
    goesOn,
  ],
  ['6.10: CONTINUATION on stream 0', [frame(CONTINUATION, END_HEADERS, 0, block)], fails],
  ['6.10: CONTINUATION behind HEADERS with END_HEADERS', [post(1), frame(CONTINUATION, END_HEADERS, 1, block)], fails],
  [
    '6.10: CONTINUATION behind CONTINUATION with END_HEADERS',
    [frame(HEADERS, 0, 1, block), frame(CONTINUATION, END_HEADERS, 1), frame(CONTINUATION, END_HEADERS, 1)],
    fails,
  ],
  ['6.10: CONTINUATION behind DATA', [post(1), dataFrame(1, 'x'), frame(CONTINUATION, END_HEADERS, 1)], fails],
  [
    '6.10: trailers in HEADERS and CONTINUATION',
    [post(1), frame(HEADERS, END_STREAM, 1), frame(CONTINUATION, END_HEADERS, 1, encodeFields([['x-sum', '1']]))],
    goesOn,
  ],
  ['7: RST_STREAM with a code that nobody knows', [silent(1), resetFrame(1, 0xdeadbeef)], goesOn],
  [
    'RFC 9218, 7.1: PRIORITY_UPDATE on a stream',
    [frame(PRIORITY_UPDATE, 0, 1, Buffer.concat([uint32(1), Buffer.from('u=1')]))],
    fails,
  ],
  ['RFC 9218, 7.1: PRIORITY_UPDATE for stream 0', [frame(PRIORITY_UPDATE, 0, 0, uint32(0))], fails],
  ['RFC 9218, 7.1: PRIORITY_UPDATE for a stream of the server', [frame(PRIORITY_UPDATE, 0, 0, uint32(2))], fails],
  ['RFC 9218, 7.1: PRIORITY_UPDATE without a stream', [frame(PRIORITY_UPDATE, 0, 0, 'abc')], wrongSize],
  [
    'RFC 9218, 7.1: PRIORITY_UPDATE that says nothing sensible',
    [frame(PRIORITY_UPDATE, 0, 0, Buffer.concat([uint32(1), Buffer.from('u=99, ()')])), get(1)],
    goesOn,
  ],
]

describe('6 and 7: frames', () => {
  it.each(rules)('%s', async (...rule) => scene.check(rule))

  it('6.4: nothing is sent on a stream behind the RST_STREAM of the client', async () => {
    const peer = await scene.client({ automatic: false })
    scene.answer = () => `HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`
    await peer.send(get(1))
    await peer.expect(DATA, 1)
    await peer.send(resetFrame(1, CANCEL))
    await peer.settled()
    const before = framesOf(peer, 1).length
    await peer.send(windowFrame(0, 300_000), windowFrame(1, 300_000))
    await peer.settled()
    expect(framesOf(peer, 1).length).toBe(before)
  })

  it('6.5: SETTINGS of the server are such as a server may send', async () => {
    const peer = await scene.client()
    await peer.settled()
    const { settings } = peer
    expect(settings.get(ENABLE_PUSH) ?? 0).toBe(0)
    expect(settings.get(INITIAL_WINDOW_SIZE)).toBe(WINDOW_BYTES)
    expect(settings.get(MAX_FRAME_SIZE)).toBeGreaterThanOrEqual(16_384)
  })

  it('6.5.3: each SETTINGS is acknowledged, at once and in order, and holds from then on', async () => {
    const peer = await scene.client({ automatic: false })
    await peer.expect(SETTINGS)
    await peer.expect(SETTINGS)
    await peer.send(
      settingsFrame([INITIAL_WINDOW_SIZE, 9], [INITIAL_WINDOW_SIZE, 2]),
      frame(PING, 0, 0, '12345678'),
      settingsFrame([INITIAL_WINDOW_SIZE, 3]),
      get(1),
    )
    expect((await peer.expect(DATA, 1)).payload.length).toBe(3)
    const types = peer.received.filter(({ type }) => type === SETTINGS || type === PING)
    expect(types.map(({ type, flags }) => [type, flags]).slice(-3)).toEqual([
      [SETTINGS, ACK],
      [PING, ACK],
      [SETTINGS, ACK],
    ])
  })

  it('6.5.3: an acknowledgement is not acknowledged', async () => {
    const peer = await scene.client()
    await peer.send(frame(SETTINGS, ACK, 0), frame(SETTINGS, ACK, 0))
    await peer.settled()
    expect(peer.received.filter(({ type, flags }) => type === SETTINGS && flags === ACK).length).toBe(1)
  })

  it('6.7: PING is answered with the same payload, an answer is not answered', async () => {
    const peer = await scene.client()
    await peer.send(frame(PING, ACK, 0, 'nobodys '), frame(PING, 0, 0, 'payload1'), frame(PING, 0, 0, '\0'.repeat(8)))
    await peer.settled()
    const pings = peer.received.filter(({ type }) => type === PING)
    expect(pings.slice(0, 2).map(({ flags, payload }) => [flags, payload.toString()])).toEqual([
      [ACK, 'payload1'],
      [ACK, '\0'.repeat(8)],
    ])
    expect(pings.length).toBe(3)
  })

  it.each([
    ['with NO_ERROR', goawayFrame(0, 0)],
    ['7: with a code that nobody knows, and debug data', goawayFrame(WINDOW_MAX, 0xdeadbeef, 'why not')],
  ])('6.8: GOAWAY %s lets requests run to their end', async (_name, goaway) => {
    const peer = await scene.client()
    await peer.send(post(1), goaway, dataFrame(1, 'abc', true))
    expect((await peer.message(1)).head.get(':status')).toBe('200')
    await peer.closed
  })

  it('6.8: the end is announced by GOAWAY, and the last stream never grows; what comes behind it is dealt with as little as may be', async () => {
    const ending = await openServer()
    const peer = await ending.client()
    await peer.send(post(1), dataFrame(1, 'first'))
    await peer.settled()
    const stopped = ending.proxy.stop()
    expect(await peer.goaway()).toMatchObject({ lastStream: WINDOW_MAX, code: 0 })
    expect(await peer.goaway()).toMatchObject({ lastStream: 1, code: 0 })
    const kept = Buffer.concat([block, Buffer.of(0x40), hpackText('x-kept'), hpackText('entry')])
    await peer.send(frame(HEADERS, END_HEADERS, 3, kept), dataFrame(3, 'x'), windowFrame(3, 1), resetFrame(3, CANCEL))
    // The entry that the block before has put in the table.
    await peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.of(0x80 | 62)))
    expect((await peer.message(1)).head.get(':status')).toBe('200')
    await peer.closed
    await stopped
    expect(framesOf(peer, 3)).toEqual([])
    expect(ending.origin.requests.map(({ trailers }) => trailers)).toEqual([[['x-kept', 'entry']]])
    ending.tidy()
    await ending[Symbol.asyncDispose]()
  })

  it('6.9: a frame in error counts against the window of the connection', async () => {
    const peer = await scene.client()
    await peer.send(silent(1), ...contentFrames(1, CONNECTION_WINDOW_BYTES))
    await peer.resetOf(1)
    await peer.next(({ type, stream }) => type === WINDOW_UPDATE && stream === 0)
    await stillServes(peer, 3)
  })

  /** The answer to it never comes, and what comes for the tunnel waits. */
  const tunnel = (stream: number) =>
    headersFrame(stream, [
      [':method', 'CONNECT'],
      [':protocol', 'websocket'],
      [':scheme', 'http'],
      [':path', SILENT],
      [':authority', 'example.com'],
      ['sec-websocket-version', '13'],
    ])

  it('6.9.1: more than the window of a stream', async () => {
    const peer = await scene.client()
    await peer.settled()
    await peer.send(tunnel(1), dataFrame(1, 'x'), ...contentFrames(1, WINDOW_BYTES))
    expect(await peer.resetOf(1)).toBe(FLOW_CONTROL_ERROR)
    await stillServes(peer)
  })

  it('6.9.1: more than the window of a stream by its padding', async () => {
    const peer = await scene.client()
    await peer.settled()
    const rest = frame(DATA, PADDED, 1, padded(Buffer.from('abc'), 6))
    await peer.send(tunnel(1), dataFrame(1, 'x'), ...contentFrames(1, WINDOW_BYTES - 10), rest)
    expect(await peer.resetOf(1)).toBe(FLOW_CONTROL_ERROR)
  })

  it('6.9.2: before the client has acknowledged our SETTINGS, the window is what it was without them', async () => {
    const peer = await scene.client({ automatic: false })
    await peer.send(tunnel(1), dataFrame(1, 'x'), ...contentFrames(1, 65_534))
    await peer.settled()
    expect(framesOf(peer, 1)).toEqual([])
    await peer.send(frame(SETTINGS, ACK, 0), dataFrame(1, 'x'))
    expect(await peer.resetOf(1)).toBe(FLOW_CONTROL_ERROR)
  })

  it('6.9.1: more than the window of the connection', async () => {
    const peer = await scene.client()
    const streams = [1, 3, 5].flatMap(stream => [tunnel(stream), dataFrame(stream, 'x')])
    const content = [1, 3, 5].flatMap(stream => contentFrames(stream, WINDOW_BYTES - 1))
    await peer.send(...streams, ...content)
    expect((await peer.goaway()).code).toBe(FLOW_CONTROL_ERROR)
    await peer.closed
  })

  it('6.9.1: no more is sent than the window of the connection takes, and DATA without a byte needs none', async () => {
    const peer = await scene.client({ automatic: false, settings: [[INITIAL_WINDOW_SIZE, 1_000_000]] })
    scene.answer = ({ target }) => {
      const length = target === '/large' ? 100_000 : 0
      return `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(length)}`
    }
    await peer.send(get(1, '/large'))
    let count = 0
    while (count < 65_535) count += (await peer.expect(DATA, 1)).payload.length
    expect(count).toBe(65_535)
    await peer.send(get(3))
    expect((await peer.message(3)).content.length).toBe(0)
    expect(framesOf(peer, 1).filter(([type]) => type === DATA).length).toBeLessThanOrEqual(5)
    await peer.send(windowFrame(0, 1))
    expect((await peer.expect(DATA, 1)).payload.length).toBe(1)
  })

  it('6.9.2: windows that SETTINGS made negative take nothing before they are positive', async () => {
    const peer = await scene.client({ automatic: false, settings: [[INITIAL_WINDOW_SIZE, 10]] })
    scene.answer = () => `HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n${'x'.repeat(30)}`
    await peer.send(get(1))
    expect((await peer.expect(DATA, 1)).payload.length).toBe(10)
    await peer.send(settingsFrame([INITIAL_WINDOW_SIZE, 0]), windowFrame(1, 10))
    await peer.settled()
    expect(peer.unread.filter(({ type }) => type === DATA)).toEqual([])
    await peer.send(windowFrame(1, 1))
    expect((await peer.expect(DATA, 1)).payload.length).toBe(1)
  })
})
