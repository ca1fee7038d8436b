/** A snapshot made ready for use by one worker: pools, balancers, routers. Immutable but for what runs in it. */
import { type CompiledEdits, compileEdits, formatFields } from '../http1/field-edits.ts'
import { statusText } from '../http1/status.ts'
import type { NetContext } from '../net/connection.ts'
import { Router } from '../routing/router.ts'
import { AddressBlocks } from '../routing/trusted.ts'
import type {
  FieldLine,
  HostRewrite,
  Importance,
  ListenerSnapshot,
  RouteSnapshot,
  RouteTimeouts,
  Snapshot,
} from '../snapshot.ts'
import { HIGH, LOW, NORMAL } from '../upstream/concurrency-limit.ts'
import type { SharedState } from '../upstream/endpoint.ts'
import type { HealthListener } from '../upstream/health/endpoint-health.ts'
import type { EndpointPlacement } from '../upstream/placement.ts'
import { Upstream } from '../upstream/upstream.ts'

/** An answer of our own, put together once. */
export interface StaticAnswer {
  readonly status: number
  /** Status line and field lines up to `Content-Length`; `Connection` and the empty line follow per request. */
  readonly head: Buffer
  readonly content: Buffer
  readonly hasDate: boolean
}

export interface Route {
  readonly name: string
  /** `null` where the route answers itself. */
  readonly upstream: Upstream | null
  readonly answer: StaticAnswer | null
  readonly host: HostRewrite
  readonly requestEdits: CompiledEdits | null
  readonly responseEdits: CompiledEdits | null
  readonly timeouts: RouteTimeouts
  /** As `ConcurrencyLimit` counts it. */
  readonly importance: number
  /** What happens instead when the circuit of its upstream is open; `null` for an error. */
  fallback: Route | null
}

export interface ListenerRoutes {
  readonly settings: ListenerSnapshot
  readonly router: Router<Route>
  readonly trusted: AddressBlocks
}

export interface GenerationOptions {
  readonly snapshot: Snapshot
  /** Where the endpoints of each upstream are. */
  readonly placements: readonly (readonly EndpointPlacement[])[]
  readonly shared: SharedState
  readonly context: NetContext
  readonly onHealth: HealthListener
}

const IMPORTANCE: Readonly<Record<Importance, number>> = { low: LOW, normal: NORMAL, high: HIGH }

export class Generation {
  readonly number: number
  readonly upstreams: readonly Upstream[]
  readonly listeners: readonly ListenerRoutes[]

  constructor(options: GenerationOptions) {
    const { snapshot, placements, shared, context, onHealth } = options
    this.number = snapshot.generation
    this.upstreams = snapshot.upstreams.map(
      (upstream, index) =>
        new Upstream({ snapshot: upstream, index, placements: placements[index] ?? [], shared, context, onHealth }),
    )
    const routes = snapshot.routes.map(route => compileRoute(route, this.upstreams))
    for (const route of routes) route.fallback = fallbackOf(route, routes)
    this.listeners = snapshot.listeners.map((settings, index) => ({
      settings,
      router: new Router(snapshot, index, routes),
      trusted: new AddressBlocks(settings.trustedProxies),
    }))
  }

  /** Lets go of idle upstream connections, now and as they become idle. */
  close(): void {
    for (const upstream of this.upstreams) upstream.close()
  }
}

function compileRoute(route: RouteSnapshot, upstreams: readonly Upstream[]): Route {
  const { action } = route
  return {
    name: route.name,
    upstream: action.kind === 'forward' ? (upstreams[action.upstream] as Upstream) : null,
    answer: action.kind === 'respond' ? staticAnswer(action, route.response) : null,
    host: route.host,
    requestEdits: compileEdits(route.request),
    responseEdits: compileEdits(route.response),
    timeouts: route.timeouts,
    importance: IMPORTANCE[route.importance],
    fallback: null,
  }
}

function fallbackOf(route: Route, routes: readonly Route[]): Route | null {
  const fallback = route.upstream?.settings.circuitBreaker?.fallback ?? null
  if (fallback === null) return null
  if (fallback.kind === 'route') return routes[fallback.route] ?? null
  return { ...route, upstream: null, answer: staticAnswer(fallback, NO_EDITS), fallback: null }
}

const NO_EDITS: RouteSnapshot['response'] = { set: [], remove: [] }

interface Answer {
  readonly status: number
  readonly fields: readonly FieldLine[]
  readonly content: Uint8Array
}

function staticAnswer(action: Answer, edits: RouteSnapshot['response']): StaticAnswer {
  const edited = new Set([...edits.remove, ...edits.set.map(([name]) => name.toLowerCase())])
  const fields = action.fields.filter(([name]) => !edited.has(name.toLowerCase()))
  const lines = formatFields([...fields, ...edits.set])
  const length = mayHaveContent(action.status) ? `Content-Length: ${action.content.length}\r\n` : ''
  return {
    status: action.status,
    head: Buffer.from(`HTTP/1.1 ${statusText(action.status)}\r\n${lines}${length}`, 'latin1'),
    content: Buffer.from(action.content),
    hasDate: edited.has('date') || /^date: /im.test(lines),
  }
}

/** RFC 9110, section 6.4.1. */
export function mayHaveContent(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 304
}
