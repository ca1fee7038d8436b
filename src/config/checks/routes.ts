import { quote } from '../parsed.ts'
import type { KeyPath } from '../positions.ts'
import { UNSUPPORTED_ACTIONS } from '../unsupported.ts'
import type { KnownNames } from './names.ts'
import { checkFieldsOnce, checkRespond } from './respond.ts'
import { keysIn, listOf, mapOf, type Report, type Section } from './written.ts'

/** What routes refer to. */
export interface RouteSurroundings {
  readonly listenerNames: KnownNames
  readonly upstreamNames: KnownNames
  readonly upstreams: Section
}

export function checkRouteNames(routes: readonly Section[], report: Report): void {
  const names = new Set<unknown>()
  for (const [index, { name }] of routes.entries()) {
    if (typeof name !== 'string') continue
    if (names.has(name)) report(['routes', index, 'name'], `another route is named ${quote(name)} already`)
    names.add(name)
  }
}

export function checkRoute(
  route: Section,
  path: KeyPath,
  { listenerNames, upstreamNames, upstreams }: RouteSurroundings,
  report: Report,
): void {
  for (const [index, listener] of listOf(mapOf(route.match).listeners).entries()) {
    listenerNames.check(listener, [...path, 'match', 'listeners', index], report)
  }
  upstreamNames.check(route.upstream, [...path, 'upstream'], report)
  checkAction(route, path, report)
  checkRespond(mapOf(route.respond), [...path, 'respond'], report)
  checkAnsweredAlone(route, path, report)
  checkEdits(mapOf(route.headers), [...path, 'headers'], report)
  checkHostRewrite(route, upstreams, path, report)
}

function checkAction(route: Section, path: KeyPath, report: Report): void {
  const actions = ['upstream', 'respond', ...UNSUPPORTED_ACTIONS].filter(key => route[key] !== undefined)
  if (actions.length === 0) report(path, 'the route has no action', 'give it "upstream" or "respond"')
  if (actions.length > 1) report([...path, actions[1]!], `the route has more than one action: ${actions.join(', ')}`)
}

/** What only a request to an upstream can have. */
function checkAnsweredAlone(route: Section, path: KeyPath, report: Report): void {
  if (route.respond === undefined || route.upstream !== undefined) return
  for (const key of keysIn(route, ['rewrite', 'timeouts', 'importance'])) report([...path, key], NO_EFFECT)
  if (mapOf(route.headers).request !== undefined) report([...path, 'headers', 'request'], NO_EFFECT)
}

const NO_EFFECT = 'has no effect on a route that answers by itself'

function checkEdits(headers: Section, path: KeyPath, report: Report): void {
  for (const side of ['request', 'response']) {
    const { set, remove } = mapOf(headers[side])
    checkFieldsOnce(mapOf(set), [...path, side, 'set'], report)
    const names = new Set(Object.keys(mapOf(set)).map(name => name.toLowerCase()))
    for (const [index, name] of listOf(remove).entries()) {
      if (typeof name !== 'string' || !names.has(name.toLowerCase())) continue
      report([...path, side, 'remove', index], `${quote(name)} is both set and removed`, '"set" alone replaces it')
    }
  }
}

function checkHostRewrite(route: Section, upstreams: Section, path: KeyPath, report: Report): void {
  if (mapOf(route.rewrite).host !== 'upstream' || typeof route.upstream !== 'string') return
  if (!Object.hasOwn(upstreams, route.upstream)) return
  const endpoints = listOf(mapOf(upstreams[route.upstream]).endpoints).map(mapOf)
  const unix = endpoints.find(({ address }) => typeof address === 'string' && address.startsWith('unix:'))
  if (unix === undefined) return
  report(
    [...path, 'rewrite', 'host'],
    `the endpoint ${quote(String(unix.address))} of ${quote(route.upstream)} has no host name`,
    'write the host name itself, or keep',
  )
}
