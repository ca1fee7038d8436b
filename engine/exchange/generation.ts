/** A snapshot made ready for use by one worker: pools, balancers, routers. Immutable but for what runs in it. */
import type { NetContext } from '../net/connection.ts'
import { Router } from '../routing/router.ts'
import { AddressBlocks } from '../shared/address-blocks.ts'
import type { ListenerSnapshot, Snapshot } from '../snapshot.ts'
import type { SharedState } from '../upstream/endpoint.ts'
import type { HealthListener } from '../upstream/health/endpoint-health.ts'
import type { UpstreamPlacement } from '../upstream/placement.ts'
import { Upstream } from '../upstream/upstream.ts'
import { ErrorPages } from './error-pages.ts'
import { httpsRedirect } from './https-redirect.ts'
import { compileInSteps, compileRoutes, type Route } from './route.ts'
import { StrictTransport } from './strict-transport.ts'

/** What a listener's requests go by to their end, once their routes are found. */
export interface ListenerTerms {
  readonly generation: Generation
  readonly settings: ListenerSnapshot
  readonly trusted: AddressBlocks
  /** For requests that no route has; `null` where there are none. */
  readonly errorPages: ErrorPages | null
  /** `null` where responses say nothing of it. */
  readonly strictTransport: StrictTransport | null
  /** Takes every request instead of the router; `null` for a listener that serves. */
  readonly httpsRedirect: Route | null
}

export interface ListenerRoutes extends ListenerTerms {
  readonly router: Router<Route>
  /** The same without the router, which is large: what runs for days is not to keep it. */
  readonly terms: ListenerTerms
}

/** Milliseconds between two looks at whether the last copy of a request has gone where it is to go. */
const END_POLL_MS = 500

/** Upstreams and endpoints that are made ready without a stop: a millisecond or two. */
const OPENED_AT_ONCE = 250

/** What the connections of a listener are served by: a reload swaps it, and the next request on any of them takes it. */
export interface ServedRoutes {
  routes: ListenerRoutes
  /** The listener accepts no more: each connection ends with the response that is under way, or the next. */
  isClosing: boolean
}

export interface GenerationOptions {
  readonly snapshot: Snapshot
  /** Where the upstreams are, in the order of the snapshot. */
  readonly placements: readonly UpstreamPlacement[]
  /** The one in force: upstreams that are as they were there are taken from it. `null` for none. */
  readonly before: Generation | null
  readonly shared: SharedState
  readonly context: NetContext
  readonly onHealth: HealthListener
}

interface GenerationParts {
  readonly upstreams: readonly Upstream[]
  readonly errorPages: ErrorPages | null
  /** By listener. */
  readonly routers: readonly Router<Route>[]
}

function partsOf(options: GenerationOptions): GenerationParts {
  const { snapshot } = options
  const upstreams = openUpstreams(options)
  const errorPages = ErrorPages.of(snapshot.errorPages, '')
  const routes = compileRoutes(snapshot, upstreams, errorPages)
  const routers = snapshot.listeners.map((_, index) => new Router(snapshot, index, routes))
  return { upstreams, errorPages, routers }
}

/** Whatever else the thread has to do comes first. */
function breath(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

async function inBreaths<T>(steps: Iterator<undefined, T>): Promise<T> {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    await breath()
  }
}

export class Generation {
  readonly number: number
  readonly upstreams: readonly Upstream[]
  /** In the order of the snapshot; none once it is retired: no route is looked for any more. */
  listeners: readonly ListenerRoutes[]
  /** Exchanges that are served by it. */
  #exchanges = 0
  #onEnd: (() => void) | null = null

  /** Makes one ready, a little at a time: with thousands of routes it takes long enough for what is served meanwhile to show. */
  static async build(options: GenerationOptions): Promise<Generation> {
    const { snapshot } = options
    const upstreams = await inBreaths(openInSteps(options))
    const errorPages = ErrorPages.of(snapshot.errorPages, '')
    const routes = await inBreaths(compileInSteps(snapshot, upstreams, errorPages))
    const routers: Router<Route>[] = []
    for (const index of snapshot.listeners.keys()) {
      await breath()
      routers.push(new Router(snapshot, index, routes))
    }
    return new Generation(options, { upstreams, errorPages, routers })
  }

  /** As `build`, in one go. */
  constructor(options: GenerationOptions, parts: GenerationParts = partsOf(options)) {
    const { snapshot } = options
    this.number = snapshot.generation
    this.upstreams = parts.upstreams
    const { errorPages, routers } = parts
    this.listeners = snapshot.listeners.map((settings, index) => {
      const trusted = new AddressBlocks(settings.trustedProxies)
      const strictTransport = StrictTransport.of(settings)
      const terms = {
        generation: this,
        settings,
        trusted,
        errorPages,
        strictTransport,
        httpsRedirect: httpsRedirect(settings),
      }
      return { ...terms, terms, router: routers[index] as Router<Route> }
    })
  }

  /** An exchange begins. */
  enter(): void {
    this.#exchanges += 1
  }

  /** One that has entered is over. */
  leave(): void {
    this.#exchanges -= 1
    if (this.#exchanges === 0 && this.#onEnd !== null) this.#endIfIdle()
  }

  /**
   * Another one is in force, and no exchange enters any more. What is not part of `next` ends with what runs on it; `onEnd`
   * is called when nothing does, at once where nothing does now.
   */
  retire(next: Generation, onEnd: () => void): void {
    const kept = new Set(next.upstreams)
    for (const upstream of this.upstreams) if (!kept.has(upstream)) upstream.retire()
    this.listeners = []
    this.#onEnd = onEnd
    if (this.#exchanges === 0) this.#endIfIdle()
  }

  /** Copies of requests may outlast their exchanges, for a while. */
  #endIfIdle(): void {
    const onEnd = this.#onEnd
    if (this.upstreams.some(({ isRetired, admission }) => isRetired && admission.active > 0)) {
      setTimeout(() => this.#endIfIdle(), END_POLL_MS).unref()
      return
    }
    this.#onEnd = null
    // Whoever still listens for room in them is let go: nobody waits there any more.
    for (const upstream of this.upstreams) if (upstream.isRetired) upstream.room.wake()
    onEnd?.()
  }

  /**
   * What still runs on upstreams of earlier generations goes to the endpoints that they have in this one; where one is gone,
   * to those that it had.
   */
  lead(earlier: Iterable<Upstream>): void {
    const bySlot = new Map(this.upstreams.map(upstream => [upstream.slot, upstream]))
    for (const upstream of earlier) {
      const successor = bySlot.get(upstream.slot)
      if (successor !== undefined && successor !== upstream) upstream.update(successor.placements)
    }
  }

  /** The upstream with that slot, if it has it. */
  upstreamsAt(slot: number): Upstream[] {
    return this.upstreams.filter(upstream => upstream.slot === slot)
  }

  /** Lets go of idle upstream connections, now and as they become idle. */
  close(): void {
    for (const upstream of this.upstreams) upstream.close()
  }
}

function openUpstreams(options: GenerationOptions): Upstream[] {
  const steps = openInSteps(options)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

function* openInSteps(options: GenerationOptions): Generator<undefined, Upstream[], undefined> {
  const { snapshot, placements, before, shared, context, onHealth } = options
  const known = new Map(before?.upstreams.map(upstream => [upstream.slot, upstream]))
  const upstreams: Upstream[] = []
  let opened = 0
  for (const [index, settings] of snapshot.upstreams.entries()) {
    const placement = placements[index]
    if (placement === undefined) throw new Error(`the upstream ${settings.name} has no place`)
    const same = known.get(placement.slot)
    if (same !== undefined && same.since === placement.since) {
      upstreams.push(same)
      continue
    }
    upstreams.push(new Upstream({ snapshot: settings, placement, shared, context, onHealth }))
    opened += 1 + placement.endpoints.length
    if (opened < OPENED_AT_ONCE) continue
    opened = 0
    yield
  }
  return upstreams
}
