import { createHash } from 'node:crypto'
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type Http2Stream,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import { createServer as createTcpServer } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Address } from '../../../engine/snapshot.ts'
import { Bell, within } from '../../support/bell.ts'
import type { Bytes } from '../../support/bytes.ts'
import { get, head } from '../../support/heads.ts'
import { listenOn } from '../../support/listen.ts'
import { rawClient } from '../../support/raw-client.ts'
import { type Field, valuesOf } from '../../support/strict-head.ts'
import { parseRequestHead } from '../../support/strict-request.ts'

/** The two ends of tunnels, over either version, with nothing in common but what a tunnel is. */

export type Version = 'h1' | 'h2'

export interface TunnelEnd {
  /** What has come. */
  readonly received: Buffer
  /** Bytes that were sent and are still here. */
  readonly unsent: number
  /** How the other side has ended: FIN and END_STREAM, or RST and RST_STREAM. */
  readonly ended: Promise<'fin' | 'reset'>
  receivedUntil(count: number, deadlineMs?: number): Promise<Buffer>
  send(bytes: Bytes): Promise<void>
  end(): void
  reset(): void
  pause(): void
  resume(): void
}

class StreamEnd implements TunnelEnd {
  readonly #stream: Duplex
  readonly #reset: () => void
  readonly #bell = new Bell()
  #chunks: Buffer[] = []
  #count = 0
  readonly ended: Promise<'fin' | 'reset'>

  /** What has come before is `first`. */
  constructor(stream: Duplex, reset: () => void, first: Buffer = Buffer.alloc(0)) {
    this.#stream = stream
    this.#reset = reset
    this.#take(first)
    stream.on('error', () => {})
    stream.on('data', (bytes: Buffer) => this.#take(bytes))
    this.ended = new Promise(resolve => {
      // Node ends the readable side of a stream that was reset, too.
      stream.on('end', () => resolve('rstCode' in stream && isReset(stream as Http2Stream) ? 'reset' : 'fin'))
      stream.on('aborted', () => resolve('reset'))
      stream.on('close', () => resolve('reset'))
    })
  }

  #take(bytes: Buffer): void {
    this.#chunks.push(bytes)
    this.#count += bytes.length
    this.#bell.ring()
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get unsent(): number {
    return this.#stream.writableLength
  }

  receivedUntil(count: number, deadlineMs = 10_000): Promise<Buffer> {
    const wait = async () => {
      while (this.#count < count) await this.#bell.wait()
      return this.received
    }
    return within(wait(), deadlineMs, () => `${count} bytes; so far ${this.#count}`)
  }

  send(bytes: Bytes): Promise<void> {
    return new Promise(resolve => this.#stream.write(bytes, () => resolve()))
  }

  end(): void {
    this.#stream.end()
  }

  reset(): void {
    this.#reset()
  }

  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }
}

function isReset(stream: Http2Stream): boolean {
  return (stream.rstCode ?? 0) !== 0
}

/** What the other end of a handshake has seen of it. */
export interface Seen {
  readonly path: string
  field(name: string): string
}

/** How an origin answers a handshake. */
export interface Origin extends AsyncDisposable {
  readonly address: Address
  /** The tunnels that were opened, in order, with what was asked for. */
  readonly tunnels: readonly (Seen & { readonly end: TunnelEnd })[]
  /** Refuses the next ones with that status; 0 for none. */
  refuses: number
  /** Sent right behind its answer. */
  first: string
}

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

function seen(path: string, fields: readonly Field[]): Seen {
  return { path, field: name => valuesOf(fields, name).join() }
}

async function originOfHttp1(): Promise<Origin> {
  const tunnels: (Seen & { end: TunnelEnd })[] = []
  const server = createTcpServer({ allowHalfOpen: true, noDelay: true }, socket => {
    socket.on('error', () => {})
    let unread: Buffer = Buffer.alloc(0)
    const read = (bytes: Buffer) => {
      unread = Buffer.concat([unread, bytes])
      const asked = parseRequestHead(unread)
      if (asked.kind !== 'complete') return
      unread = unread.subarray(asked.value.end)
      if (self.refuses !== 0) {
        socket.write(`${head(`HTTP/1.1 ${self.refuses} No`, 'Content-Length: 2')}no`)
        return
      }
      socket.off('data', read)
      const { target, fields } = asked.value
      socket.write(agreement(valuesOf(fields, 'sec-websocket-key').join()) + self.first)
      const end = new StreamEnd(socket, () => socket.resetAndDestroy(), unread)
      tunnels.push({ ...seen(target, fields), end })
    }
    socket.on('data', read)
  })
  const listening = await listenOn(server)
  const self: Origin = {
    address: listening.address,
    tunnels,
    refuses: 0,
    first: '',
    [Symbol.asyncDispose]: () => listening.close(),
  }
  return self
}

function agreement(key: string): string {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  return head(
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    'Upgrade: websocket',
    `Sec-WebSocket-Accept: ${accept}`,
    'Sec-WebSocket-Protocol: chat',
  )
}

async function originOfHttp2(enableConnectProtocol: boolean): Promise<Origin> {
  const tunnels: (Seen & { end: TunnelEnd })[] = []
  const server = createServer({ settings: { enableConnectProtocol } })
  server.on('session', session => session.on('error', () => {}))
  server.on('stream', (stream: ServerHttp2Stream, fields: IncomingHttpHeaders) => {
    stream.on('error', () => {})
    if (fields[':protocol'] !== 'websocket' || self.refuses !== 0) {
      stream.respond({ ':status': self.refuses || 400 })
      stream.end('no')
      return
    }
    stream.respond({ ':status': 200, 'sec-websocket-protocol': 'chat' })
    if (self.first !== '') stream.write(self.first)
    const end = new StreamEnd(stream, () => stream.close(constants.NGHTTP2_INTERNAL_ERROR))
    tunnels.push({ path: fields[':path'] ?? '', field: name => String(fields[name] ?? ''), end })
  })
  const listening = await listenOn(server)
  const self: Origin = {
    address: listening.address,
    tunnels,
    refuses: 0,
    first: '',
    [Symbol.asyncDispose]: () => listening.close(),
  }
  return self
}

export function openOrigin(version: Version, enableConnectProtocol = true): Promise<Origin> {
  return version === 'h1' ? originOfHttp1() : originOfHttp2(enableConnectProtocol)
}

/** A handshake of a client, and what came of it. */
export interface Handshake extends Disposable {
  readonly status: number
  readonly content: string
  field(name: string): string
  /** Of a tunnel: anything but an error. */
  readonly end: TunnelEnd
}

async function handshakeOverHttp1(port: number, path: string, ahead: string): Promise<Handshake> {
  const client = await rawClient(port, { halfOpen: true })
  const lines = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${KEY}`]
  await client.send(get(path, ...lines, 'Sec-WebSocket-Protocol: chat') + ahead)
  const response = await client.readResponse()
  // From here on it is for the end to read.
  client.socket.removeAllListeners('data')
  return {
    status: response.status,
    content: response.content.toString(),
    field: name => valuesOf(response.fields, name).join(),
    end: new StreamEnd(client.socket, () => client.reset(), client.unread),
    [Symbol.dispose]: () => client.close(),
  }
}

async function sessionWithConnect(port: number): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  await new Promise(resolve => session.once('remoteSettings', resolve))
  return session
}

async function handshakeOverHttp2(port: number, path: string, ahead: string): Promise<Handshake> {
  const session = await sessionWithConnect(port)
  const stream = session.request(
    {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'http',
      ':path': path,
      ':authority': 'a.example',
      'sec-websocket-version': '13',
      'sec-websocket-protocol': 'chat',
    },
    { endStream: false },
  )
  stream.on('error', () => {})
  if (ahead !== '') stream.write(ahead)
  const fields = await new Promise<IncomingHttpHeaders>(resolve => stream.once('response', resolve))
  const status = Number(fields[':status'])
  const end = new StreamEnd(stream, () => stream.close(constants.NGHTTP2_CANCEL))
  if (status !== 200) await end.ended
  return {
    status,
    content: end.received.toString(),
    field: name => String(fields[name] ?? ''),
    end,
    [Symbol.dispose]: () => session.destroy(),
  }
}

/** Asks for a WebSocket; `ahead` is sent before there is an answer. */
export function handshake(version: Version, port: number, path: string, ahead = ''): Promise<Handshake> {
  return version === 'h1' ? handshakeOverHttp1(port, path, ahead) : handshakeOverHttp2(port, path, ahead)
}
