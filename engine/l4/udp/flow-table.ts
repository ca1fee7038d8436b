/**
 * The flows of one socket: found by the client's address and port, and in the order of their last datagrams, so that the one that has
 * been idle for the longest is at hand. Everything takes the same time however many there are.
 *
 * Two maps, address and then port, because a datagram comes with both: to put them together as one key would cost a string each time.
 * A client with one flow, as nearly all have, needs no map of its own.
 */

/** What has a place in the table. */
export class TableEntry {
  /** What a datagram says its source is. */
  readonly address: string
  readonly port: number
  /** Neighbours in the order of last use; `null` at the ends, and for one that is in no table. */
  older: TableEntry | null = null
  newer: TableEntry | null = null

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

export class FlowTable<E extends TableEntry> {
  readonly #clients = new Map<string, Client<E>>()
  #oldest: E | null = null
  #newest: E | null = null
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The one that has been idle for the longest; `null` where there is none. */
  get oldest(): E | null {
    return this.#oldest
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
    this.#append(entry)
    this.#size += 1
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
    this.#unlink(entry)
    this.#size -= 1
  }

  /** It has been used just now. @hotpath */
  touch(entry: E): void {
    if (entry === this.#newest) return
    this.#unlink(entry)
    this.#append(entry)
  }

  /** From the oldest on. What is removed meanwhile must be the one that was given last. */
  *[Symbol.iterator](): Generator<E> {
    let entry = this.#oldest
    while (entry !== null) {
      const newer = entry.newer as E | null
      yield entry
      entry = newer
    }
  }

  #append(entry: E): void {
    const newest = this.#newest
    entry.older = newest
    entry.newer = null
    if (newest === null) this.#oldest = entry
    else newest.newer = entry
    this.#newest = entry
  }

  #unlink(entry: E): void {
    const { older, newer } = entry
    if (older === null) this.#oldest = newer as E | null
    else older.newer = newer
    if (newer === null) this.#newest = older as E | null
    else newer.older = older
    entry.older = null
    entry.newer = null
  }
}
