/** The client's side of an exchange, whatever protocol it speaks. */
import type { CompiledEdits } from '../http/field-edits.ts'
import type { Head } from '../http/head.ts'
import type { Forwarding } from '../http/head-writer.ts'
import type { ResponseFacts } from '../http/response-facts.ts'
import type { ByteStream } from '../net/byte-stream.ts'
import type { Connection } from '../net/connection.ts'
import type { Slot } from '../net/slots.ts'
import type { FieldLine } from '../snapshot.ts'
import type { StaticAnswer } from './answer.ts'
import type { ErrorPages } from './error-pages.ts'
import type { StrictTransport } from './strict-transport.ts'

export interface Downstream {
  /** The client's, which others may share. */
  readonly connection: Connection
  readonly listener: string
  /** The client's address with its port. */
  readonly client: string
  /** Who has told of it, as that of `ExchangeRecord`. */
  readonly proxy: string
  readonly forwarding: Forwarding
  readonly response: ResponseWriter
  /** For requests that no route has; `null` where there are none. */
  readonly errorPages: ErrorPages | null
  /** `null` where responses say nothing of it. */
  readonly strictTransport: StrictTransport | null
  /** Who asks for a tunnel takes any 2xx for it (RFC 9113, section 8.5; RFC 8441, section 5). */
  readonly tunnelsBySuccess: boolean

  /** Whether an address is one of the proxies whose word counts. */
  isTrusted(address: string): boolean
  /** Runs what no read or write of the client's has called: an exception costs its connection, and nothing else. */
  guard(run: () => void): void
  /** Stops and resumes reading the request's content. */
  pauseRequest(): void
  resumeRequest(): void

  /** Closes so that the client cannot take what it has for whole. */
  cut(): void
  /** Whether this 101 grants what the client has asked for, as far as it cannot tell by itself. */
  grants(head: Head): boolean
  /** Both connections become a tunnel. */
  switchProtocols(change: ProtocolSwitch): void
  exchangeEnded(): void
}

/** The upstream has answered with 101. */
export interface ProtocolSwitch {
  /** The origin's side, which is the tunnel's from here. */
  readonly stream: ByteStream
  readonly head: Head
  readonly facts: ResponseFacts
  readonly edits: CompiledEdits | null
  /** As of `ResponseWriter.sendHead`. */
  readonly lines: string
  /** What came behind the head. */
  readonly start: number
  readonly end: number
}

/** Of a response that is neither an upstream's nor put together beforehand. */
export interface OwnHead {
  readonly status: number
  readonly fields: readonly FieldLine[]
  /** Bytes of content that follow, or would but for HEAD; -1 where the status has none. */
  readonly contentLength: number
  readonly edits: CompiledEdits | null
  /** As of `ResponseWriter.sendHead`. */
  readonly lines: string
}

export interface ResponseWriter {
  /** Bytes of this exchange's response so far. */
  readonly bytesWritten: number
  /** As of `ResponseReceiver`. */
  readonly takesBulk: boolean
  /** Passes on a 1xx response, at once, to clients that know of them. */
  sendInterim(head: Head, facts: ResponseFacts): void
  /** `lines` are further field lines, each with its CRLF, or empty. */
  sendHead(head: Head, facts: ResponseFacts, edits: CompiledEdits | null, lines: string): void
  /** False when the client has to take what it has first. `slot` as in `Connection.write`. */
  sendContent(start: number, end: number, slot: Slot | null): boolean
  sendEnd(trailers: readonly string[] | null): void
  /** Writes what has been put together. False when the client has to take it first. */
  flush(): boolean
  /** Begins a response of our own; what is written is on its way with its first content, or with `flush`. */
  sendOwnHead(head: OwnHead): void
  /** Its content, in order. False when the client has to take it first; until then the bytes must stay as they are. */
  sendBytes(bytes: Buffer, start: number, end: number): boolean
  /** Writes a whole response of our own; `lines` as of `sendHead`. */
  answer(answer: StaticAnswer, lines: string): void
}
