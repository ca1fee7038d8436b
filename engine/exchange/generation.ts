/** A snapshot made ready for use by one worker: pools, balancers, routers. Immutable but for what runs in it. */
import { type CompiledEdits, compileEdits, formatFields } from '../http1/field-edits.ts'
import { statusText } from '../http1/status.ts'
import type { NetContext } from '../net/connection.ts'
import { Router } from '../routing/router.ts'
import { AddressBlocks } from '../routing/trusted.ts'
import type { HostRewrite, ListenerSnapshot, RouteSnapshot, Snapshot, UpstreamSnapshot } from '../snapshot.ts'
import { RoundRobin } from '../upstream/balancers/round-robin.ts'
import { Endpoint } from '../upstream/endpoint.ts'
import { Pool } from '../upstream/pool.ts'

/** A named upstream of this worker. */
export class Upstream {
  readonly name: string
  readonly balancer: RoundRobin
  readonly pools: readonly Pool[]

  constructor(snapshot: UpstreamSnapshot, firstColumn: number, context: NetContext) {
    this.name = snapshot.name
    this.balancer = new RoundRobin(snapshot.endpoints.map(endpoint => endpoint.weight))
    this.pools = snapshot.endpoints.map((entry, index) => {
      const endpoint = new Endpoint(entry, index, firstColumn + index)
      return new Pool(endpoint, snapshot.pool, snapshot.timeouts, context)
    })
  }
}

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
}

export interface ListenerRoutes {
  readonly settings: ListenerSnapshot
  readonly router: Router<Route>
  readonly trusted: AddressBlocks
}

export class Generation {
  readonly number: number
  readonly upstreams: readonly Upstream[]
  readonly listeners: readonly ListenerRoutes[]

  constructor(snapshot: Snapshot, context: NetContext) {
    this.number = snapshot.generation
    let column = 0
    this.upstreams = snapshot.upstreams.map(upstream => {
      const first = column
      column += upstream.endpoints.length
      return new Upstream(upstream, first, context)
    })
    const routes = snapshot.routes.map(route => compileRoute(route, this.upstreams))
    this.listeners = snapshot.listeners.map((settings, index) => ({
      settings,
      router: new Router(snapshot, index, routes),
      trusted: new AddressBlocks(settings.trustedProxies),
    }))
  }

  /** Lets go of idle upstream connections, now and as they become idle. */
  close(): void {
    for (const upstream of this.upstreams) {
      for (const pool of upstream.pools) pool.close()
    }
  }
}

function compileRoute(route: RouteSnapshot, upstreams: readonly Upstream[]): Route {
  const { action } = route
  return {
    name: route.name,
    upstream: action.kind === 'forward' ? (upstreams[action.upstream] as Upstream) : null,
    answer: action.kind === 'respond' ? staticAnswer(route, action) : null,
    host: route.host,
    requestEdits: compileEdits(route.request),
    responseEdits: compileEdits(route.response),
  }
}

function staticAnswer(route: RouteSnapshot, action: RouteSnapshot['action'] & { kind: 'respond' }): StaticAnswer {
  const edited = new Set([...route.response.remove, ...route.response.set.map(([name]) => name.toLowerCase())])
  const fields = action.fields.filter(([name]) => !edited.has(name.toLowerCase()))
  const lines = formatFields([...fields, ...route.response.set])
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
