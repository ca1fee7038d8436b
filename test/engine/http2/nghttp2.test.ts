import { once } from 'node:events'
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { Head } from '../../../engine/http/head.ts'
import { FrameReader } from '../../../engine/http2/frame-reader.ts'
import {
  beginHeaders,
  endHeaders,
  writeDataHeader,
  writeSettings,
  writeSettingsAck,
} from '../../../engine/http2/frame-writer.ts'
import { encodeResponse, encodeTrailers } from '../../../engine/http2/head-encoder.ts'
import { HpackDecoder } from '../../../engine/http2/hpack-decoder.ts'
import { HpackEncoder } from '../../../engine/http2/hpack-encoder.ts'
import { decodedRequest, decodeRequest } from '../../../engine/http2/request-decoder.ts'
import { PeerSettings } from '../../../engine/http2/settings.ts'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import { ToldEvents } from './frame-events.ts'
import { latin } from './wire.ts'

const LIMITS = { headBytesMax: 200_000, fieldLinesMax: 500, targetBytesMax: 8192 }

/**
 * A server of nothing but codecs: answers each request with its own words as content, and with its fields as fields, whose names
 * have an `x-` put before them.
 */
class EchoServer extends ToldEvents {
  readonly #out = new ByteBuffer(1024)
  readonly #encoder = new HpackEncoder()
  readonly #decoder = new HpackDecoder(1024 * 1024)
  readonly #peer = new PeerSettings(false)
  readonly #head = new Head(Buffer.alloc(0))

  serve(socket: Socket): void {
    const reader = new FrameReader(this, { frameBytesMax: 16_384, blockBytesMax: 200_000 }, true)
    writeSettings(this.#out, [[6, 200_000]])
    socket.on('data', bytes => {
      const error = reader.read(bytes as Buffer, 0, bytes.length)
      if (error !== 0) socket.destroy()
      else socket.write(Buffer.from(this.#out.bytes.subarray(0, this.#out.length)))
      this.#out.length = 0
    })
    socket.on('error', () => socket.destroy())
  }

  override onSettings(ack: boolean, bytes: Buffer, start: number, end: number): void {
    if (ack) return
    expect(this.#peer.apply(bytes, start, end)).toBe(0)
    this.#encoder.setTableBytesMax(this.#peer.headerTableBytes)
    writeSettingsAck(this.#out)
  }

  override onHeaders(streamId: number, bytes: Buffer, start: number, end: number, endStream: boolean): void {
    expect(decodeRequest(this.#decoder, bytes, start, end, endStream, this.#head, LIMITS, true)).toBe(0)
    expect(decodedRequest.reason).toBe('')
    const out = this.#out
    const words = this.#head.text(0, this.#head.length)
    const lines = words.slice(words.indexOf('\r\n') + 2).replace(/^(.)/gm, 'X-$1')
    const at = beginHeaders(out)
    encodeResponse(this.#encoder, out, latin(`HTTP/1.1 200 OK\r\n${lines}`), 0)
    endHeaders(out, at, streamId, false, this.#peer.frameBytesMax)
    const content = latin(words.slice(0, 16_000))
    writeDataHeader(out, streamId, content.length, false)
    out.copy(content, 0, content.length)
    const trailersAt = beginHeaders(out)
    encodeTrailers(this.#encoder, out, [
      'Grpc-Status',
      '0',
      'x-path',
      this.#head.text(this.#head.targetStart, this.#head.targetEnd),
    ])
    endHeaders(out, trailersAt, streamId, true, this.#peer.frameBytesMax)
  }
}

const open: { server: Server; session: ClientHttp2Session }[] = []

afterEach(() => {
  for (const { server, session } of open.splice(0)) {
    session.destroy()
    server.close()
  }
})

async function openSession(settings: { headerTableSize?: number } = {}): Promise<ClientHttp2Session> {
  const server = createServer(socket => new EchoServer().serve(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { settings })
  open.push({ server, session })
  // Requests that leave before the limits of the other side are known keep to narrower ones.
  await once(session, 'remoteSettings')
  return session
}

interface Echo {
  readonly headers: IncomingHttpHeaders
  readonly trailers: IncomingHttpHeaders
  readonly content: string
}

async function ask(session: ClientHttp2Session, headers: Record<string, string>): Promise<Echo> {
  const stream = session.request(headers)
  stream.setEncoding('latin1')
  let content = ''
  let trailers: IncomingHttpHeaders = {}
  let found: IncomingHttpHeaders = {}
  stream.on('response', got => {
    found = got
  })
  stream.on('trailers', got => {
    trailers = got
  })
  stream.on('data', chunk => {
    content += chunk
  })
  await once(stream, 'end')
  return { headers: found, trailers, content }
}

async function expectEcho(session: ClientHttp2Session, path: string, fields: Record<string, string>): Promise<void> {
  const { headers, trailers, content } = await ask(session, { ':path': path, ':authority': 'a.example', ...fields })
  expect(headers).toMatchObject({ ':status': 200, 'x-host': 'a.example' })
  for (const [name, value] of Object.entries(fields)) expect(headers[`x-${name}`]).toBe(value)
  expect(content.startsWith(`GET ${path} HTTP/1.1\r\nhost: a.example\r\n`)).toBe(true)
  expect(trailers).toMatchObject({ 'grpc-status': '0', 'x-path': path })
}

describe('nghttp2 and the codecs', () => {
  it.each([{}, { headerTableSize: 0 }, { headerTableSize: 200 }, { headerTableSize: 65_536 }])(
    'understand each other, request after request, with settings %j',
    async settings => {
      const session = await openSession(settings)
      for (let round = 0; round < 40; round += 1) {
        await expectEcho(session, `/path/${round % 7}?n=${round}`, {
          'user-agent': 'a browser of some kind',
          accept: round % 3 === 0 ? '*/*' : 'text/html',
          cookie: `sid=${'0'.repeat(10 + round)}`,
          'x-changing': `${round * 7919}`,
          'x-large': 'abc'.repeat(round * 10),
        })
      }
    },
  )

  it('understand each other in heads that take several frames', async () => {
    const session = await openSession()
    const fields = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`f${at}`, `${at % 10}#`.repeat(600)]))
    await expectEcho(session, '/', fields)
    await expectEcho(session, '/again', fields)
  })
})
