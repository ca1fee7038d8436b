/**
 * What a request has of its endpoint: a connection of HTTP/1.1, or a stream of one of HTTP/2. Whatever the version, the request
 * is put together in the words of HTTP/1.1 in `out` (its head, and content as that frames it), which is also how a request is
 * kept and moved to another session; HTTP/2 translates it as it leaves.
 */
import type { ByteBuffer } from '../net/byte-buffer.ts'
import type { Slot } from '../net/slots.ts'
import type { Endpoint } from './endpoint.ts'
import type { ResponseReceiver } from './response-receiver.ts'

export interface ClientSession {
  readonly endpoint: Endpoint
  /** Others have used the connection before: its peer may have closed it as we wrote. */
  readonly reused: boolean
  /** The system's name for what ended it, e.g. `ECONNREFUSED`; empty where nothing of the kind did. */
  readonly systemError: string
  /** The request so far, in the words of HTTP/1.1. */
  readonly out: ByteBuffer
  /** Its connection is open. */
  readonly open: boolean
  readonly closed: boolean
  /** Requests under way that this one shares its fate with, itself included. */
  readonly depth: number
  /** The whole of the request, as far as it has come, is still at hand. */
  readonly keepsRequest: boolean
  /** Bytes of the request that wait to be taken by the kernel, or by the peer's windows; 0 as long as it is not open. */
  readonly waitingBytes: number

  /** Where the caller writes the head of its request, to be followed by `begin`. */
  prepare(): ByteBuffer
  /** The head of `receiver`'s request lies in `out` from `start`, with what has come of its content; more may follow. */
  begin(receiver: ResponseReceiver, start: number, contentFollows: boolean): void
  /** Sends what has been put together: at once, or at the end of the turn where other requests may join. */
  flush(): void
  /**
   * Passes on content of the request. False when what came before has to go out first: the reader must stop. With `slot` the
   * content may be written by reference; `chunked` is how HTTP/1.1 has to frame it.
   */
  writeContent(start: number, end: number, slot: Slot | null, chunked: boolean): boolean
  /** The request is whole. */
  endContent(trailers: readonly string[] | null, chunked: boolean): void
  /** Copies a request as it was put together, to be sent again on another session. */
  copyRequest(receiver: ResponseReceiver, to: ByteBuffer): void
  /** The receiver has no use for its response, whose head has come. */
  discard(receiver: ResponseReceiver): void
  /** Stops and resumes reading the response, for a client that takes it slowly. */
  pause(): void
  resume(): void
  /** The receiver's client has gone. What others wait for on the same connection still comes. */
  cancel(receiver: ResponseReceiver): void
  /** Whoever took the connection over has closed it. */
  givePermitBack(): void
  /** Ends it, whatever is under way. */
  close(): void
}
