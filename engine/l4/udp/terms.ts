/** What the flows of a listener of UDP go by to their end: a reload makes others, and those that run keep theirs. */
import type { UdpListenerSnapshot } from '../../snapshot.ts'
import type { Upstream } from '../../upstream/upstream.ts'
import type { Lifetime } from '../flow-context.ts'

export class UdpTerms {
  readonly settings: UdpListenerSnapshot
  readonly generation: Lifetime
  readonly upstream: Upstream

  constructor(settings: UdpListenerSnapshot, generation: Lifetime, upstream: Upstream) {
    this.settings = settings
    this.generation = generation
    this.upstream = upstream
  }
}
