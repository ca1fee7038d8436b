/** One HTTP/2 connection of a client: its streams are requests, each with an exchange of its own. */
import { Head } from '../http/head.ts'
import { memory } from '../http1/llhttp.ts'
import { NO_ERROR } from '../http2/protocol.ts'
import { decodedRequest, decodeRequest } from '../http2/request-decoder.ts'
import {
  ENABLE_CONNECT_PROTOCOL,
  HEADER_TABLE_SIZE,
  INITIAL_WINDOW_SIZE,
  MAX_CONCURRENT_STREAMS,
  MAX_FRAME_SIZE,
  MAX_HEADER_LIST_SIZE,
  NO_RFC7540_PRIORITIES,
} from '../http2/settings.ts'
import { Http2ByteStream } from '../multiplex/http2-byte-stream.ts'
import { Http2Connection, setPriority } from '../multiplex/http2-connection.ts'
import type { Http2Stream } from '../multiplex/http2-stream.ts'
import type { Http2Terms } from '../multiplex/http2-terms.ts'
import type { Connection } from '../net/connection.ts'
import { Pipe } from '../net/pipe.ts'
import type { Http2Snapshot, ListenerSnapshot } from '../snapshot.ts'
import { type ClientIdentity, identifyClient } from './client-identity.ts'
import type { ClientSide } from './client-side.ts'
import type { Generation, ListenerTerms, ServedRoutes } from './generation.ts'
import { Http2Downstream } from './http2-downstream.ts'
import type { WorkerContext } from './worker-context.ts'

/** Request heads share the table: each is used up before the next is read. */
const requestHead = new Head(memory)

/** The terms of the connections of a listener are the same for all of them. */
const termsOf = new WeakMap<ListenerSnapshot, Http2Terms>()

function connectionTerms(settings: ListenerSnapshot): Http2Terms {
  const known = termsOf.get(settings)
  if (known !== undefined) return known
  const { limits, timeouts } = settings
  const { headBytesMax, fieldLinesMax, targetBytesMax } = limits
  const { headMs, contentMs, idleMs } = timeouts
  const http2 = settings.http2 as Http2Snapshot
  const terms = { ...http2, headBytesMax, fieldLinesMax, targetBytesMax, headMs, contentMs, idleMs }
  termsOf.set(settings, terms)
  return terms
}

export class Http2ServerConnection extends Http2Connection implements ClientSide {
  readonly worker: WorkerContext
  readonly #served: ServedRoutes
  /** Those of the last request, or in force. */
  #terms: ListenerTerms
  #identity: ClientIdentity | null = null
  /** The last generation of a listener that accepts no more: it is to live until no request can follow here. */
  #held: Generation | null = null

  /** The listener speaks HTTP/2. */
  constructor(worker: WorkerContext, served: ServedRoutes, connection: Connection) {
    super(connection, connectionTerms(served.routes.settings), true)
    this.worker = worker
    this.#served = served
    this.#terms = served.routes.terms
  }

  override begin(): void {
    super.begin()
    // The listener has closed while it was found out what is spoken here.
    if (this.#served.isClosing) this.drain()
  }

  protected override ownSettings(): readonly (readonly [id: number, value: number])[] {
    const { headerTableBytes, streamsMax, streamWindowBytes, frameBytesMax, headBytesMax } = this.settings
    return [
      [HEADER_TABLE_SIZE, headerTableBytes],
      [MAX_CONCURRENT_STREAMS, streamsMax],
      [INITIAL_WINDOW_SIZE, streamWindowBytes],
      [MAX_FRAME_SIZE, frameBytesMax],
      [MAX_HEADER_LIST_SIZE, headBytesMax],
      [ENABLE_CONNECT_PROTOCOL, 1],
      [NO_RFC7540_PRIORITIES, 1],
    ]
  }

  /** @hotpath */
  protected override onNewStream(
    stream: Http2Stream,
    bytes: Buffer,
    start: number,
    end: number,
    endStream: boolean,
    hasPriority: boolean,
  ): number {
    const { routes } = this.#served
    const { terms } = routes
    const { limits } = terms.settings
    const error = decodeRequest(this.decoder, bytes, start, end, endStream, requestHead, limits, true)
    if (error !== 0) return error
    if (!hasPriority && decodedRequest.priority >= 0) setPriority(stream, decodedRequest.priority)
    const downstream = new Http2Downstream(this, stream, terms, this.#identify(terms))
    stream.owner = downstream
    downstream.begin(routes, requestHead, end - start)
    return 0
  }

  /** Who the client is, by what is configured now. @hotpath */
  #identify(terms: ListenerTerms): ClientIdentity {
    if (this.#identity === null || this.#terms.settings !== terms.settings) {
      this.#identity = identifyClient(this.connection, terms)
    }
    this.#terms = terms
    return this.#identity
  }

  /** Another generation is in force: streams have their own, and nothing else of the one before is held on to. */
  follow(): void {
    const { terms } = this.#served.routes
    if (terms.settings !== this.#terms.settings) this.#identity = null
    this.#terms = terms
  }

  /** The listener accepts no more: requests that are on their way are yet to be served by what it had last. */
  override drain(): void {
    if (this.#held === null && !this.closed) {
      this.#held = this.#served.routes.generation
      this.#held.enter()
    }
    super.drain()
  }

  protected override onEnded(): void {
    const held = this.#held
    this.#held = null
    held?.leave()
  }

  /** Ends what is under way: the worker's grace is over. */
  abort(): void {
    for (const { owner } of this.streams) {
      if (owner instanceof Http2Downstream) owner.abort()
      else if (owner instanceof Http2ByteStream && owner.owner instanceof Pipe) owner.owner.abort()
    }
    this.goAway(NO_ERROR, '')
  }
}
