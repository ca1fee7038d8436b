/** A route made ready for use: what becomes of the requests that it takes. */
import { compileMessageEdits, type MessageEdits } from '../rewriting/message-edits.ts'
import { type CompiledHost, compileHost, compileTargetRewrite, type TargetRewrite } from '../rewriting/rewrite.ts'
import type { Importance, RouteSnapshot, RouteTimeouts, Snapshot } from '../snapshot.ts'
import { HIGH, LOW, NORMAL } from '../upstream/concurrency-limit.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { type StaticAnswer, staticAnswer } from './answer.ts'
import { ErrorPages, namesRoute } from './error-pages.ts'
import { Folder } from './files/folder.ts'
import { Mirror } from './mirror.ts'
import { Redirect, type Redirecting } from './redirect.ts'
import { Split } from './split.ts'
import { Target } from './target.ts'

/** Of `target`, `split`, `answer`, `redirect` and `files` exactly one is there. */
export interface Route {
  readonly name: string
  /** The upstream that it sends requests to. */
  readonly target: Target | null
  /** Several upstreams. */
  readonly split: Split<Target> | null
  /** It answers itself, always the same. */
  readonly answer: StaticAnswer | null
  readonly redirect: Redirecting | null
  readonly files: Folder | null
  /** `null` for no copies. */
  readonly mirror: Mirror | null
  readonly host: CompiledHost
  /** Of path and query; `null` for no changes. */
  readonly rewrite: TargetRewrite | null
  /** Changes to the field sections of requests and of responses. */
  readonly request: MessageEdits
  readonly response: MessageEdits
  readonly timeouts: RouteTimeouts
  /** As `ConcurrencyLimit` counts it. */
  readonly importance: number
  /** In place of errors; `null` where there are none, not even for all routes. */
  readonly errorPages: ErrorPages | null
  /** Takes requests that the upstream cannot answer; `null` for an error. */
  fallback: Route | null
  /** Calls of gRPC-Web go to the upstream as calls of gRPC. */
  readonly grpcWeb: boolean
  /** The request is kept until its response begins (`KeptRequest`): a fallback or an error page needs it then. */
  readonly keepsRequest: boolean
}

/** Routes that are compiled without a stop: a millisecond or two. */
const ROUTES_AT_ONCE = 250

const IMPORTANCE: Readonly<Record<Importance, number>> = { low: LOW, normal: NORMAL, high: HIGH }

/** `upstreams[i]` is `snapshot.upstreams[i]` made ready; `commonPages` are those of the snapshot. */
export function compileRoutes(
  snapshot: Snapshot,
  upstreams: readonly Upstream[],
  commonPages: ErrorPages | null,
): Route[] {
  const steps = compileInSteps(snapshot, upstreams, commonPages)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** The same with a stop after each few routes, for whoever has something else to do in between. */
export function* compileInSteps(
  snapshot: Snapshot,
  upstreams: readonly Upstream[],
  commonPages: ErrorPages | null,
): Generator<undefined, Route[], undefined> {
  const surroundings = { snapshot, upstreams, commonPages, namesRoutes: snapshot.errorPages.some(namesRoute) }
  const routes: Route[] = []
  for (const route of snapshot.routes) {
    routes.push(compileRoute(route, surroundings))
    if (routes.length % ROUTES_AT_ONCE === 0) yield
  }
  for (const [index, route] of routes.entries()) connect(route, snapshot.routes[index] as RouteSnapshot, routes)
  return routes
}

/** What all routes of a snapshot have around them. */
interface Surroundings {
  readonly snapshot: Snapshot
  readonly upstreams: readonly Upstream[]
  readonly commonPages: ErrorPages | null
  readonly namesRoutes: boolean
}

function compileRoute(route: RouteSnapshot, surroundings: Surroundings): Route {
  const { action } = route
  const { snapshot, upstreams } = surroundings
  const targetOf = (index: number) => {
    const settings = snapshot.upstreams[index]
    const upstream = upstreams[index]
    if (settings === undefined || upstream === undefined) throw new Error(`${route.name} names upstream ${index}`)
    return new Target({ upstream, settings, retry: route.retry, timeouts: route.timeouts })
  }
  const response = compileMessageEdits(route.response, 'response', route.name)
  const errorPages = errorPagesOf(route, surroundings)
  const readsRequest = errorPages !== null && (errorPages.readsRequest || response.lines !== null)
  return {
    name: route.name,
    target: action.kind === 'forward' ? targetOf(action.upstream) : null,
    split: action.kind === 'split' ? new Split(action, targetOf) : null,
    answer: action.kind === 'respond' ? staticAnswer(action, response) : null,
    redirect: action.kind === 'redirect' ? new Redirect(action, response, route.name) : null,
    files: action.kind === 'files' ? new Folder(action.files) : null,
    mirror: mirrorOf(route, upstreams),
    host: compileHost(route.host, route.name),
    rewrite: compileTargetRewrite(route),
    request: compileMessageEdits(route.request, 'request', route.name),
    response,
    timeouts: route.timeouts,
    importance: IMPORTANCE[route.importance],
    errorPages,
    fallback: null,
    grpcWeb: route.grpcWeb,
    keepsRequest: route.fallback >= 0 || readsRequest,
  }
}

/** Routes without pages of their own share those for all: there may be many routes. */
function errorPagesOf({ name, errorPages }: RouteSnapshot, surroundings: Surroundings): ErrorPages | null {
  const { snapshot, commonPages, namesRoutes } = surroundings
  if (errorPages.length === 0 && !namesRoutes) return commonPages
  return ErrorPages.of([...errorPages, ...snapshot.errorPages], name)
}

function mirrorOf({ name, mirror }: RouteSnapshot, upstreams: readonly Upstream[]): Mirror | null {
  if (mirror === null) return null
  const upstream = upstreams[mirror.upstream]
  if (upstream === undefined) throw new Error(`the mirror of ${name} names upstream ${mirror.upstream}`)
  return new Mirror(mirror, upstream)
}

/** What routes have of other routes. */
function connect(route: Route, { fallback }: RouteSnapshot, routes: readonly Route[]): void {
  route.fallback = routes[fallback] ?? null
  for (const target of targetsOf(route)) target.circuitFallback = circuitFallbackOf(route, target, routes)
}

function targetsOf({ target, split }: Route): readonly Target[] {
  if (target !== null) return [target]
  return split === null ? [] : split.targets
}

function circuitFallbackOf(route: Route, { circuitBreaker }: Target, routes: readonly Route[]): Route | null {
  const fallback = circuitBreaker === null ? null : circuitBreaker.fallback
  if (fallback === null) return null
  if (fallback.kind === 'route') return routes[fallback.route] ?? null
  return { ...route, target: null, split: null, answer: staticAnswer(fallback, route.response), fallback: null }
}
