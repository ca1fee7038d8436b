/** RFC 9113, sections 3 and 4: how a connection starts, frames as such, field blocks. */
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createAuthority, type TestAuthority } from '../../support/certificates.ts'
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
  HEADER_TABLE_SIZE,
  HEADERS,
  Http2Peer,
  headersFrame,
  INITIAL_WINDOW_SIZE,
  MAX_FRAME_SIZE,
  PING,
  PREFACE,
  PRIORITY,
  PUSH_PROMISE,
  RST_STREAM,
  requestFields,
  SETTINGS,
  settingsFrame,
  uint32,
  WINDOW_UPDATE,
  windowFrame,
} from '../../support/http2-peer.ts'
import { HTTP2 } from '../../support/snapshot.ts'
import { certificateSnapshot, listenerTls } from '../../support/tls.ts'
import {
  COMPRESSION_ERROR,
  connectionError,
  FRAME_SIZE_ERROR,
  get,
  goesOn,
  openServer,
  PROTOCOL_ERROR,
  post,
  REFUSED_STREAM,
  type Rule,
  type ServerScene,
  SILENT,
  STREAM_CLOSED,
  stillServes,
} from './server-scene.ts'

const TABLE_BYTES = 256

let authority: TestAuthority
let scene: ServerScene
const tlsSockets: TLSSocket[] = []

beforeAll(async () => {
  authority = await createAuthority()
  const certificate = await authority.issue({ names: ['localhost'] })
  const tls = listenerTls({
    certificates: [certificateSnapshot(certificate)],
    alpn: ['h2', 'http/1.1'],
    tickets: false,
  })
  scene = await openServer([
    { http2: { ...HTTP2, streamsMax: 2 } },
    { name: 'tls', tls, http2: HTTP2 },
    { name: 'small-table', http2: { ...HTTP2, headerTableBytes: TABLE_BYTES } },
  ])
})
afterEach(() => {
  for (const socket of tlsSockets.splice(0)) socket.destroy()
  scene.tidy()
})
afterAll(() => scene[Symbol.asyncDispose]())

function overTls(ALPNProtocols: string[]): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: scene.proxy.portOf(1),
      servername: 'localhost',
      ca: authority.certificate,
    }
    const socket = connectTls({ ...options, ALPNProtocols }, () => resolve(socket))
    tlsSockets.push(socket)
    socket.once('error', reject)
  })
}

describe('3: starting', () => {
  it('3.2: h2 is chosen by ALPN; h2c never is', async () => {
    expect((await overTls(['h2c', 'h2'])).alpnProtocol).toBe('h2')
    expect((await overTls(['h2c', 'http/1.1'])).alpnProtocol).toBe('http/1.1')
  })

  it('3.2: the server sends its preface once TLS is agreed on, whoever speaks first', async () => {
    const peer = new Http2Peer(await overTls(['h2']), 'client', { settings: null })
    expect((await peer.next()).type).toBe(SETTINGS)
  })

  it('3.4: over TLS, anything but the preface ends the connection', async () => {
    const peer = new Http2Peer(await overTls(['h2']), 'client', { settings: null })
    await peer.send('GET / HTTP/1.1\r\nHost: example.com\r\n\r\n')
    expect((await peer.goaway()).code).toBe(PROTOCOL_ERROR)
    await peer.closed
    expect(scene.origin.requests).toEqual([])
  })

  it.each([
    ['http/1.1', ['http/1.1']],
    ['nothing', []],
  ])('3.2: over TLS, HTTP/2 is not spoken where ALPN has agreed on %s', async (_what, protocols) => {
    const socket = await overTls(protocols)
    const told = new Promise<string>(resolve => socket.once('data', bytes => resolve(String(bytes))))
    socket.write(Buffer.concat([PREFACE, settingsFrame(), get(1)]))
    expect(await told).toMatch(/^HTTP\/1\.1 [45]/)
    expect(scene.origin.requests).toEqual([])
  })

  it('3.3: h2c by Upgrade is not taken up, nor passed on', async () => {
    const peer = await scene.client({ settings: null, automatic: false })
    const words = 'GET / HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade, HTTP2-Settings\r\n'
    const answered = new Promise<string>(resolve => {
      peer.socket.removeAllListeners('data')
      peer.socket.on('data', part => resolve(String(part)))
    })
    await peer.send(`${words}Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`)
    expect(await answered).toMatch(/^HTTP\/1\.1 200 /)
    const names = scene.origin.requests[0]?.fields.map(([name]) => name.toLowerCase())
    expect(names).not.toContain('http2-settings')
    expect(names).not.toContain('upgrade')
  })

  it('3.4: SETTINGS are the first frame of the server, before it has seen any of the client', async () => {
    const peer = await scene.client({ settings: null })
    await peer.send(PREFACE)
    const first = await peer.next()
    expect([first.type, first.flags, first.stream]).toEqual([SETTINGS, 0, 0])
  })

  const prefaces: readonly Rule[] = [
    ['3.4: a preface without SETTINGS', [frame(PING, 0, 0, '12345678')], connectionError(PROTOCOL_ERROR)],
    ['3.4: a preface with an acknowledgement for SETTINGS', [frame(SETTINGS, ACK, 0)], connectionError(PROTOCOL_ERROR)],
    ['3.4: a preface with a request for SETTINGS', [get(1)], connectionError(PROTOCOL_ERROR)],
  ]
  it.each(prefaces)('%s', async (_name, frames, { code }) => {
    const peer = await scene.client({ settings: null })
    await peer.send(PREFACE, ...(frames as Buffer[]))
    expect((await peer.goaway()).code).toBe(code)
    await peer.closed
  })

  it('3.4: a preface that goes wrong at its end is answered with no frame but GOAWAY, and the connection ends', async () => {
    const peer = await scene.client({ settings: null, automatic: false })
    peer.socket.removeAllListeners('data')
    peer.socket.resume()
    await peer.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\rX', settingsFrame(), get(1))
    await peer.closed
    expect(scene.origin.requests).toEqual([])
  })

  it('3.4: SETTINGS of the preface are acknowledged, behind our own', async () => {
    const peer = await scene.client()
    await peer.settled()
    const settings = peer.received.filter(({ type }) => type === SETTINGS)
    expect(settings.map(({ flags }) => flags)).toEqual([0, ACK])
  })
})

const oversized = (type: number, stream: number) => frame(type, 0, stream, Buffer.alloc(16_385))

describe('4.1: frames', () => {
  const rules: readonly Rule[] = [
    ['4.1: a type that is not known', [frame(0xbe, 0xff, 0, 'x'), frame(0xbe, 0xff, 1, 'x')], goesOn],
    ['4.1: a type that is not known, of 16 KiB', [frame(0xbe, 0, 7, Buffer.alloc(16_384))], goesOn],
    ['4.1: flags without meaning on PING', [frame(PING, 0xfe, 0, '12345678')], goesOn],
    ['4.1: flags without meaning on SETTINGS', [frame(SETTINGS, 0xfe, 0)], goesOn],
    [
      '4.1: flags without meaning on HEADERS',
      [frame(HEADERS, (0xd3 & ~8) | END_HEADERS, 1, encodeFields(requestFields('GET', '/')))],
      goesOn,
    ],
    [
      '4.1: flags without meaning on DATA',
      [post(1), frame(DATA, 0xf6 & ~8, 1, 'x'), frame(DATA, 0xf7 & ~8, 1)],
      goesOn,
    ],
    ['4.1: flags without meaning on WINDOW_UPDATE', [frame(WINDOW_UPDATE, 0xff, 0, uint32(1))], goesOn],
    ['4.1: flags without meaning on RST_STREAM', [get(1, SILENT), frame(RST_STREAM, 0xff, 1, uint32(8))], goesOn],
    [
      '4.1: the reserved bit of a stream identifier',
      [frame(HEADERS, END_HEADERS | END_STREAM, 0x80000001, encodeFields(requestFields('GET', '/')))],
      goesOn,
    ],
    [
      '4.2: DATA of more than SETTINGS_MAX_FRAME_SIZE',
      [post(1), oversized(DATA, 1)],
      connectionError(FRAME_SIZE_ERROR),
    ],
    ['4.2: HEADERS of more than SETTINGS_MAX_FRAME_SIZE', [oversized(HEADERS, 1)], connectionError(FRAME_SIZE_ERROR)],
    [
      '4.2: SETTINGS of more than SETTINGS_MAX_FRAME_SIZE',
      [frame(SETTINGS, 0, 0, Buffer.alloc(16_386))],
      connectionError(FRAME_SIZE_ERROR),
    ],
    [
      '4.2: an unknown frame of more than SETTINGS_MAX_FRAME_SIZE',
      [oversized(0xbe, 0)],
      connectionError(FRAME_SIZE_ERROR),
    ],
    ['4.2: PADDED without its length', [post(1), frame(DATA, 8, 1)], connectionError(FRAME_SIZE_ERROR)],
    ['4.2: DATA of 16 KiB', [post(1), dataFrame(1, Buffer.alloc(16_384, 'x'), true)], goesOn],
  ]
  it.each(rules)('%s', async (...rule) => scene.check(rule))

  it('4.1: flags without meaning and the reserved bit are never set by the server', async () => {
    const peer = await scene.client()
    scene.answer = () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx-sum: 1\r\n\r\n'
    await peer.send(get(1), post(3), dataFrame(3, Buffer.alloc(10)), frame(PING, 0, 0, '12345678'))
    await peer.message(1)
    await peer.send(windowFrame(3, 0))
    await peer.resetOf(3)
    await peer.send(windowFrame(0, 0))
    await peer.goaway()
    const allowed = [END_STREAM, END_STREAM | END_HEADERS, 0, 0, ACK, 0, ACK, 0, 0, END_HEADERS]
    for (const { type, flags } of peer.received) expect(flags & ~(allowed[type] as number)).toBe(0)
    expect(peer.received.some(({ type }) => type === GOAWAY)).toBe(true)
  })

  it('4.2: frames of the server are no larger than the client takes', async () => {
    const peer = await scene.client({
      settings: [
        [MAX_FRAME_SIZE, 16_384],
        [INITIAL_WINDOW_SIZE, 1_000_000],
      ],
    })
    const content = 'x'.repeat(60_000)
    scene.answer = () => `HTTP/1.1 200 OK\r\nX-Long: ${'y'.repeat(20_000)}\r\nContent-Length: 60000\r\n\r\n${content}`
    await peer.send(get(1))
    const { head } = await peer.message(1)
    expect(head.get('x-long')?.length).toBe(20_000)
    expect(Math.max(...peer.received.map(({ payload }) => payload.length))).toBe(16_384)
  })
})

const block = encodeFields(requestFields('GET', '/'))
const indexed = (name: string, value: string) => Buffer.concat([Buffer.of(0x40), hpackText(name), hpackText(value)])
const undecodable = (stream: number, bytes: Buffer) => frame(HEADERS, END_HEADERS | END_STREAM, stream, bytes)
/** The newest entry of the table. */
const NEWEST = Buffer.of(0x80 | 62)

/** What may not stand between the frames of a field block. */
const between: readonly [what: string, bytes: Buffer][] = [
  ['DATA', dataFrame(1, 'x')],
  ['HEADERS', get(1)],
  ['HEADERS of another stream', get(3)],
  ['PRIORITY', frame(PRIORITY, 0, 1, Buffer.alloc(5))],
  ['RST_STREAM', frame(RST_STREAM, 0, 1, uint32(8))],
  ['SETTINGS', settingsFrame()],
  ['PUSH_PROMISE', frame(PUSH_PROMISE, END_HEADERS, 1, uint32(2))],
  ['PING', frame(PING, 0, 0, '12345678')],
  ['GOAWAY', frame(GOAWAY, 0, 0, uint32(0, 0))],
  ['WINDOW_UPDATE', windowFrame(0, 1)],
  ['CONTINUATION of another stream', frame(CONTINUATION, END_HEADERS, 3, block)],
  ['a type that is not known', frame(0xbe, 0, 1, 'x')],
]

/** What HPACK has to refuse (RFC 7541), behind a request that is good. */
const bad: readonly [what: string, bytes: readonly number[]][] = [
  ['RFC 7541, 2.3.3: a name from behind the end of the table', [0x7f, 0x80, 0x01, 0x01, 0x78]],
  ['RFC 7541, 5.1: an integer that is too large', [0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
  ['RFC 7541, 5.1: an integer that does not end', [0xff, 0x80, 0x80]],
  ['RFC 7541, 5.2: a text that is longer than its block', [0x00, 0x01, 0x78, 0x05, 0x61]],
  ['RFC 7541, 5.2: Huffman code with zeros behind it', [0x00, 0x01, 0x78, 0x81, 0x00]],
  ['RFC 7541, 5.2: Huffman code with more than seven bits behind it', [0x00, 0x01, 0x78, 0x82, 0x1f, 0xff]],
  ['RFC 7541, 5.2: Huffman code with EOS in it', [0x00, 0x01, 0x78, 0x84, 0xff, 0xff, 0xff, 0xff]],
]

describe('4.3: field blocks', () => {
  const rules: readonly Rule[] = [
    ...between.map(
      ([what, bytes]): Rule => [
        `4.3, 5.5, 6.10: ${what} between HEADERS and CONTINUATION`,
        [frame(HEADERS, END_STREAM, 1, block.subarray(0, 4)), bytes],
        connectionError(PROTOCOL_ERROR),
      ],
    ),
    ...bad.map(
      ([what, bytes]): Rule => [
        what,
        [undecodable(1, Buffer.concat([block, Buffer.from(bytes)]))],
        connectionError(COMPRESSION_ERROR),
      ],
    ),
    ['4.3: an index that is not there', [undecodable(1, NEWEST)], connectionError(COMPRESSION_ERROR)],
    ['4.3: an index of 0', [undecodable(1, Buffer.of(0x80))], connectionError(COMPRESSION_ERROR)],
    ['4.3: a block that is cut', [undecodable(1, block.subarray(0, -1))], connectionError(COMPRESSION_ERROR)],
    [
      '4.3: a table larger than SETTINGS_HEADER_TABLE_SIZE',
      [undecodable(1, Buffer.concat([hpackInteger(0x20, 5, 4097), block]))],
      connectionError(COMPRESSION_ERROR),
    ],
    [
      '4.3: a change of the table behind a field',
      [undecodable(1, Buffer.concat([block, hpackInteger(0x20, 5, 0)]))],
      connectionError(COMPRESSION_ERROR),
    ],
    ['4.3: trailers that cannot be decoded', [post(1), undecodable(1, NEWEST)], connectionError(COMPRESSION_ERROR)],
    [
      '4.3: a block that cannot be decoded for a stream past the limit',
      [get(1, SILENT), get(3, SILENT), undecodable(5, NEWEST)],
      connectionError(COMPRESSION_ERROR),
    ],
    [
      '4.3: a block that cannot be decoded for a request that is over',
      [get(1, SILENT), undecodable(1, NEWEST)],
      connectionError(COMPRESSION_ERROR),
    ],
    [
      '4.3: a block in pieces, some of them empty',
      [
        frame(HEADERS, END_STREAM, 1),
        frame(CONTINUATION, 0, 1, block.subarray(0, 7)),
        frame(CONTINUATION, 0, 1),
        frame(CONTINUATION, END_HEADERS, 1, block.subarray(7)),
      ],
      goesOn,
    ],
  ]
  it.each(rules)('%s', async (...rule) => scene.check(rule))

  const kept: readonly [name: string, before: readonly Buffer[], stream: number, code: number][] = [
    ['of a stream past the limit', [get(1, SILENT), get(3, SILENT)], 5, REFUSED_STREAM],
    ['behind the end of the request', [get(1, SILENT)], 1, STREAM_CLOSED],
    ['of a malformed request', [], 1, PROTOCOL_ERROR],
  ]
  it.each(kept)('4.3: a block %s keeps the table right', async (_name, before, stream, code) => {
    const peer = await scene.client()
    await peer.send(...before, undecodable(stream, indexed('x-kept', 'entry')))
    expect(await peer.resetOf(stream)).toBe(code)
    if (stream === 5) await peer.send(frame(RST_STREAM, 0, 1, uint32(8)))
    await peer.send(undecodable(7, Buffer.concat([block, NEWEST])))
    await peer.message(7)
    expect(scene.origin.requests.at(-1)?.fields).toContainEqual(['x-kept', 'entry'])
  })

  it('4.3: a block for a stream that we have reset keeps the table right', async () => {
    const peer = await scene.client()
    await peer.send(post(1), windowFrame(1, 0))
    expect(await peer.resetOf(1)).toBe(PROTOCOL_ERROR)
    await peer.send(undecodable(1, indexed('x-kept', 'entry')), undecodable(3, Buffer.concat([block, NEWEST])))
    await peer.message(3)
    expect(scene.origin.requests.at(-1)?.fields).toContainEqual(['x-kept', 'entry'])
  })

  const tables: readonly [name: string, rows: [number, number][]][] = [
    ['smaller', [[HEADER_TABLE_SIZE, 0]]],
    [
      'smaller and larger again',
      [
        [HEADER_TABLE_SIZE, 0],
        [HEADER_TABLE_SIZE, 4096],
      ],
    ],
  ]
  it.each(tables)(
    '4.3.1: when the client makes the table %s, the next block begins with saying so',
    async (_name, rows) => {
      const peer = await scene.client()
      await peer.send(get(1))
      await peer.message(1)
      await peer.send(settingsFrame(...rows), get(3))
      await peer.message(3)
      const [, second] = peer.received.filter(({ type }) => type === HEADERS)
      expect(second?.payload[0]).toBe(0x20)
      await stillServes(peer)
    },
  )

  it('4.3.1: a block behind the acknowledgement of a smaller table begins with saying so, or the connection ends', async () => {
    const good = new Http2Peer(await connected(2), 'client', {})
    await good.seen(({ type, flags }) => type === SETTINGS && flags === ACK)
    await good.send(undecodable(1, Buffer.concat([hpackInteger(0x20, 5, TABLE_BYTES), block])))
    await good.message(1)
    const bad = new Http2Peer(await connected(2), 'client', {})
    await bad.seen(({ type, flags }) => type === SETTINGS && flags === ACK)
    await bad.send(undecodable(1, block))
    expect((await bad.goaway()).code).toBe(COMPRESSION_ERROR)
    good.close()
  })

  it('4.3: a response with a field block of several frames has nothing between them', async () => {
    const peer = await scene.client({ settings: [[ENABLE_PUSH, 0]] })
    scene.answer = () => `HTTP/1.1 200 OK\r\nX-Long: ${'y'.repeat(30_000)}\r\nContent-Length: 0\r\n\r\n`
    await peer.send(get(1), frame(PING, 0, 0, '12345678'), get(3))
    await peer.message(1)
    await peer.message(3)
    const types = peer.received.map(({ type }) => type)
    for (const [at, type] of types.entries()) {
      if (type === CONTINUATION) expect([HEADERS, CONTINUATION]).toContain(types[at - 1])
    }
    expect(types.filter(type => type === CONTINUATION).length).toBeGreaterThanOrEqual(2)
    const headers = headersFrame(5, requestFields('GET', '/'), true)
    await peer.send(headers)
    await peer.message(5)
  })
})

async function connected(listener: number) {
  const { createConnection } = await import('node:net')
  return createConnection({ host: '127.0.0.1', port: scene.proxy.portOf(listener), noDelay: true })
}
