import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { Client } from 'autocannon'

/**
 * autocannon's client, one per connection, as far as this tool holds on to it. `setupClient` hands each one over
 * before it does anything; its types name only the public half.
 *
 * What autocannon keeps doing: it makes the clients, parses what comes back, matches answers with requests, times
 * them by the process's high-resolution clock, and tells about each. What `connection.ts` takes over, because autocannon
 * 9 cannot be asked for it:
 * - when to send: its rate is a burst at each second, and starts anew with each of them
 * - when and how to connect: it connects again at once and for ever, accepts every certificate, keeps the half-read
 *   answer of the last connection, and does not notice that a connection was closed with answers owing
 * - a connection for each request: with `reconnectRate` 1 it reports no answer at all
 * - the request's bytes: it cannot repeat a field, always says `Connection: keep-alive`, and copies the content for
 *   each connection
 * - what is an answer: it takes 100 and 103 for whole answers, and waits for the content of answers to HEAD
 */
export interface AutocannonClient extends EventEmitter {
  /** The socket that it writes to. */
  conn: Socket | undefined
  readonly parser: ResponseParser
  /** Requests on the way, oldest first, with the time at which each was sent. */
  readonly pipelinedRequests: { clear(): void; addBody(content: Uint8Array): void }
  _connect(): void
  /** Writes a request and starts its clock. */
  _doRequest(): void
  _destroyConnection(): void
  getRequestBuffer(): Uint8Array
}

/** http-parser-js, which autocannon brings. Callbacks are properties; autocannon sets them after `setupClient`. */
export interface ResponseParser {
  execute(chunk: Uint8Array): number | Error
  /** The connection has ended: completes content that lasts until then. */
  finish(): void
  reinitialize(type: 'RESPONSE'): void
  /** Returns whether the message has no content, whatever its field lines say. */
  onHeadersComplete: (head: ResponseHead) => boolean | undefined
  onMessageComplete: () => void
}

export interface ResponseHead {
  readonly statusCode: number
  readonly versionMinor: number
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly shouldKeepAlive: boolean
}

/** Checks that the client still is what this tool takes it for; autocannon may change its inner half without notice. */
export function openUpClient(client: Client): AutocannonClient {
  const opened = client as unknown as AutocannonClient
  const isAsKnown =
    typeof opened._connect === 'function' &&
    typeof opened._doRequest === 'function' &&
    typeof opened._destroyConnection === 'function' &&
    typeof opened.getRequestBuffer === 'function' &&
    typeof opened.pipelinedRequests?.addBody === 'function' &&
    typeof opened.parser?.reinitialize === 'function'
  if (!isAsKnown) throw new Error('this version of autocannon has another client than the load generator knows')
  return opened
}
