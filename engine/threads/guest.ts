/** A connection that counts for its client as long as it is open. */
import type { Connection, ConnectionCounter } from '../net/connection.ts'
import { endsOf } from '../net/ends.ts'
import type { Intake, Refusal } from '../net/intake.ts'

export class Guest implements ConnectionCounter {
  /** Whoever counts connections of anybody. */
  readonly #next: ConnectionCounter | null
  readonly #intake: Intake
  readonly #address: string

  private constructor(next: ConnectionCounter | null, intake: Intake, address: string) {
    this.#next = next
    this.#intake = intake
    this.#address = address
  }

  /** Counts one that is in already; one that is counted once does not count twice. */
  static count(connection: Connection, intake: Intake): void {
    const address = addressOf(connection)
    if (address === '' || connection.counter instanceof Guest) return
    intake.count(address)
    connection.counter = new Guest(connection.counter, intake, address)
  }

  /** Why it may not come in; empty, and counted, where it may. */
  static admit(connection: Connection, intake: Intake): Refusal {
    const address = addressOf(connection)
    const refusal = intake.admit(address)
    if (refusal === '' && intake.countsClients && address !== '') {
      connection.counter = new Guest(connection.counter, intake, address)
    }
    return refusal
  }

  onConnectionClosed(connection: Connection): void {
    this.#intake.leave(this.#address)
    this.#next?.onConnectionClosed(connection)
  }

  onConnectionReplaced(connection: Connection, successor: Connection): void {
    this.#next?.onConnectionReplaced(connection, successor)
  }
}

/** By which clients are told apart; empty where nobody knows. */
function addressOf(connection: Connection): string {
  const { client } = endsOf(connection)
  return client?.kind === 'tcp' ? client.host : ''
}
