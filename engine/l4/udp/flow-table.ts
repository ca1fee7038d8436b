/**
 * The flows of one socket: found by the client's address and port, and in the order of their last datagrams, so that the one that has
 * been idle for the longest is at hand. Everything takes the same time however many there are.
 *
 * Two maps, address and then port, because a datagram comes with both: to put them together as one key would cost a string each time.
 * A client with one flow, as nearly all have, needs no map of its own.
 *
 * And two orders: whoever floods the table from invented addresses must not throw out those who talk with an endpoint. As Linux does
 * with the connections that it tracks, flows that go both ways stay while there are more of the others; unlike there, half of the
 * table is all that they keep, lest newcomers find no place among flows that nobody uses any more.
 */

/** What has a place in the table. */
export class TableEntry {
  /** What a datagram says its source is. */
  readonly address: string
  readonly port: number
  /** Neighbours in the order of last use; `null` at the ends, and for one that is in no table. */
  older: TableEntry | null = null
  newer: TableEntry | null = null
  /** Rises with each use of any entry. */
  usedAt = 0
  /** It was sent something by its client that had been answered before. */
  isAssured = false

  constructor(address: string, port: number) {
    this.address = address
    this.port = port
  }
}

/** Those of one address. */
interface Client<E> {
  /** One of them; `null` where it has gone and others have not. */
  first: E | null
  /** The others, by port; `null` where there was never more than one. */
  others: Map<number, E> | null
}

/** Entries in the order of last use. */
class IdleOrder {
  oldest: TableEntry | null = null
  newest: TableEntry | null = null
  size = 0

  /** @hotpath */
  append(entry: TableEntry): void {
    const { newest } = this
    entry.older = newest
    entry.newer = null
    if (newest === null) this.oldest = entry
    else newest.newer = entry
    this.newest = entry
    this.size += 1
  }

  /** @hotpath */
  unlink(entry: TableEntry): void {
    const { older, newer } = entry
    if (older === null) this.oldest = newer
    else older.newer = newer
    if (newer === null) this.newest = older
    else newer.older = older
    entry.older = null
    entry.newer = null
    this.size -= 1
  }
}

export class FlowTable<E extends TableEntry> {
  readonly #clients = new Map<string, Client<E>>()
  readonly #assured = new IdleOrder()
  readonly #others = new IdleOrder()
  #uses = 0

  get size(): number {
    return this.#assured.size + this.#others.size
  }

  /**
   * The one to go where there is no room: that has been idle for the longest; among those that are not assured, where they are more
   * than the assured. `null` where there is none.
   */
  get evictee(): E | null {
    const assured = this.#assured.oldest
    const other = this.#others.oldest
    if (assured === null || other === null) return (assured ?? other) as E | null
    const isOther = this.#others.size > this.#assured.size || other.usedAt < assured.usedAt
    return (isOther ? other : assured) as E
  }

  /** @hotpath */
  find(address: string, port: number): E | null {
    const client = this.#clients.get(address)
    if (client === undefined) return null
    const { first } = client
    if (first !== null && first.port === port) return first
    return client.others?.get(port) ?? null
  }

  /** There must be none with the same address and port. */
  add(entry: E): void {
    const client = this.#clients.get(entry.address)
    if (client === undefined) {
      this.#clients.set(entry.address, { first: entry, others: null })
    } else if (client.first === null) {
      client.first = entry
    } else {
      client.others ??= new Map()
      client.others.set(entry.port, entry)
    }
    this.#uses += 1
    entry.usedAt = this.#uses
    this.#orderOf(entry).append(entry)
  }

  /** It must be here. */
  remove(entry: E): void {
    const client = this.#clients.get(entry.address)
    if (client === undefined) return
    if (client.first === entry) client.first = null
    else client.others?.delete(entry.port)
    if (client.first === null && (client.others === null || client.others.size === 0)) {
      this.#clients.delete(entry.address)
    }
    this.#orderOf(entry).unlink(entry)
  }

  /** @hotpath */
  #orderOf(entry: E): IdleOrder {
    return entry.isAssured ? this.#assured : this.#others
  }

  /** It has been used just now. @hotpath */
  touch(entry: E): void {
    this.#uses += 1
    entry.usedAt = this.#uses
    const order = this.#orderOf(entry)
    if (entry === order.newest) return
    order.unlink(entry)
    order.append(entry)
  }

  /** From now on it is assured. It has been used just now. */
  assure(entry: E): void {
    this.#orderOf(entry).unlink(entry)
    entry.isAssured = true
    this.#assured.append(entry)
  }

  /** Those that are not assured first, each kind from the oldest on. What is removed meanwhile must be the one that was given last. */
  *[Symbol.iterator](): Generator<E> {
    for (const { oldest } of [this.#others, this.#assured]) {
      let entry = oldest
      while (entry !== null) {
        const { newer } = entry
        yield entry as E
        entry = newer
      }
    }
  }
}
