import {
  constants,
  createSecureServer,
  createServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { type Bytes, toBuffer } from '../../support/bytes.ts'
import { listenOn } from '../../support/listen.ts'
import type { Field } from '../../support/strict-head.ts'
import {
  comparable,
  fieldsOf,
  Incoming,
  lengthOf,
  type OriginExchange,
  onlyValueOf,
  type RequestHead,
  type ResponseSpec,
  type Serve,
  type Trust,
  type Whole,
} from './exchange.ts'
import type { VersionedOrigin } from './http1-origin.ts'
import { endContent, rawOf, receive, writeContent } from './http2-wire.ts'

class Exchange implements OriginExchange {
  readonly incoming = new Incoming()
  readonly head: RequestHead
  readonly connection: number
  readonly gone: Promise<void>
  readonly #stream: ServerHttp2Stream

  constructor(head: RequestHead, connection: number, stream: ServerHttp2Stream) {
    this.head = head
    this.connection = connection
    this.#stream = stream
    this.gone = new Promise(resolve => {
      stream.on('aborted', () => resolve())
      stream.on('close', () => resolve())
    })
    receive(stream, this.incoming)
  }

  async request(): Promise<RequestHead & Whole> {
    return { ...this.head, ...(await this.incoming.whole()) }
  }

  interim(status: number, ...fields: Field[]): void {
    this.#stream.additionalHeaders({ ':status': status, ...Object.fromEntries(fields) })
  }

  async respond(spec: ResponseSpec = {}): Promise<void> {
    const { status = 200, fields = [], content, open = false } = spec
    if (this.#stream.destroyed) return
    const all = [...fields]
    const mayHaveContent = status !== 204 && status !== 304 && this.head.method !== 'HEAD'
    if (!open && !spec.unknownLength && lengthOf(fields) === null && mayHaveContent) {
      all.push(['content-length', String(toBuffer(content ?? '').length)])
    }
    const endStream = !open && (content === undefined || this.head.method === 'HEAD') && spec.trailers === undefined
    this.#stream.respond(rawOf([[':status', String(status)]], all), { endStream, waitForTrailers: !endStream })
    if (endStream) return
    if (content !== undefined) await this.write(content)
    if (!open) await this.end(spec.trailers)
  }

  write(bytes: Bytes): Promise<void> {
    return writeContent(this.#stream, bytes)
  }

  end(trailers?: readonly Field[]): Promise<void> {
    return endContent(this.#stream, trailers)
  }

  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }

  reset(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  }

  cut(): void {
    this.#stream.session?.destroy()
  }
}

function headOf(raw: readonly string[]): RequestHead {
  const fields = fieldsOf(raw)
  return {
    method: onlyValueOf(fields, ':method') ?? '',
    target: onlyValueOf(fields, ':path') ?? '',
    authority: onlyValueOf(fields, ':authority') ?? onlyValueOf(fields, 'host') ?? '',
    fields: comparable(fields),
    length: lengthOf(fields),
  }
}

export async function http2Origin(serve: Serve, trust: Trust | null, unixPath?: string): Promise<VersionedOrigin> {
  const sessions: ServerHttp2Session[] = []
  const failures: Error[] = []
  const server = trust === null ? createServer() : createSecureServer({ cert: trust.chain, key: trust.key })
  server.on('session', session => {
    const connection = sessions.length
    sessions.push(session)
    session.on('error', error => {
      // Of the connection alone: what the proxy sent could not be read.
      if ((error as NodeJS.ErrnoException).code === 'ERR_HTTP2_ERROR') failures.push(error)
    })
    session.on('stream', (...[stream, , , raw]) => {
      serve(new Exchange(headOf(raw as unknown as string[]), connection, stream))
    })
  })
  const listening = await listenOn(server, unixPath)
  return {
    ...listening,
    takeFailures: () => failures.splice(0),
    cutAll() {
      for (const session of sessions) session.destroy()
    },
  }
}
