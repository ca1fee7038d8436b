/** One connection of a client to a listener of TCP, and the one to an endpoint that its bytes go to and come from. */
import type { Connection, ConnectionOwner } from '../../net/connection.ts'
import type { FlowContext } from '../flow-context.ts'
import type { TcpTerms } from './terms.ts'

export class TcpFlow implements ConnectionOwner {
  readonly #context: FlowContext
  readonly #terms: TcpTerms
  readonly #client: Connection

  constructor(context: FlowContext, terms: TcpTerms, client: Connection) {
    this.#context = context
    this.#terms = terms
    this.#client = client
  }

  /** The connection is as it will be: decrypted, if it is to be, and told of by a header of the PROXY protocol. */
  begin(): void {
    this.#client.owner = this
    this.#terms.generation.enter()
  }

  /** Ends it: the worker's grace is over. */
  abort(): void {
    this.#client.destroy()
    this.#terms.generation.leave()
  }

  onRead(): void {}
  onReadEnd(): void {}
  onDrain(): void {}
  onDeadline(): void {}
  onClose(): void {
    void this.#context
  }
}
