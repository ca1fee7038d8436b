/** RFC 9113, section 5: streams, flow control, errors, extensions. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { encodeFields } from '../../support/http2-fields.ts'
import {
  ACK,
  CONTINUATION,
  DATA,
  dataFrame,
  END_HEADERS,
  END_STREAM,
  frame,
  GOAWAY,
  HEADERS,
  type Http2Peer,
  headersFrame,
  INITIAL_WINDOW_SIZE,
  PING,
  PRIORITY,
  PUSH_PROMISE,
  RST_STREAM,
  requestFields,
  resetFrame,
  SETTINGS,
  settingsFrame,
  WINDOW_UPDATE,
  windowFrame,
} from '../../support/http2-peer.ts'
import { HTTP2 } from '../../support/snapshot.ts'
import {
  CANCEL,
  connectionError,
  contentFrames,
  framesOf,
  get,
  goesOn,
  NO_ERROR,
  openServer,
  PROTOCOL_ERROR,
  post,
  REFUSED_STREAM,
  type Rule,
  type ServerScene,
  SILENT,
  STREAM_CLOSED,
  stillServes,
  streamError,
} from './server-scene.ts'

const STREAMS_MAX = 4
const WINDOW_BYTES = 32_768

let scene: ServerScene
beforeAll(async () => {
  const http2 = { ...HTTP2, streamsMax: STREAMS_MAX, streamWindowBytes: WINDOW_BYTES, connectionWindowBytes: 65_535 }
  scene = await openServer([{ http2 }])
})
afterEach(() => scene.tidy())
afterAll(() => scene[Symbol.asyncDispose]())

const trailers = (stream: number) => headersFrame(stream, [['x-sum', '1']], true)
const priority = (stream: number) => frame(PRIORITY, 0, stream, Buffer.alloc(5))
const silent = (stream: number) => get(stream, SILENT)

/** Both sides have ended stream 1. */
async function over(peer: Http2Peer): Promise<void> {
  await peer.send(get(1))
  await peer.message(1)
}

/** We have reset stream 1, and the client has not ended it. */
async function resetByServer(peer: Http2Peer): Promise<void> {
  await peer.send(post(1), windowFrame(1, 0))
  await peer.seen(({ type }) => type === RST_STREAM)
}

const behind = (first: (peer: Http2Peer) => Promise<void>, ...frames: Buffer[]) => {
  return async (peer: Http2Peer) => {
    await first(peer)
    await peer.send(...frames)
  }
}

describe('5.1: the states of streams', () => {
  const rules: readonly Rule[] = [
    ['5.1: idle: DATA', [dataFrame(1, 'x', true)], connectionError(PROTOCOL_ERROR)],
    ['5.1: idle: RST_STREAM', [resetFrame(1, CANCEL)], connectionError(PROTOCOL_ERROR)],
    ['5.1: idle: WINDOW_UPDATE', [windowFrame(1, 1)], connectionError(PROTOCOL_ERROR)],
    ['5.1: idle: CONTINUATION', [frame(CONTINUATION, END_HEADERS, 1)], connectionError(PROTOCOL_ERROR)],
    ['5.1: idle: PRIORITY', [priority(1)], goesOn],
    ['5.1: idle: DATA behind a later stream', [get(1), dataFrame(3, 'x')], connectionError(PROTOCOL_ERROR)],
    ['5.1: idle, a stream of the server: HEADERS', [get(2)], connectionError(PROTOCOL_ERROR)],
    ['5.1: idle, a stream of the server: DATA', [dataFrame(2, 'x')], connectionError(PROTOCOL_ERROR)],
    ['5.1: idle, a stream of the server: WINDOW_UPDATE', [windowFrame(2, 1)], connectionError(PROTOCOL_ERROR)],
    ['5.1: idle, a stream of the server: RST_STREAM', [resetFrame(2, CANCEL)], connectionError(PROTOCOL_ERROR)],
    ['5.1: open: PRIORITY, WINDOW_UPDATE, trailers', [post(1), priority(1), windowFrame(1, 1), trailers(1)], goesOn],
    ['5.1: open: RST_STREAM', [post(1), resetFrame(1, CANCEL)], goesOn],
    ['5.1: half-closed (remote): DATA', [silent(1), dataFrame(1, 'x')], streamError(STREAM_CLOSED)],
    ['5.1: half-closed (remote): DATA without a byte', [silent(1), dataFrame(1, '', true)], streamError(STREAM_CLOSED)],
    ['5.1: half-closed (remote): HEADERS', [silent(1), trailers(1)], streamError(STREAM_CLOSED)],
    [
      '5.1: half-closed (remote), by DATA: DATA',
      [post(1, ['content-length', '9']), dataFrame(1, 'x'.repeat(9), true), dataFrame(1, 'x')],
      streamError(STREAM_CLOSED),
    ],
    ['5.1: half-closed (remote): PRIORITY, WINDOW_UPDATE', [silent(1), priority(1), windowFrame(1, 1)], goesOn],
    ['5.1: half-closed (remote): RST_STREAM', [silent(1), resetFrame(1, CANCEL)], goesOn],
    ['5.1: closed: DATA', behind(over, dataFrame(1, 'x')), connectionError(STREAM_CLOSED)],
    ['5.1: closed: HEADERS', behind(over, trailers(1)), connectionError(STREAM_CLOSED)],
    ['5.1: closed: CONTINUATION', behind(over, frame(CONTINUATION, END_HEADERS, 1)), connectionError(PROTOCOL_ERROR)],
    [
      '5.1: closed: PRIORITY, WINDOW_UPDATE, RST_STREAM',
      behind(over, priority(1), windowFrame(1, 1), resetFrame(1, NO_ERROR)),
      goesOn,
    ],
    [
      '5.1: closed by RST_STREAM of the client: DATA',
      [post(1), resetFrame(1, CANCEL), dataFrame(1, 'x')],
      connectionError(STREAM_CLOSED),
    ],
    [
      '5.1: closed by RST_STREAM of the client: HEADERS',
      [post(1), resetFrame(1, CANCEL), trailers(1)],
      connectionError(STREAM_CLOSED),
    ],
    [
      '5.1: closed by RST_STREAM of the server: whatever was on its way',
      behind(resetByServer, dataFrame(1, 'x'), priority(1), windowFrame(1, 1), trailers(1), resetFrame(1, CANCEL)),
      streamError(PROTOCOL_ERROR),
    ],
    ['5.1.1: an identifier that is used already', behind(over, get(1)), connectionError(STREAM_CLOSED)],
    [
      '5.1.1: an identifier that is smaller than that of an earlier stream',
      [get(7), get(5)],
      connectionError(PROTOCOL_ERROR),
    ],
    ['5.1.1: the first stream need not be 1', [get(9)], goesOn],
    ['5.1.1: behind the highest identifier', [get(0x7fffffff), get(0x7ffffffb)], connectionError(PROTOCOL_ERROR)],
  ]
  it.each(rules)('%s', async (...rule) => scene.check(rule))

  it('5.1: nothing but PRIORITY is sent on a stream that is closed: by both ends', async () => {
    const peer = await scene.client()
    await peer.send(post(1), dataFrame(1, Buffer.alloc(16_384), true))
    await peer.message(1)
    await peer.send(windowFrame(1, 1))
    await peer.settled()
    const sent = framesOf(peer, 1)
    expect(sent.findIndex(([type, flags]) => type === DATA && (flags & END_STREAM) !== 0)).toBe(sent.length - 1)
  })

  it('5.1: nothing but PRIORITY is sent on a stream that is closed: malformed requests', async () => {
    const peer = await scene.client()
    await peer.send(headersFrame(1, requestFields('GET', '/', ['connection', 'x']), true))
    expect(await peer.resetOf(1)).toBe(PROTOCOL_ERROR)
    expect(framesOf(peer, 1)).toEqual([
      [HEADERS, END_HEADERS],
      [DATA, 0],
      [RST_STREAM, 0],
    ])
  })

  it('5.1: nothing but PRIORITY is sent on a stream that is closed: requests that end while an early answer waits', async () => {
    const peer = await scene.client({ automatic: false, settings: [[INITIAL_WINDOW_SIZE, 0]] })
    await peer.send(headersFrame(1, requestFields('BREW', '/')))
    await peer.section(1)
    await peer.send(dataFrame(1, '', true))
    await peer.settled()
    await peer.send(windowFrame(1, 1000))
    await peer.expect(DATA, 1)
    await peer.settled()
    expect(framesOf(peer, 1)).toEqual([
      [HEADERS, END_HEADERS],
      [DATA, END_STREAM],
    ])
  })

  const late: readonly [name: string, frames: readonly Buffer[]][] = [
    ['DATA, PRIORITY, WINDOW_UPDATE', [dataFrame(1, 'x'), priority(1), windowFrame(1, 1), dataFrame(1, '', true)]],
    ['trailers', [dataFrame(1, 'x'), trailers(1)]],
    ['RST_STREAM', [resetFrame(1, CANCEL)]],
    ['as much content as the window takes', contentFrames(1, WINDOW_BYTES)],
  ]
  it.each(late)(
    '5.1: half-closed (local): %s are taken, and nothing but WINDOW_UPDATE, PRIORITY or RST_STREAM is sent',
    async (_name, frames) => {
      const peer = await scene.client()
      await peer.send(headersFrame(1, requestFields('BREW', '/')))
      await peer.message(1)
      const before = framesOf(peer, 1).length
      await peer.send(...frames)
      await stillServes(peer, 3)
      const sent = framesOf(peer, 1).slice(before)
      expect(sent.filter(([type]) => type !== WINDOW_UPDATE && type !== RST_STREAM)).toEqual([])
      const resets = peer.received.filter(({ type }) => type === RST_STREAM)
      for (const { payload } of resets) expect(payload.readUInt32BE(0)).toBe(NO_ERROR)
      expect(peer.received.filter(({ type }) => type === GOAWAY)).toEqual([])
    },
  )

  it('5.1: half-closed (local): what comes counts against the window of the connection, and comes back', async () => {
    const peer = await scene.client()
    await peer.settled()
    for (const stream of [1, 3, 5, 7, 9, 11]) {
      await peer.send(headersFrame(stream, requestFields('BREW', '/')), ...contentFrames(stream, 20_000))
      await peer.message(stream)
      await peer.resetOf(stream)
    }
    await stillServes(peer)
  })

  it('5.1.2: streams past SETTINGS_MAX_CONCURRENT_STREAMS are refused, and nothing of them is dealt with', async () => {
    const peer = await scene.client()
    await peer.send(...[1, 3, 5, 7, 9].map(silent))
    expect(await peer.resetOf(9)).toBe(REFUSED_STREAM)
    expect(peer.settings.get(3)).toBe(STREAMS_MAX)
    await scene.origin.requestsReach(STREAMS_MAX)
    await peer.settled()
    expect(scene.origin.requests.length).toBe(STREAMS_MAX)
  })

  it('5.1.2: what follows on a stream that was refused is passed over', async () => {
    const peer = await scene.client()
    const refused = headersFrame(9, requestFields('POST', '/'))
    await peer.send(
      ...[1, 3, 5, 7].map(silent),
      refused,
      dataFrame(9, 'x'),
      priority(9),
      windowFrame(9, 1),
      trailers(9),
    )
    expect(await peer.resetOf(9)).toBe(REFUSED_STREAM)
    await peer.settled()
    expect(framesOf(peer, 9)).toEqual([[RST_STREAM, 0]])
  })

  it('5.1.2: streams that are over, or half-closed only, count as the RFC has it', async () => {
    const peer = await scene.client()
    await peer.send(...[1, 3, 5].map(silent), post(7), resetFrame(1, CANCEL))
    await stillServes(peer, 9)
    await peer.send(silent(11), get(13))
    expect(await peer.resetOf(13)).toBe(REFUSED_STREAM)
  })
})

describe('5.2: flow control', () => {
  it('5.2.1: nothing but DATA is subject to it', async () => {
    const peer = await scene.client({ automatic: false, settings: [[INITIAL_WINDOW_SIZE, 0]] })
    scene.answer = () => 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc'
    await peer.send(get(1), frame(PING, 0, 0, '12345678'))
    expect((await peer.section(1)).get(':status')).toBe('103')
    expect((await peer.section(1)).get(':status')).toBe('200')
    await peer.settled()
    expect(framesOf(peer, 1).map(([type]) => type)).toEqual([HEADERS, HEADERS])
  })

  it('5.2.2: frames are read while content has to wait', async () => {
    const peer = await scene.client({ automatic: false, settings: [[INITIAL_WINDOW_SIZE, 0]] })
    await peer.send(get(1), headersFrame(3, requestFields('POST', SILENT)), ...contentFrames(3, WINDOW_BYTES))
    await peer.section(1)
    await peer.settled()
    await peer.send(windowFrame(1, 100))
    expect((await peer.expect(DATA, 1)).payload.toString()).toBe('GET /')
  })
})

describe('5.4: errors', () => {
  it('5.4.1: GOAWAY says the last stream, nothing follows it, and the connection is closed', async () => {
    const peer = await scene.client()
    await peer.send(get(1), get(5))
    await peer.message(5)
    await peer.send(frame(SETTINGS, 0, 1), frame(PING, 0, 0, '12345678'), get(7))
    expect(await peer.goaway()).toMatchObject({ lastStream: 5, code: PROTOCOL_ERROR })
    await peer.closed
    expect(peer.received.at(-1)?.type).toBe(GOAWAY)
    expect(scene.origin.requests.length).toBe(2)
  })

  it('5.4.1: GOAWAY comes through although the client goes on sending', async () => {
    const peer = await scene.client()
    await peer.settled()
    const sent = peer.send(frame(SETTINGS, 0, 1), ...contentFrames(1, 2_000_000))
    expect((await peer.goaway()).code).toBe(PROTOCOL_ERROR)
    await peer.closed
    await sent.catch(() => {})
  })

  const resets: readonly [name: string, frames: readonly Buffer[]][] = [
    ['an open stream', [post(1), resetFrame(1, CANCEL)]],
    ['a stream that waits for its answer', [silent(1), resetFrame(1, CANCEL)]],
    ['a stream that is closed', [get(1), resetFrame(1, CANCEL), resetFrame(1, CANCEL)]],
    [
      'a malformed request',
      [headersFrame(1, requestFields('POST', '/', ['te', 'gzip'])), resetFrame(1, PROTOCOL_ERROR)],
    ],
    ['a request with too much content', [post(1, ['content-length', '1']), dataFrame(1, 'xy'), resetFrame(1, CANCEL)]],
  ]
  it.each(resets)('5.4.2: RST_STREAM is not answered with RST_STREAM: %s', async (_name, frames) => {
    // Nothing of an answer may go, so that all is still to be sent when the reset comes.
    const peer = await scene.client({ automatic: false, settings: [[INITIAL_WINDOW_SIZE, 0]] })
    await peer.send(...frames)
    await peer.settled()
    const answers = framesOf(peer, 1).filter(([type]) => type !== HEADERS)
    expect(answers).toEqual([])
  })

  it('5.4.2: a stream is reset once, whatever follows', async () => {
    const peer = await scene.client()
    await peer.send(post(1), windowFrame(1, 0), windowFrame(1, 0), dataFrame(1, 'x'), dataFrame(1, '', true))
    await peer.settled()
    expect(framesOf(peer, 1).filter(([type]) => type === RST_STREAM).length).toBe(1)
  })

  it('5.4.2: DATA for a stream that was reset counts against the window of the connection, and comes back', async () => {
    const peer = await scene.client()
    await resetByServer(peer)
    await peer.send(...contentFrames(1, 60_000))
    await peer.next(({ type, stream }) => type === WINDOW_UPDATE && stream === 0)
    await stillServes(peer)
  })

  it('5.4.3: what was under way when the client goes away is taken back from the origin', async () => {
    const peer = await scene.client()
    await peer.send(headersFrame(1, requestFields('POST', '/', ['content-length', '9'])), dataFrame(1, 'half'))
    await peer.settled()
    peer.reset()
    await scene.origin.quiet()
  })
})

describe('5.5: extensions', () => {
  const rules: readonly Rule[] = [
    ['5.5: a setting that nobody knows', [settingsFrame([0xffff, 1], [0x0a0a, 7])], goesOn],
    [
      '5.5: a frame that nobody knows, on any stream',
      [0, 1, 2, 9].map(stream => frame(0xfe, 0xff, stream, 'what')),
      goesOn,
    ],
    ['5.5: a frame that nobody knows, on a stream that is over', behind(over, frame(0xfe, END_STREAM, 1)), goesOn],
    [
      '5.5: a frame that nobody knows, within a request',
      [post(1), frame(0xfe, END_STREAM, 1), dataFrame(1, 'x', true)],
      goesOn,
    ],
    [
      '5.5: a frame that nobody knows, within a field block',
      [frame(HEADERS, END_STREAM, 1, encodeFields([])), frame(0xfe, 0, 1)],
      connectionError(PROTOCOL_ERROR),
    ],
  ]
  it.each(rules)('%s', async (...rule) => scene.check(rule))

  it('5.5: nothing that was not agreed on is sent', async () => {
    const peer = await scene.client()
    await peer.send(get(1))
    await peer.message(1)
    await peer.settled()
    expect(Math.max(...peer.received.map(({ type }) => type))).toBeLessThanOrEqual(CONTINUATION)
    expect(peer.received.filter(({ type }) => type === PUSH_PROMISE)).toEqual([])
    expect(peer.received.filter(({ stream }) => stream !== 0 && stream !== 1)).toEqual([])
    expect(peer.received.filter(({ type, flags }) => type === SETTINGS && flags === ACK).length).toBe(1)
  })
})
