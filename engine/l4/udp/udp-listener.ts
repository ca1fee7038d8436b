/** A socket of one worker that takes datagrams: which flow each belongs to, and what becomes of it. */
import type { Address } from '../../snapshot.ts'
import type { FlowContext } from '../flow-context.ts'
import type { UdpTerms } from './terms.ts'

export interface UdpListenerOwner {
  /** The table of flows is full, and the oldest idle ones go; told once until there is room again. */
  onFull(listener: UdpListener, limit: number): void
  /** It was closed, and its last flow is gone. */
  onEmpty(listener: UdpListener): void
}

export class UdpListener {
  readonly #context: FlowContext
  readonly #owner: UdpListenerOwner
  #terms: UdpTerms
  #address: Address | null = null

  /** Nothing is taken before `serve`. */
  constructor(terms: UdpTerms, context: FlowContext, owner: UdpListenerOwner) {
    this.#terms = terms
    this.#context = context
    this.#owner = owner
  }

  get name(): string {
    return this.#terms.settings.name
  }

  /** Flows that are open. */
  get count(): number {
    return 0
  }

  /** Where it takes datagrams; `null` before it does. */
  get address(): Address | null {
    return this.#address
  }

  /** Binds, and takes nothing before `serve`. Rejects with the system's error (`EADDRINUSE`, `EACCES` ...); gives the address it got. */
  async open(address: Address, _reusePort: boolean): Promise<Address> {
    void this.#context
    this.#address = address
    return address
  }

  /** New flows go by these from now on. */
  serve(terms: UdpTerms): void {
    this.#terms = terms
  }

  /** Takes no new flows; those that run end in their own time. */
  close(): void {
    this.#owner.onEmpty(this)
  }

  /** Ends what still runs. */
  abort(): void {
    void this.#terms
  }
}
