/**
 * What a balancer chooses from: the endpoints of one group of an upstream, in the order of the configuration, as arrays
 * that are quick to walk. Who belongs to it never changes (another group is made for that); which of them may be chosen
 * does, with their health.
 */

export interface MemberSource {
  /** Its column in the state page. */
  readonly column: number
  /** Share of the requests, 1 to 65535. */
  readonly weight: number
  /** The configuration's text, e.g. `10.0.0.1:3000` or `api.internal:80`; the same for all addresses of one name. */
  readonly server: string
  /** What tells it from the others, also of the same server, e.g. `10.0.0.1:80`: the same wherever it stands. */
  readonly name: string
}

export class Members {
  readonly count: number
  readonly columns: Int32Array
  readonly weights: Int32Array
  readonly servers: readonly string[]
  readonly names: readonly string[]
  /** 1 where a member may be chosen. Written by `update` only. */
  readonly available: Uint8Array
  availableCount: number
  /** Weights as they count now: less than `weights` in slow start, and always above 0. */
  readonly effective: Float64Array
  /** Rises with every change of `available` and `effective`: what balancers have built of them is out of date. */
  version = 0

  constructor(sources: readonly MemberSource[]) {
    this.count = sources.length
    this.columns = Int32Array.from(sources, source => source.column)
    this.weights = Int32Array.from(sources, source => source.weight)
    this.servers = sources.map(source => source.server)
    this.names = sources.map(source => source.name)
    this.available = new Uint8Array(sources.length).fill(1)
    this.availableCount = sources.length
    this.effective = Float64Array.from(this.weights)
  }

  /** Takes over which members may be chosen, and their weights. True when something has changed. */
  update(available: Uint8Array, effective: Float64Array): boolean {
    let changed = false
    let count = 0
    for (let place = 0; place < this.count; place += 1) {
      const may = available[place] as number
      const weight = effective[place] as number
      count += may
      if (may === this.available[place] && weight === this.effective[place]) continue
      this.available[place] = may
      this.effective[place] = weight
      changed = true
    }
    this.availableCount = count
    if (changed) this.version += 1
    return changed
  }
}
