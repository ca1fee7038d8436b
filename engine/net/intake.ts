/**
 * Who may come in at one socket, by the limits that hold over all workers: so many open connections of one client, so many new ones
 * of anybody in a second. Connections here are flows where datagrams come.
 */
import { IntakePage } from '../shared/intake-page.ts'
import type { ConnectionLimits } from '../snapshot.ts'

/** Why somebody may not; `''` where nothing is against it. */
export type Refusal = '' | 'too_many_of_client' | 'too_many_new'

const NANOSECONDS = 1_000_000_000

export class Intake {
  readonly #page: IntakePage
  readonly #worker: number
  /** What this worker has open, by address. */
  readonly #open = new Map<string, number>()
  #perClientMax = 0
  #rate = 0
  #burst = 0
  /** Nanoseconds that one new connection takes of the rate, and those that may be taken at once; 0 for no limit. */
  #step = 0n
  #allowance = 0n

  /** `memory` is `SocketPlan.limits`. Everybody may come before `configure`. */
  constructor(memory: SharedArrayBuffer, worker: number) {
    this.#page = new IntakePage(memory)
    this.#worker = worker
  }

  /** These are in force from the next on, and what is open counts as it did. */
  configure({ connectionsPerClientMax, newConnectionsRate, newConnectionsBurst }: ConnectionLimits): void {
    this.#perClientMax = connectionsPerClientMax
    this.#rate = newConnectionsRate
    this.#burst = Math.max(1, newConnectionsBurst)
    this.#step = newConnectionsRate === 0 ? 0n : BigInt(Math.max(1, Math.round(NANOSECONDS / newConnectionsRate)))
    this.#allowance = this.#step * BigInt(this.#burst)
  }

  /** Everybody may come, and nobody is counted. */
  get isOpen(): boolean {
    return this.#perClientMax === 0 && this.#step === 0n
  }

  /** In words, for the log. */
  describe(refusal: Exclude<Refusal, ''>): string {
    return refusal === 'too_many_of_client'
      ? `the client has ${this.#perClientMax} open, as many as one may have`
      : `more than ${this.#rate} new ones in a second, and ${this.#burst} at once`
  }

  /** Whether those who are let in now are counted by their address, and have to `leave`. */
  get countsClients(): boolean {
    return this.#perClientMax > 0
  }

  /**
   * Lets one more in from that IP address, or says why not; empty for an address that nobody knows, as behind a unix socket: the limit
   * per client does not apply to it.
   */
  admit(address: string): Refusal {
    const isCounted = this.countsClients && address !== ''
    // Counted first, so that two workers at once never let in more than may come.
    if (isCounted) this.count(address)
    const refusal = this.#refusalOf(address, isCounted)
    if (refusal !== '' && isCounted) this.leave(address)
    return refusal
  }

  #refusalOf(address: string, isCounted: boolean): Refusal {
    if (isCounted && this.#openOf(address) > this.#perClientMax) return 'too_many_of_client'
    return this.#step > 0n && !this.#takeTurn() ? 'too_many_new' : ''
  }

  /** Open connections of an address, over all workers. */
  #openOf(address: string): number {
    const own = this.#open.get(address) ?? 0
    // Whoever is over it here already need not be looked for elsewhere.
    return own > this.#perClientMax ? own : own + this.#page.openElsewhere(this.#worker, address)
  }

  /** The generic cell rate algorithm (ITU-T I.371), on one cell of all workers. */
  #takeTurn(): boolean {
    const { due } = this.#page
    for (;;) {
      const now = process.hrtime.bigint()
      const was = Atomics.load(due, 0)
      const latest = now + this.#allowance
      // Further ahead than ever with these settings: others were in force, and all that may come at once has come.
      const from = was < now ? now : was > latest ? latest : was
      const next = from + this.#step
      const isAdmitted = next <= latest
      if (!isAdmitted && from === was) return false
      if (Atomics.compareExchange(due, 0, was, isAdmitted ? next : from) === was) return isAdmitted
    }
  }

  /** One of that address is open, whatever the limits say. To be followed by `leave`, sooner or later. */
  count(address: string): void {
    this.#open.set(address, 1 + (this.#open.get(address) ?? 0))
    this.#page.add(this.#worker, address, 1)
  }

  /** One that was counted is open no more. */
  leave(address: string): void {
    const left = (this.#open.get(address) ?? 0) - 1
    if (left > 0) this.#open.set(address, left)
    else this.#open.delete(address)
    this.#page.add(this.#worker, address, -1)
  }
}
