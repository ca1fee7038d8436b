import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Bytes } from '../../support/bytes.ts'
import { encodeFields } from '../../support/http2-fields.ts'
import {
  CONTINUATION,
  DATA,
  dataFrame,
  END_HEADERS,
  frame,
  GOAWAY,
  HEADERS,
  type Http2Peer,
  headersFrame,
  http2Client,
  INITIAL_WINDOW_SIZE,
  PADDED,
  type PeerOptions,
  PING,
  PREFACE,
  PRIORITY,
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
import {
  CANCEL,
  COMPRESSION_ERROR,
  FLOW_CONTROL_ERROR,
  FRAME_SIZE_ERROR,
  NO_ERROR,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
  STREAM_CLOSED,
} from './codes.ts'
import { echo, openScene, type Scene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await openScene()
})
const peers: Http2Peer[] = []
afterEach(() => {
  for (const peer of peers.splice(0)) peer.close()
  scene.answer = echo
  expect(scene.proxy.events).toEqual([])
})
afterAll(() => scene[Symbol.asyncDispose]())

async function client(options: PeerOptions = {}): Promise<Http2Peer> {
  const peer = await http2Client(scene.port, options)
  peers.push(peer)
  return peer
}

const get = (stream: number, path = '/') => headersFrame(stream, requestFields('GET', path), true)
const post = (stream: number, ...more: [string, string][]) => headersFrame(stream, requestFields('POST', '/', ...more))

/** The answer never comes. */
const silence = () => {}

describe('the preface (section 3.4)', () => {
  it('is taken in pieces of one byte', async () => {
    const peer = await client({ settings: null })
    for (const byte of Buffer.concat([PREFACE, settingsFrame(), get(1)])) await peer.send(Buffer.of(byte))
    expect((await peer.message(1)).content.toString()).toBe('GET / ')
  })

  it('is answered with SETTINGS first, and those of the client are acknowledged', async () => {
    const peer = await client()
    expect((await peer.next()).type).toBe(SETTINGS)
    await peer.next(({ type, flags }) => type === SETTINGS && flags === 1)
  })

  it('is followed by SETTINGS, or the connection ends', async () => {
    const peer = await client({ settings: null })
    await peer.send(PREFACE, frame(PING, 0, 0, '12345678'))
    expect((await peer.goaway()).code).toBe(PROTOCOL_ERROR)
    await peer.closed
  })

  it('that begins like one and goes on as HTTP/1.1 is a request of HTTP/1.1', async () => {
    const peer = await client({ settings: null, automatic: false })
    const answers: Buffer[] = []
    peer.socket.removeAllListeners('data')
    const told = new Promise<string>(resolve => {
      peer.socket.on('data', part => {
        answers.push(part as Buffer)
        const all = Buffer.concat(answers).toString()
        if (all.includes('PROPFIND / ')) resolve(all)
      })
    })
    await peer.send('PR')
    await peer.send('OPFIND / HTTP/1.1\r\nHost: a.example\r\n\r\n')
    expect(await told).toContain('HTTP/1.1 200 OK')
  })
})

describe('frames that end the connection', () => {
  const DEEP = 5
  const cases: readonly [what: string, frames: readonly Bytes[], code: number][] = [
    ['DATA on a stream that is idle (5.1)', [dataFrame(1, 'x')], PROTOCOL_ERROR],
    ['RST_STREAM on a stream that is idle (6.4)', [resetFrame(1, CANCEL)], PROTOCOL_ERROR],
    ['WINDOW_UPDATE on a stream that is idle (5.1)', [windowFrame(1, 1)], PROTOCOL_ERROR],
    ['CONTINUATION on a stream that is idle (6.10)', [frame(CONTINUATION, END_HEADERS, 1, '')], PROTOCOL_ERROR],
    ['HEADERS on a stream of the server (5.1.1)', [get(2)], PROTOCOL_ERROR],
    ['a stream behind a later one (5.1.1)', [get(DEEP), get(3)], PROTOCOL_ERROR],
    ['DATA on stream 0 (6.1)', [dataFrame(0, 'x')], PROTOCOL_ERROR],
    ['HEADERS on stream 0 (6.2)', [get(0)], PROTOCOL_ERROR],
    ['PRIORITY on stream 0 (6.3)', [frame(PRIORITY, 0, 0, Buffer.alloc(5))], PROTOCOL_ERROR],
    ['RST_STREAM on stream 0 (6.4)', [resetFrame(0, CANCEL)], PROTOCOL_ERROR],
    ['RST_STREAM of three bytes (6.4)', [get(1), frame(RST_STREAM, 0, 1, 'abc')], FRAME_SIZE_ERROR],
    ['SETTINGS on a stream (6.5)', [frame(SETTINGS, 0, 1)], PROTOCOL_ERROR],
    ['SETTINGS that acknowledge with values (6.5)', [frame(SETTINGS, 1, 0, Buffer.alloc(6))], FRAME_SIZE_ERROR],
    ['SETTINGS of seven bytes (6.5)', [frame(SETTINGS, 0, 0, Buffer.alloc(7))], FRAME_SIZE_ERROR],
    ['SETTINGS_ENABLE_PUSH of 2 (6.5.2)', [settingsFrame([2, 2])], PROTOCOL_ERROR],
    ['SETTINGS_INITIAL_WINDOW_SIZE of 2^31 (6.5.2)', [settingsFrame([4, 2 ** 31])], FLOW_CONTROL_ERROR],
    ['SETTINGS_MAX_FRAME_SIZE of 16383 (6.5.2)', [settingsFrame([5, 16_383])], PROTOCOL_ERROR],
    ['PUSH_PROMISE of a client (8.4)', [frame(PUSH_PROMISE, END_HEADERS, 1, uint32(2))], PROTOCOL_ERROR],
    ['PING on a stream (6.7)', [frame(PING, 0, 1, '12345678')], PROTOCOL_ERROR],
    ['PING of seven bytes (6.7)', [frame(PING, 0, 0, '1234567')], FRAME_SIZE_ERROR],
    ['GOAWAY on a stream (6.8)', [frame(GOAWAY, 0, 1, Buffer.alloc(8))], PROTOCOL_ERROR],
    ['WINDOW_UPDATE of 0 for the connection (6.9)', [windowFrame(0, 0)], PROTOCOL_ERROR],
    ['WINDOW_UPDATE of three bytes (6.9)', [frame(WINDOW_UPDATE, 0, 0, 'abc')], FRAME_SIZE_ERROR],
    ['a window of the connection past 2^31 - 1 (6.9.1)', [windowFrame(0, 2 ** 31 - 1)], FLOW_CONTROL_ERROR],
    ['a frame larger than allowed (4.2)', [frame(DATA, 0, 1, Buffer.alloc(16_385))], FRAME_SIZE_ERROR],
    ['padding as long as its frame (6.1)', [post(1), frame(DATA, PADDED, 1, Buffer.of(5, 1, 2, 3, 4))], PROTOCOL_ERROR],
    ['another frame within a field block (4.3)', [frame(HEADERS, 0, 1, encodeFields([])), get(3)], PROTOCOL_ERROR],
    [
      'a field block that cannot be decoded (4.3)',
      [frame(HEADERS, END_HEADERS, 1, Buffer.of(0xff))],
      COMPRESSION_ERROR,
    ],
  ]

  it.each(cases)('%s', async (_what, frames, code) => {
    const peer = await client()
    await peer.send(...frames)
    expect((await peer.goaway()).code).toBe(code)
    await peer.closed
  })

  it.each([
    ['DATA', dataFrame(1, 'x')],
    ['HEADERS', get(1)],
  ])('%s on a stream that both sides have ended (5.1)', async (_what, bytes) => {
    const peer = await client()
    await peer.send(get(1))
    await peer.message(1)
    await peer.send(bytes)
    expect((await peer.goaway()).code).toBe(STREAM_CLOSED)
  })

  it('DATA on a stream that the client has reset (5.1)', async () => {
    const peer = await client()
    await peer.send(post(1), resetFrame(1, CANCEL), dataFrame(1, 'x'))
    expect((await peer.goaway()).code).toBe(STREAM_CLOSED)
  })

  it('GOAWAY says the last stream that was dealt with (6.8)', async () => {
    const peer = await client()
    await peer.send(get(1), get(7))
    await peer.message(7)
    await peer.send(frame(PING, 0, 1, '12345678'))
    expect((await peer.goaway()).lastStream).toBe(7)
  })
})

describe('frames that end their stream', () => {
  const cases: readonly [what: string, frames: readonly Bytes[], code: number][] = [
    ['DATA behind the end of the request (5.1)', [get(1), dataFrame(1, 'x')], STREAM_CLOSED],
    ['HEADERS behind the end of the request (5.1)', [get(1), get(1)], STREAM_CLOSED],
    ['WINDOW_UPDATE of 0 (6.9)', [get(1), windowFrame(1, 0)], PROTOCOL_ERROR],
    ['a window of a stream past 2^31 - 1 (6.9.1)', [get(1), windowFrame(1, 2 ** 31 - 1)], FLOW_CONTROL_ERROR],
    ['PRIORITY of four bytes (6.3)', [get(1), frame(PRIORITY, 0, 1, Buffer.alloc(4))], FRAME_SIZE_ERROR],
    ['trailers without the end of the stream (8.1)', [post(1), headersFrame(1, [['x', 'y']])], PROTOCOL_ERROR],
    ['trailers with a pseudo-field (8.1)', [post(1), headersFrame(1, [[':path', '/']], true)], PROTOCOL_ERROR],
    ['trailers with a name in capitals (8.2.1)', [post(1), headersFrame(1, [['X', 'y']], true)], PROTOCOL_ERROR],
    [
      'more content than content-length says (8.1.1)',
      [post(1, ['content-length', '1']), dataFrame(1, 'xy')],
      PROTOCOL_ERROR,
    ],
    [
      'less content than content-length says (8.1.1)',
      [post(1, ['content-length', '3']), dataFrame(1, 'xy', true)],
      PROTOCOL_ERROR,
    ],
    [
      'a request without :path (8.3.1)',
      [
        headersFrame(
          1,
          [
            [':method', 'GET'],
            [':scheme', 'http'],
          ],
          true,
        ),
      ],
      PROTOCOL_ERROR,
    ],
    [
      'a request with connection (8.2.2)',
      [headersFrame(1, requestFields('GET', '/', ['connection', 'x']), true)],
      PROTOCOL_ERROR,
    ],
  ]

  it.each(cases)('%s; the connection goes on', async (_what, frames, code) => {
    scene.answer = silence
    const peer = await client()
    await peer.send(...frames)
    expect(await peer.resetOf(1)).toBe(code)
    scene.answer = echo
    await peer.send(get(3))
    expect((await peer.message(3)).content.toString()).toBe('GET / ')
  })

  it('a malformed request is told 400 before', async () => {
    const peer = await client()
    await peer.send(headersFrame(1, requestFields('GET', '/', ['te', 'gzip']), true))
    expect((await peer.section(1)).get(':status')).toBe('400')
    expect((await peer.expect(DATA, 1)).payload.toString()).toContain('Bad Request')
    expect(await peer.resetOf(1)).toBe(PROTOCOL_ERROR)
  })

  it('streams past the limit are refused, and may come again later (5.1.2)', async () => {
    scene.answer = silence
    const peer = await client()
    const all = Array.from({ length: 101 }, (_, index) => get(1 + index * 2))
    await peer.send(...all)
    expect(await peer.resetOf(201)).toBe(REFUSED_STREAM)
    scene.answer = echo
    await peer.send(resetFrame(1, CANCEL), get(203))
    expect((await peer.message(203)).head.get(':status')).toBe('200')
  })

  it('the table of field lines stays right over requests that are refused or reset', async () => {
    const peer = await client()
    const indexed = (name: string, value: string) =>
      Buffer.concat([Buffer.of(0x40, name.length), Buffer.from(name), Buffer.of(value.length), Buffer.from(value)])
    const refused = Buffer.concat([encodeFields([[':method', 'GET']]), indexed('x-kept', 'entry')])
    await peer.send(frame(HEADERS, END_HEADERS | 1, 1, refused))
    expect(await peer.resetOf(1)).toBe(PROTOCOL_ERROR)
    scene.answer = (request, response) => response.end(String(request.headers['x-kept']))
    const block = Buffer.concat([encodeFields(requestFields('GET', '/')), Buffer.of(0x80 | 62)])
    await peer.send(frame(HEADERS, END_HEADERS | 1, 3, block))
    expect((await peer.message(3)).content.toString()).toBe('entry')
  })
})

describe('frames that change nothing', () => {
  it.each([
    ['of an unknown type (4.1)', frame(99, 255, 1, 'whatever')],
    ['SETTINGS that nobody knows (6.5.2)', settingsFrame([0x4242, 7])],
    ['PRIORITY on a stream that is idle (5.1)', frame(PRIORITY, 0, 9, Buffer.alloc(5))],
    ['with the reserved bit set (4.1)', frame(WINDOW_UPDATE, 0, 0x80000000, uint32(1))],
    ['PING with unknown flags (4.1)', frame(PING, 0xfe, 0, '12345678')],
  ])('%s', async (_what, bytes) => {
    const peer = await client()
    await peer.send(bytes, get(1))
    expect((await peer.message(1)).content.toString()).toBe('GET / ')
  })

  it('WINDOW_UPDATE and RST_STREAM behind the end of both sides (5.1)', async () => {
    const peer = await client()
    await peer.send(get(1))
    await peer.message(1)
    await peer.send(windowFrame(1, 1), resetFrame(1, NO_ERROR), get(3))
    expect((await peer.message(3)).head.get(':status')).toBe('200')
  })

  it('what is still under way for a stream that we have reset (5.4.2)', async () => {
    scene.answer = silence
    const peer = await client()
    await peer.send(post(1), windowFrame(1, 0))
    expect(await peer.resetOf(1)).toBe(PROTOCOL_ERROR)
    scene.answer = echo
    await peer.send(dataFrame(1, 'late'), headersFrame(1, [['x', 'y']], true), windowFrame(1, 5), get(3))
    expect((await peer.message(3)).head.get(':status')).toBe('200')
  })

  it('PING is answered with its own bytes (6.7)', async () => {
    const peer = await client()
    await peer.send(frame(PING, 0, 0, 'qwertzui'))
    const pong = await peer.next(({ type, flags }) => type === PING && flags === 1)
    expect(pong.payload.toString()).toBe('qwertzui')
  })

  it('windows that become negative take nothing until they are open again (6.9.2)', async () => {
    scene.answer = (_request, response) => response.end('x'.repeat(30))
    const peer = await client({ automatic: false, settings: [[INITIAL_WINDOW_SIZE, 10]] })
    await peer.send(get(1))
    expect((await peer.expect(DATA, 1)).payload.length).toBe(10)
    await peer.send(settingsFrame([INITIAL_WINDOW_SIZE, 0]), windowFrame(1, 10))
    await peer.settled()
    expect(peer.unread.filter(({ type }) => type === DATA)).toEqual([])
    await peer.send(windowFrame(1, 5))
    expect((await peer.expect(DATA, 1)).payload.length).toBe(5)
    await peer.send(settingsFrame([INITIAL_WINDOW_SIZE, 1000]))
    expect((await peer.expect(DATA, 1)).payload.length).toBe(15)
  })
})
