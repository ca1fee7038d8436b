import { quote } from '../parsed.ts'
import type { KeyPath } from '../positions.ts'
import { checkHashOn } from './affinity.ts'
import { checkConditions } from './conditions.ts'
import { checkErrorPages, errorPagesOf } from './error-pages.ts'
import { checkFieldEdits } from './field-edits.ts'
import { checkFiles } from './files.ts'
import { isHttp } from './listener-keys.ts'
import type { KnownNames } from './names.ts'
import { checkRetry } from './resilience.ts'
import { checkRespond } from './respond.ts'
import { checkRewrite } from './rewrite.ts'
import { checkSplit } from './split.ts'
import { checkTemplates } from './templates.ts'
import { keysIn, listOf, mapOf, type Report, type Section } from './written.ts'

/** What routes refer to. */
export interface RouteSurroundings {
  readonly listeners: Section
  readonly listenerNames: KnownNames
  readonly upstreamNames: KnownNames
  readonly routeNames: KnownNames
  readonly upstreams: Section
  /** Where relative names of folders begin. */
  readonly folder: string
}

export function checkRouteNames(routes: readonly Section[], report: Report): void {
  const names = new Map<string, number>()
  for (const [index, { name }] of routes.entries()) {
    if (typeof name !== 'string') continue
    const other = names.get(name)
    const path = ['routes', index, 'name']
    if (other === undefined) names.set(name, index)
    else report('duplicate-name', path, `another route is named ${quote(name)} already`, '', ['routes', other, 'name'])
  }
}

export function checkRoute(route: Section, path: KeyPath, surroundings: RouteSurroundings, report: Report): void {
  const { upstreamNames, routeNames, upstreams, folder } = surroundings
  const match = mapOf(route.match)
  checkListenerNames(match.listeners, surroundings, [...path, 'match', 'listeners'], report)
  checkConditions(match, [...path, 'match'], report)
  checkAction(route, path, report)
  upstreamNames.check(route.upstream, [...path, 'upstream'], report)
  checkSplit(route, upstreamNames, path, report)
  checkHashOn(route.split_on, [...path, 'split_on'], report)
  checkRespond(mapOf(route.respond), [...path, 'respond'], report)
  checkFiles(route.files, folder, [...path, 'files'], report)
  checkAnsweredAlone(route, path, report)
  checkMirror(route, upstreamNames, path, report)
  checkRetry(mapOf(route.retry), [...path, 'retry'], report, true)
  routeNames.check(route.fallback, [...path, 'fallback'], report)
  checkFieldEdits(mapOf(route.headers), [...path, 'headers'], report)
  checkRewrite(route, upstreams, path, report)
  checkTemplates(route, path, report)
  const pagesOf = errorPagesOf(route)
  if (pagesOf !== null) checkErrorPages(listOf(route.error_pages), [...path, 'error_pages'], pagesOf, report)
}

function checkListenerNames(
  named: unknown,
  { listeners, listenerNames }: RouteSurroundings,
  path: KeyPath,
  report: Report,
): void {
  const written = Array.isArray(named)
    ? named.map((name, index) => [name, [...path, index]] as const)
    : [[named, path] as const]
  for (const [name, place] of written) {
    listenerNames.check(name, place, report)
    const listener = typeof name === 'string' ? mapOf(listeners[name]) : {}
    if (isHttp(listener)) continue
    const message = `${quote(String(name))} speaks ${String(listener.protocol)}, and routes are for requests of HTTP`
    report('listener-without-routes', place, message, 'its own "upstream" says where it leads to', [
      'listeners',
      String(name),
    ])
  }
}

/** Keys of which a route has one. */
export const ACTIONS = ['upstream', 'split', 'respond', 'redirect', 'files']

function checkAction(route: Section, path: KeyPath, report: Report): void {
  const actions = keysIn(route, ACTIONS)
  if (actions.length === 0) {
    report(
      'no-action',
      path,
      'the route has no action',
      'give it "upstream", "split", "respond", "redirect" or "files"',
    )
  }
  if (actions.length < 2) return
  const message = `the route has more than one action: ${actions.join(', ')}`
  report('conflicting-keys', [...path, actions[1] ?? ''], message, 'make two routes of it, or take one out')
}

/** What only a request to an upstream can have. */
const UPSTREAM_KEYS = ['rewrite', 'timeouts', 'importance', 'retry', 'fallback', 'mirror', 'grpc_web']

function checkAnsweredAlone(route: Section, path: KeyPath, report: Report): void {
  const alone = keysIn(route, ['respond', 'redirect', 'files'])[0]
  if (alone === undefined || route.upstream !== undefined || route.split !== undefined) return
  for (const key of keysIn(route, UPSTREAM_KEYS)) report('no-effect', [...path, key], NO_EFFECT, hintFor(alone, key))
  if (mapOf(route.headers).request !== undefined) {
    report('no-effect', [...path, 'headers', 'request'], NO_EFFECT, 'headers.response changes what the client gets')
  }
  if (alone !== 'files' && route.error_pages !== undefined) {
    report('no-effect', [...path, 'error_pages'], NO_EFFECT, 'it has no errors; take it out')
  }
}

const NO_EFFECT = 'has no effect on a route that answers by itself'

function hintFor(action: string, key: string): string {
  if (key !== 'rewrite') return 'it is for routes with an upstream; take it out'
  if (action === 'redirect') return '"to" says what the new path is'
  return action === 'files' ? 'files.strip_prefix takes a prefix off' : ''
}

function checkMirror(route: Section, upstreamNames: KnownNames, path: KeyPath, report: Report): void {
  const { upstream } = mapOf(route.mirror)
  const place = [...path, 'mirror', 'upstream']
  upstreamNames.check(upstream, place, report)
  if (typeof upstream !== 'string') return
  // Of a split, some requests go elsewhere.
  const targets = [route.upstream, ...listOf(route.split).map(target => mapOf(target).upstream)]
  const written = targets.filter(target => target !== undefined)
  if (written.length === 0 || written.some(target => target !== upstream)) return
  const message = `${quote(upstream)} gets the request anyway, and its copy too`
  report('mirror-to-itself', place, message, 'mirror to another upstream, or take it out')
}
