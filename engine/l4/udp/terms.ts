/** What the flows of a listener of UDP go by to their end: a reload makes others, and those that run keep theirs. */
import { AddressBlocks } from '../../shared/address-blocks.ts'
import type { BalanceName, UdpListenerSnapshot } from '../../snapshot.ts'
import type { Upstream } from '../../upstream/upstream.ts'
import type { Lifetime } from '../flow-context.ts'

/** Balancers that go by who the client is. */
const KEYED: ReadonlySet<BalanceName> = new Set<BalanceName>(['ip_hash', 'hash', 'maglev'])

export class UdpTerms {
  readonly settings: UdpListenerSnapshot
  readonly generation: Lifetime
  readonly upstream: Upstream
  /** Whose datagrams begin with a header of the PROXY protocol; `null` for nobody's. */
  readonly introducers: AddressBlocks | null
  /** The balancer goes by the client's address. */
  readonly isKeyed: boolean

  constructor(settings: UdpListenerSnapshot, generation: Lifetime, upstream: Upstream) {
    this.settings = settings
    this.generation = generation
    this.upstream = upstream
    const { proxyProtocol } = settings
    this.introducers = proxyProtocol === null ? null : new AddressBlocks(proxyProtocol.trusted)
    this.isKeyed = KEYED.has(upstream.settings.balance)
  }
}
