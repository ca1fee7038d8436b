/** A try of a flow on an endpoint: what is counted for it, and what health learns from it. */
import { stampOf } from '../shared/clock.ts'
import { CountedTry } from '../upstream/counted-try.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import { GOOD } from '../upstream/health/outcome.ts'
import { observeFirstByte } from '../upstream/latency.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { FlowContext } from './flow-context.ts'

export class FlowTry extends CountedTry {
  readonly #holdsPermit: boolean

  /** Takes over the entry that `upstream.choose` has left, and the permit. `startedAt` is `performance.now()`. */
  constructor(
    { shared }: FlowContext,
    upstream: Upstream,
    endpoint: Endpoint,
    holdsPermit: boolean,
    isTrial: boolean,
    startedAt: number,
  ) {
    super(shared, upstream, endpoint, isTrial, startedAt)
    this.#holdsPermit = holdsPermit
  }

  /** The first byte, or datagram, has come from the endpoint. */
  answered(nowMs: number): void {
    this.firstByteUs = this.elapsedUs(nowMs)
    if (!this.isSettled) {
      this.settle(GOOD, nowMs)
    } else if (this.upstream.isTimed) {
      observeFirstByte(this.shared.page.endpointCells, this.endpoint.column, this.firstByteUs, stampOf(nowMs))
    }
  }

  /** The endpoint has kept the connection for a while without a word; `wasAsked`: although it was its turn. */
  kept(wasAsked: boolean, nowMs: number): void {
    if (this.isSettled) return
    if (wasAsked) this.firstByteUs = this.elapsedUs(nowMs)
    this.settle(GOOD, nowMs)
  }

  /** The flow has come to its own end: what it took to the last byte counts as a response's time does. */
  finished(nowMs: number): void {
    if (this.firstByteUs >= 0) this.observeWhole(nowMs)
    this.end(GOOD, nowMs)
  }

  protected override ended(): void {
    if (!this.#holdsPermit) return
    this.endpoint.permits.giveBack()
    this.upstream.room.onRoom()
  }
}
