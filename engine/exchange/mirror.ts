/**
 * Where copies of a route's requests go, beside the upstream that answers them. Whatever becomes of a copy, the request
 * does not notice: nothing is waited for, nothing is tried again, and where a limit is reached there is no copy.
 */
import type { ByteBuffer } from '../net/byte-buffer.ts'
import type { IntroducedClient } from '../net/proxy-protocol/opening.ts'
import type { RoutedRequest } from '../routing/request.ts'
import { MIRRORED_TOTAL, MIRRORS_DROPPED, type StateRow } from '../shared/state-page.ts'
import type { MirrorSnapshot } from '../snapshot.ts'
import { TRIAL } from '../upstream/admission.ts'
import { LOW } from '../upstream/concurrency-limit.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { hashKey } from './hash-key.ts'
import { MirrorCopy } from './mirror-copy.ts'
import type { WorkerContext } from './worker-context.ts'

/** Whose request is copied, and who writes its heads. */
export interface HeadSource {
  /** The client's, as endpoints are told of it. */
  readonly exchange: IntroducedClient
  /** Adds the head as it goes to `endpoint`. */
  writeHead(out: ByteBuffer, endpoint: Endpoint, request: RoutedRequest): void
}

export class Mirror {
  readonly upstream: Upstream
  readonly contentBytesMax: number
  readonly #share: number
  readonly #concurrencyMax: number
  readonly #roll: () => number
  /** Copies under way. */
  #active = 0

  /** `roll` numbers from 0 to below 1. */
  constructor({ share, concurrencyMax, contentBytesMax }: MirrorSnapshot, upstream: Upstream, roll = Math.random) {
    this.upstream = upstream
    this.contentBytesMax = contentBytesMax
    this.#share = share
    this.#concurrencyMax = concurrencyMax
    this.#roll = roll
  }

  /** Begins a copy, or gives `null` where there is to be none. An exception in it is a defect of ours that costs the copy. */
  copy(worker: WorkerContext, request: RoutedRequest, source: HeadSource): MirrorCopy | null {
    if (request.facts.upgrade || this.#roll() >= this.#share) return null
    try {
      const copy = this.#active < this.#concurrencyMax ? this.#start(worker, request, source) : null
      if (copy === null) this.dropped(worker.row)
      return copy
    } catch (error) {
      worker.net.onFault(error)
      return null
    }
  }

  #start(worker: WorkerContext, request: RoutedRequest, source: HeadSource): MirrorCopy | null {
    const { upstream } = this
    const nowMs = performance.now()
    const admission = upstream.admission.enter(LOW, nowMs)
    if (admission < 0) return null
    // Those who wait for room wait for requests, not for copies.
    const endpoint = upstream.room.isAwaited ? null : upstream.choose(this.#key(request), null, nowMs)
    const session = endpoint === null ? null : endpoint.pool.acquire(false, source.exchange)
    if (endpoint === null || session === null) {
      if (endpoint !== null) upstream.unchoose(endpoint)
      upstream.admission.leave(admission, -1)
      return null
    }
    const isTrial = (admission & TRIAL) !== 0
    const place = isTrial ? admission - TRIAL : admission
    const copy = new MirrorCopy({ mirror: this, worker, endpoint, session, isTrial, admission: place, nowMs }, request)
    this.#active += 1
    count(worker.row, MIRRORED_TOTAL)
    const start = session.prepare().length
    try {
      source.writeHead(session.out, endpoint, request)
      session.begin(copy, start, !copy.isRequestWhole)
    } catch (error) {
      copy.abandon()
      throw error
    }
    return copy
  }

  #key(request: RoutedRequest): string {
    const { hashOn, balance } = this.upstream.settings
    return hashOn !== null || balance === 'ip_hash' ? hashKey(hashOn, request) : ''
  }

  /** No copy, or not all of it, because of a limit. */
  dropped(row: StateRow): void {
    count(row, MIRRORS_DROPPED)
  }

  /** @internal */
  copyEnded(): void {
    this.#active -= 1
  }
}

function count({ counters }: StateRow, cell: number): void {
  counters[cell] = (counters[cell] as number) + 1
}
