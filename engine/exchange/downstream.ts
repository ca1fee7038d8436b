/** The client's side of an exchange, whatever protocol it speaks. */
import type { CompiledEdits } from '../http1/field-edits.ts'
import type { Head } from '../http1/head.ts'
import type { Forwarding } from '../http1/head-writer.ts'
import type { ResponseFacts } from '../http1/response-facts.ts'
import type { Slot } from '../net/slots.ts'
import type { ClientSession } from '../upstream/client-session.ts'
import type { StaticAnswer } from './generation.ts'

export interface Downstream {
  readonly listener: string
  /** The peer's address with its port. */
  readonly client: string
  readonly forwarding: Forwarding
  readonly response: ResponseWriter

  /** Whether an address is one of the proxies whose word counts. */
  isTrusted(address: string): boolean
  /** Runs what no read or write of the client's has called: an exception costs its connection, and nothing else. */
  guard(run: () => void): void
  /** Stops and resumes reading the request's content. */
  pauseRequest(): void
  resumeRequest(): void

  /** Closes so that the client cannot take what it has for whole. */
  cut(): void
  /** Both connections become a tunnel; bytes `start` to `end` came behind the 101. */
  switchProtocols(session: ClientSession, head: Head, facts: ResponseFacts, start: number, end: number): void
  exchangeEnded(): void
}

export interface ResponseWriter {
  /** Bytes of this exchange's response so far. */
  readonly bytesWritten: number
  /** Passes on a 1xx response, at once, to clients that know of them. */
  sendInterim(head: Head, facts: ResponseFacts): void
  /** `line` is one more field line, with its CRLF, or empty. */
  sendHead(head: Head, facts: ResponseFacts, edits: CompiledEdits | null, line: string): void
  /** False when the client has to take what it has first. `slot` as in `Connection.write`. */
  sendContent(start: number, end: number, slot: Slot | null): boolean
  sendEnd(trailers: readonly string[] | null): void
  /** Writes what has been put together. False when the client has to take it first. */
  flush(): boolean
  /** Writes a whole response of a route's own. */
  answer(answer: StaticAnswer): void
  /** Writes a whole response that says what went wrong. */
  answerError(status: number, retryAfterSeconds?: number): void
}
