/** Who a session sends a request for, and what it tells of the response. */
import type { Head } from '../http/head.ts'
import type { ResponseFacts } from '../http/response-facts.ts'
import type { ByteStream } from '../net/byte-stream.ts'
import type { Slot } from '../net/slots.ts'
import type { ClientSession } from './client-session.ts'

/** Why an exchange on a session failed. */
export type SessionError =
  | 'connect_failed'
  | 'connect_timeout'
  /** The system had nothing left for a connection: see `isShortage`. */
  | 'connect_shortage'
  | 'closed'
  | 'response_timeout'
  | 'idle_timeout'
  | 'response_malformed'
  | 'no_parser'
  /** The origin has done nothing for it, and says so. */
  | 'stream_refused'
  /** The endpoint speaks another version than it did, or was taken to speak: whoever asks it again gets that. */
  | 'protocol_changed'
  /** It asks for a protocol on top that the origin does not offer over HTTP/2. */
  | 'upgrade_unsupported'
  | 'fault'

/** What has become of a request whose session has failed: each is worse than the one before for sending it again. */
export type RequestFate = typeof UNSENT | typeof UNANSWERED | typeof ANSWERED | typeof GONE
/** The kernel was given nothing of it. */
export const UNSENT = 0
/** Nothing of its response has come. */
export const UNANSWERED = 1
/** Something of its response has come, be it an interim one or a part of the head. */
export const ANSWERED = 2
/** Not all of it is still at hand. */
export const GONE = 3

/** An upgrade that was taken up. */
export interface StreamSwitch {
  readonly stream: ByteStream
  readonly head: Head
  readonly facts: ResponseFacts
  /** Bytes of the memory that came behind the head. */
  readonly start: number
  readonly end: number
}

/** The exchange, as its session sees it. Every call may end the exchange. */
export interface ResponseReceiver {
  /** A response to HEAD has no content. */
  readonly isHead: boolean
  readonly wantsUpgrade: boolean
  /** Milliseconds from the request's end to the first byte of the response. Past it: `response_timeout`. */
  readonly responseTimeoutMs: number
  /** Milliseconds between two reads of the response's content. Past it: `idle_timeout`. */
  readonly idleMs: number
  /** Content that stays in the session's `out`, so that the request can be sent again; more than that is streamed. */
  readonly replayBytesMax: number
  /** A large read can go on at once: it need not be held for a client who takes its time. */
  readonly takesBulk: boolean
  /** Where its request lies in the session's `out`; the session moves them when it moves the bytes. */
  requestStart: number
  requestEnd: number
  onConnected(session: ClientSession): void
  onInterim(session: ClientSession, head: Head, facts: ResponseFacts): void
  onResponseHead(session: ClientSession, head: Head, facts: ResponseFacts): void
  /** `slot` is given when the content may be written by reference: it lies in a slot of the session's own. */
  onResponseContent(session: ClientSession, start: number, end: number, slot: Slot | null): void
  onResponseEnd(session: ClientSession, trailers: readonly string[] | null): void
  /** All that one read brought has been handed over. */
  onResponseFlush(session: ClientSession): void
  /** The request's bytes were taken by the kernel. */
  onRequestDrain(session: ClientSession): void
  /** 101: `stream` is the receiver's from here, with what lies behind the head. */
  onSwitch(session: ClientSession, change: StreamSwitch): void
  onSessionError(session: ClientSession, error: SessionError, fate: RequestFate): void
}

/** Bytes of a response that nobody wants that are read away; past it its connection is closed. */
const DISCARD_BYTES_MAX = 64 * 1024
/** The same where others wait behind it, who would have to be sent again. */
const DISCARD_BYTES_MAX_BEFORE_OTHERS = 1024 * 1024
/** Milliseconds that the content of such a response is read away at most, and that may pass between two reads. */
const DISCARD_MS_MAX = 1000

/**
 * Stands for somebody who has no use for a response any more: a client that has gone while others wait behind it on the
 * same connection, or a request that is tried elsewhere.
 */
export class DiscardedResponse implements ResponseReceiver {
  #bytes = 0
  /** When the first of its content was read away; -1 before that. */
  #since = -1
  readonly isHead: boolean
  readonly wantsUpgrade = false
  readonly responseTimeoutMs: number
  readonly idleMs = DISCARD_MS_MAX
  readonly replayBytesMax = 0
  readonly takesBulk = false
  requestStart: number
  requestEnd: number

  constructor(receiver: ResponseReceiver) {
    this.isHead = receiver.isHead
    this.responseTimeoutMs = receiver.responseTimeoutMs
    this.requestStart = receiver.requestStart
    this.requestEnd = receiver.requestEnd
  }

  onConnected(): void {}
  onInterim(): void {}
  onResponseHead(): void {}

  onResponseContent(session: ClientSession, start: number, end: number): void {
    const now = performance.now()
    if (this.#since < 0) this.#since = now
    this.#bytes += end - start
    const bytesMax = session.depth === 1 ? DISCARD_BYTES_MAX : DISCARD_BYTES_MAX_BEFORE_OTHERS
    if (this.#bytes > bytesMax || now - this.#since > DISCARD_MS_MAX) session.close()
  }

  onResponseEnd(): void {}
  onResponseFlush(): void {}
  onRequestDrain(): void {}
  onSwitch(): void {}
  onSessionError(): void {}
}
