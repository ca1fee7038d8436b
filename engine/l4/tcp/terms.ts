/** What the connections of a listener of TCP go by to their end: a reload makes others, and those that run keep theirs. */
import type { TcpListenerSnapshot } from '../../snapshot.ts'
import type { Upstream } from '../../upstream/upstream.ts'
import type { Lifetime } from '../flow-context.ts'
import { ServerNameTable } from './server-names.ts'

export class TcpTerms {
  readonly settings: TcpListenerSnapshot
  readonly generation: Lifetime
  /** Those of the generation, which the indices of the settings lead to. */
  readonly upstreams: readonly Upstream[]
  readonly serverNames: ServerNameTable

  constructor(settings: TcpListenerSnapshot, generation: Lifetime, upstreams: readonly Upstream[]) {
    this.settings = settings
    this.generation = generation
    this.upstreams = upstreams
    this.serverNames = new ServerNameTable(settings.serverNames)
  }
}
