import { resolve } from 'node:path'
import type {
  FieldEdits,
  MirrorSnapshot,
  PathEdit,
  QueryEdits,
  RouteAction,
  RouteSnapshot,
  SplitTarget,
} from '../../engine/snapshot.ts'
import { compileConditions, compileMatch } from './compile-match.ts'
import { compileRouteRetry } from './compile-resilience.ts'
import { compileErrorPages, compileResponse } from './compile-response.ts'
import { compileHashKey } from './compile-upstream.ts'
import { type NamePlaces, placeOf } from './name-places.ts'
import type { ConfigurationModel } from './schema.ts'

type RouteModel = ConfigurationModel['routes'][number]

/** What routes take from other parts of the configuration. */
export interface RouteSurroundings {
  readonly listeners: NamePlaces
  readonly upstreams: NamePlaces
  readonly routes: NamePlaces
  /** Of each upstream. */
  readonly retries: readonly ConfigurationModel['upstreams'][string]['retry'][]
  /** Where relative names of folders begin. */
  readonly folder: string
}

export function compileRoute(route: RouteModel, index: number, surroundings: RouteSurroundings): RouteSnapshot {
  const { rewrite, headers, timeouts } = route
  const { listeners, upstreams, routes } = surroundings
  return {
    name: route.name ?? `routes[${index}]`,
    match: compileMatch(route.match, listeners),
    priority: route.priority,
    action: compileAction(route, surroundings),
    host: rewrite.host,
    path: compilePathEdits(rewrite),
    query: compileQueryEdits(rewrite.query),
    request: compileFieldEdits(headers.request),
    response: compileFieldEdits(headers.response),
    timeouts: { responseMs: timeouts.response ?? 0, idleMs: timeouts.idle ?? 0, totalMs: timeouts.total ?? 0 },
    retry: compileRouteRetry(route.retry, retryOfUpstream(route, surroundings)),
    mirror: route.mirror === undefined ? null : compileMirror(route.mirror, upstreams),
    errorPages: compileErrorPages(route.error_pages),
    fallback: route.fallback === undefined ? -1 : placeOf(route.fallback, routes),
    importance: route.importance,
    grpcWeb: route.grpc_web,
  }
}

function compileAction(route: RouteModel, surroundings: RouteSurroundings): RouteAction {
  const { upstream, split, split_on: splitOn, respond, redirect, files } = route
  const { upstreams, folder } = surroundings
  if (upstream !== undefined) return { kind: 'forward', upstream: placeOf(upstream, upstreams) }
  if (split !== undefined) {
    const by = splitOn === undefined ? null : compileHashKey(splitOn)
    return { kind: 'split', targets: split.map(target => compileTarget(target, upstreams)), by }
  }
  if (respond !== undefined) return compileResponse(respond)
  if (redirect !== undefined) {
    return { kind: 'redirect', status: redirect.status, to: redirect.to, keepsQuery: redirect.keep_query }
  }
  if (files !== undefined) return { kind: 'files', files: compileFiles(files, folder) }
  throw new Error('a route without an action passed the checks')
}

type TargetModel = NonNullable<RouteModel['split']>[number]

function compileTarget({ upstream, weight, when }: TargetModel, upstreams: NamePlaces): SplitTarget {
  return {
    upstream: placeOf(upstream, upstreams),
    weight: weight ?? (when === undefined ? 1 : 0),
    when: when === undefined ? null : compileConditions(when),
  }
}

function compileFiles(files: NonNullable<RouteModel['files']>, folder: string) {
  return {
    root: resolve(folder, files.root),
    index: [...new Set(files.index)],
    precompressed: [...new Set(files.precompressed)],
    stripPrefix: files.strip_prefix ?? '',
    cacheControl: files.cache_control ?? '',
    fallback: files.fallback ?? '',
  }
}

function compilePathEdits(rewrite: RouteModel['rewrite']): PathEdit[] {
  const { path, strip_prefix: strip, regex, add_prefix: add } = rewrite
  const edits: PathEdit[] = []
  if (path !== undefined) edits.push({ kind: 'replace', path })
  if (strip !== undefined) edits.push({ kind: 'strip_prefix', prefix: strip })
  if (regex !== undefined) edits.push({ kind: 'regex', regex: regex.match, by: regex.replace })
  if (add !== undefined) edits.push({ kind: 'add_prefix', prefix: add })
  return edits
}

/** `null` where nothing is changed: the query goes on as it came, byte by byte. */
function compileQueryEdits(query: RouteModel['rewrite']['query']): QueryEdits | null {
  const edits = {
    clear: query.clear,
    remove: [...new Set(query.remove)],
    set: Object.entries(query.set),
    add: Object.entries(query.add),
  }
  const changes = edits.clear || edits.remove.length + edits.set.length + edits.add.length > 0
  return changes ? edits : null
}

function compileFieldEdits({ rename, remove, set, add }: RouteModel['headers']['request']): FieldEdits {
  return {
    rename: Object.entries(rename).map(([from, to]) => [from.toLowerCase(), to]),
    remove: [...new Set(remove.map(name => name.toLowerCase()))],
    set: Object.entries(set),
    add: Object.entries(add),
  }
}

function compileMirror(mirror: NonNullable<RouteModel['mirror']>, upstreams: NamePlaces): MirrorSnapshot {
  return {
    upstream: placeOf(mirror.upstream, upstreams),
    share: mirror.percent / 100,
    concurrencyMax: mirror.concurrency,
    contentBytesMax: mirror.content,
  }
}

function retryOfUpstream({ upstream, split }: RouteModel, { upstreams, retries }: RouteSurroundings) {
  const name = upstream ?? split?.[0]?.upstream
  return name === undefined ? undefined : retries[placeOf(name, upstreams)]
}
