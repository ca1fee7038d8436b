import { formatAddress } from '../../engine/net/address.ts'
import type { Address } from '../../engine/snapshot.ts'
import { parseAddress, sameListenerAddress } from './address.ts'
import { quote } from './parsed.ts'
import type { Finding, KeyPath } from './positions.ts'
import { nearest } from './suggest.ts'
import { parseSize } from './units.ts'
import { UNSUPPORTED_ACTIONS } from './unsupported.ts'

/**
 * What a schema cannot say: that names exist, that things are there once, that keys do not contradict each other. Works
 * on the configuration as it was written, and skips over whatever has the wrong kind (the schema reports that), so that
 * one run reports everything.
 */
export function checkReferences(value: unknown): Finding[] {
  const findings: Finding[] = []
  const report = (path: KeyPath, message: string, hint = '') => findings.push({ path, at: 'value', message, hint })
  const root = mapOf(value)
  const listeners = mapOf(root.listeners)
  const upstreams = mapOf(root.upstreams)
  checkListeners(listeners, report)
  checkUpstreams(upstreams, report)
  for (const [index, route] of listOf(root.routes).entries()) {
    if (isMap(route)) checkRoute(route, ['routes', index], listeners, upstreams, report)
  }
  checkRouteNames(listOf(root.routes).map(mapOf), report)
  return findings
}

type Map = Readonly<Record<string, unknown>>
type Report = (path: KeyPath, message: string, hint?: string) => void

function checkListeners(listeners: Map, report: Report): void {
  const seen: { name: string; address: Address }[] = []
  for (const [name, item] of Object.entries(listeners)) {
    const { address: written, limits } = mapOf(item)
    checkLimits(mapOf(limits), ['listeners', name, 'limits'], report)
    const parsed = typeof written === 'string' ? parseAddress(written, 'listener') : null
    if (!parsed?.ok) continue
    const other = seen.find(({ address }) => sameListenerAddress(address, parsed.value))
    seen.push({ name, address: parsed.value })
    if (other === undefined) continue
    const message = `${quote(String(written))} is taken by the listener ${quote(other.name)}`
    const difference = formatAddress(other.address) === formatAddress(parsed.value) ? '' : '":port" takes IPv4 too'
    report(['listeners', name, 'address'], message, difference)
  }
}

function checkLimits(limits: Map, path: KeyPath, report: Report): void {
  if (typeof limits.head !== 'string' || typeof limits.target !== 'string') return
  const head = parseSize(limits.head, 0, Number.MAX_SAFE_INTEGER)
  const target = parseSize(limits.target, 0, Number.MAX_SAFE_INTEGER)
  if (!head.ok || !target.ok || target.value <= head.value) return
  report([...path, 'target'], `${limits.target} is more than "head" (${limits.head}), of which the target is a part`)
}

function checkUpstreams(upstreams: Map, report: Report): void {
  for (const [name, item] of Object.entries(upstreams)) {
    const seen = new Set<string>()
    for (const [index, endpoint] of listOf(mapOf(item).endpoints).entries()) {
      const written = mapOf(endpoint).address
      const parsed = typeof written === 'string' ? parseAddress(written, 'endpoint') : null
      if (!parsed?.ok) continue
      const address = formatAddress(parsed.value)
      const path = ['upstreams', name, 'endpoints', index, 'address']
      if (seen.has(address)) report(path, `${quote(String(written))} is listed twice`, 'give it a weight instead')
      seen.add(address)
    }
  }
}

function checkRouteNames(routes: readonly Map[], report: Report): void {
  const names = new Set<unknown>()
  for (const [index, { name }] of routes.entries()) {
    if (typeof name !== 'string') continue
    if (names.has(name)) report(['routes', index, 'name'], `another route is named ${quote(name)} already`)
    names.add(name)
  }
}

function checkRoute(route: Map, path: KeyPath, listeners: Map, upstreams: Map, report: Report): void {
  for (const [index, listener] of listOf(mapOf(route.match).listeners).entries()) {
    checkName(listener, listeners, 'listener', [...path, 'match', 'listeners', index], report)
  }
  checkName(route.upstream, upstreams, 'upstream', [...path, 'upstream'], report)
  checkAction(route, path, report)
  checkRespond(route, path, report)
  checkEdits(mapOf(route.headers), [...path, 'headers'], report)
  checkHostRewrite(route, upstreams, path, report)
}

function checkName(name: unknown, known: Map, kind: string, path: KeyPath, report: Report): void {
  if (typeof name !== 'string' || Object.hasOwn(known, name)) return
  const names = Object.keys(known)
  const near = nearest(name, names)
  const listing = names.length === 0 || names.length > NAMES_LISTED_MAX ? '' : `there is ${names.join(', ')}`
  report(path, `there is no ${kind} named ${quote(name)}`, near === null ? listing : `did you mean ${quote(near)}?`)
}

/** More names than this do not help on one line. */
const NAMES_LISTED_MAX = 8

function checkAction(route: Map, path: KeyPath, report: Report): void {
  const actions = ['upstream', 'respond', ...UNSUPPORTED_ACTIONS].filter(key => route[key] !== undefined)
  if (actions.length === 0) report(path, 'the route has no action', 'give it "upstream" or "respond"')
  if (actions.length > 1) report([...path, actions[1]!], `the route has more than one action: ${actions.join(', ')}`)
}

/** RFC 9110: 204 (15.3.5), 205 (15.3.6) and 304 (15.4.5) have no content. */
const STATUS_WITHOUT_CONTENT: readonly unknown[] = [204, 205, 304]

function checkRespond(route: Map, path: KeyPath, report: Report): void {
  if (route.respond === undefined) return
  const { status, body } = mapOf(route.respond)
  if (STATUS_WITHOUT_CONTENT.includes(status) && typeof body === 'string' && body !== '') {
    report([...path, 'respond', 'body'], `a ${status} response has no content`)
  }
  checkFieldsOnce(mapOf(mapOf(route.respond).headers), [...path, 'respond', 'headers'], report)
  if (route.upstream !== undefined) return
  for (const [key, section] of [
    ['rewrite', route],
    ['request', mapOf(route.headers)],
  ] as const) {
    if (section[key] === undefined) continue
    const place = key === 'rewrite' ? [...path, key] : [...path, 'headers', key]
    report(place, 'has no effect on a route that answers by itself')
  }
}

function checkEdits(headers: Map, path: KeyPath, report: Report): void {
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

function checkFieldsOnce(fields: Map, path: KeyPath, report: Report): void {
  const seen = new Set<string>()
  for (const name of Object.keys(fields)) {
    const lower = name.toLowerCase()
    if (seen.has(lower)) report([...path, name], 'is set twice; field names are the same in any case')
    seen.add(lower)
  }
}

function checkHostRewrite(route: Map, upstreams: Map, path: KeyPath, report: Report): void {
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

function mapOf(value: unknown): Map {
  return isMap(value) ? value : {}
}

function isMap(value: unknown): value is Map {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
