/** What is different between two snapshots, by name. */
import type { RouteAction, RouteSnapshot, Snapshot, UpstreamSnapshot } from '../snapshot.ts'
import { type AnyListener, allListeners } from './all-listeners.ts'
import type { Changes } from './api.ts'
import { ReloadError } from './reload-error.ts'
import { isSame } from './same.ts'

export interface SnapshotChanges {
  readonly listeners: Changes
  readonly upstreams: Changes
  readonly routes: Changes
}

/** @throws {ReloadError} where two listeners or upstreams of `after` have one name. */
export function changesBetween(before: Snapshot, after: Snapshot): SnapshotChanges {
  assertUnique('listeners', allListeners(after))
  assertUnique('upstreams', after.upstreams)
  return {
    listeners: compare<AnyListener>(allListeners(before), allListeners(after), (a, b) =>
      isSame(leadingTo(a, before), leadingTo(b, after)),
    ),
    upstreams: compare<UpstreamSnapshot>(before.upstreams, after.upstreams, isSameUpstream),
    routes: compare<RouteSnapshot>(before.routes, after.routes, (a, b) =>
      isSame(withNames(a, before), withNames(b, after)),
    ),
  }
}

/** What its circuit falls back to is the routes' business, which are made anew each time; and it may have moved. */
export function isSameUpstream(a: UpstreamSnapshot, b: UpstreamSnapshot): boolean {
  return isSame(withoutFallback(a), withoutFallback(b))
}

function withoutFallback(upstream: UpstreamSnapshot): UpstreamSnapshot {
  const { circuitBreaker } = upstream
  if (circuitBreaker === null || circuitBreaker.fallback === null) return upstream
  return { ...upstream, circuitBreaker: { ...circuitBreaker, fallback: null } }
}

interface Named {
  readonly name: string
}

function assertUnique(kind: string, all: readonly Named[]): void {
  const seen = new Set<string>()
  for (const { name } of all) {
    if (seen.has(name)) throw new ReloadError('ambiguous', `two ${kind} have the name ${name}: give each its own`)
    seen.add(name)
  }
}

function compare<T extends Named>(before: readonly T[], after: readonly T[], same: (a: T, b: T) => boolean): Changes {
  const old = new Map(before.map(one => [one.name, one]))
  const names = new Set(after.map(({ name }) => name))
  const added: string[] = []
  const changed: string[] = []
  const kept: string[] = []
  for (const one of after) {
    const was = old.get(one.name)
    if (was === undefined) added.push(one.name)
    else if (same(was, one)) kept.push(one.name)
    else changed.push(one.name)
  }
  return { added, changed, removed: [...old.keys()].filter(name => !names.has(name)), kept }
}

/** A listener with names in place of indices, as `withNames` has them. */
function leadingTo(listener: AnyListener, { upstreams }: Snapshot): object {
  if (!('upstream' in listener)) return listener
  const name = (index: number) => upstreams[index]?.name ?? ''
  const direct = { ...listener, upstream: name(listener.upstream) }
  if (!('serverNames' in listener)) return direct
  const { serverNames, firstBytes } = listener
  return {
    ...direct,
    serverNames: serverNames.map(rule => ({ ...rule, upstream: name(rule.upstream) })),
    firstBytes: { http: name(firstBytes.http), proxy: name(firstBytes.proxy), tls: name(firstBytes.tls) },
  }
}

/** A route with names in place of indices, which move when others come and go. */
export function withNames(route: RouteSnapshot, { listeners, upstreams, routes }: Snapshot): object {
  const upstream = (index: number) => upstreams[index]?.name ?? ''
  const { match, mirror } = route
  return {
    ...route,
    match: { ...match, listeners: match.listeners?.map(index => listeners[index]?.name ?? '') ?? null },
    action: actionWithNames(route.action, upstream),
    mirror: mirror && { ...mirror, upstream: upstream(mirror.upstream) },
    fallback: routes[route.fallback]?.name ?? '',
  }
}

function actionWithNames(action: RouteAction, upstream: (index: number) => string): unknown {
  if (action.kind === 'forward') return { ...action, upstream: upstream(action.upstream) }
  if (action.kind !== 'split') return action
  return { ...action, targets: action.targets.map(target => ({ ...target, upstream: upstream(target.upstream) })) }
}
