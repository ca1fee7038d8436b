/** What whoever accepts connections wants of them, whatever is spoken there. */
import type { ConnectionOwner } from '../net/connection.ts'
import { Http1Downstream } from './http1-downstream.ts'
import { Http2ServerConnection } from './http2-server-connection.ts'

export interface ClientSide {
  /** Another generation is in force: without an exchange, nothing of the one before is held on to. */
  follow(): void
  /** The listener accepts no more: closes if nothing is under way, else behind that, and says so if it still can. */
  drain(): void
  /** Ends what is under way: the worker's grace is over. */
  abort(): void
}

/** The owner of a client's connection as such; `null` for any other. */
export function clientSideOf(owner: ConnectionOwner): ClientSide | null {
  return owner instanceof Http1Downstream || owner instanceof Http2ServerConnection ? owner : null
}
