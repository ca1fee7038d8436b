import { quote } from '../parsed.ts'
import { parsePathPattern, parsePathPrefix } from '../path.ts'
import type { KeyPath } from '../positions.ts'
import { isMap, keysIn, listOf, mapOf, type Report, type Section } from './written.ts'

export function checkRewrite(route: Section, upstreams: Section, path: KeyPath, report: Report): void {
  const rewrite = mapOf(route.rewrite)
  const place = [...path, 'rewrite']
  checkPathEdits(rewrite, place, report)
  checkPrefix(mapOf(route.match).path, rewrite.strip_prefix, [...place, 'strip_prefix'], report)
  checkPrefix(mapOf(route.match).path, mapOf(route.files).strip_prefix, [...path, 'files', 'strip_prefix'], report)
  checkQuery(mapOf(rewrite.query), [...place, 'query'], report)
  checkHost(route, upstreams, [...place, 'host'], report)
}

function checkPathEdits(rewrite: Section, path: KeyPath, report: Report): void {
  if (rewrite.path === undefined) return
  for (const key of keysIn(rewrite, ['strip_prefix', 'regex', 'add_prefix'])) {
    const hint = 'write the whole path into "path", or leave "path" out'
    report('conflicting-keys', [...path, key], 'stands beside "path", which says the whole path anew', hint)
  }
}

/** That paths of the route can have the prefix that is taken off. */
function checkPrefix(pattern: unknown, written: unknown, path: KeyPath, report: Report): void {
  if (typeof pattern !== 'string' || typeof written !== 'string') return
  const match = parsePathPattern(pattern)
  const prefix = parsePathPrefix(written)
  if (!match.ok || !prefix.ok || (match.value.kind !== 'exact' && match.value.kind !== 'prefix')) return
  const [of, wanted] = [match.value.path, prefix.value]
  if (`${of}/`.startsWith(`${wanted}/`)) return
  // A prefix may be taken off some of the paths of a wider pattern: /* has all of them.
  if (match.value.kind === 'prefix' && wanted.startsWith(of)) return
  const message = `paths of the route (${quote(pattern)}) never begin with ${quote(wanted)}`
  report('prefix-never-there', path, message, 'change one of the two')
}

function checkQuery(query: Section, path: KeyPath, report: Report): void {
  const set = mapOf(query.set)
  for (const [index, name] of listOf(query.remove).entries()) {
    const place = [...path, 'remove', index]
    if (typeof name !== 'string') continue
    if (query.clear === true)
      report('no-effect', place, 'has no effect beside "clear: true", which removes all', 'take it out')
    if (!Object.hasOwn(set, name)) continue
    report('conflicting-keys', place, `${quote(name)} is both set and removed`, '"set" alone replaces it')
  }
}

/** An endpoint behind a unix socket has no name that `Host` could say. */
function checkHost(route: Section, upstreams: Section, path: KeyPath, report: Report): void {
  if (mapOf(route.rewrite).host !== 'upstream') return
  const targets = [route.upstream, ...listOf(route.split).map(target => mapOf(target).upstream)]
  for (const name of new Set(targets)) {
    if (typeof name !== 'string' || !isMap(upstreams[name]) || !Object.hasOwn(upstreams, name)) continue
    const endpoints = listOf(mapOf(upstreams[name]).endpoints).map(mapOf)
    const unix = endpoints.find(({ address }) => typeof address === 'string' && address.startsWith('unix:'))
    if (unix === undefined) continue
    const message = `the endpoint ${quote(String(unix.address))} of ${quote(name)} has no host name`
    report('no-effect', path, message, 'write the host name itself, or keep')
  }
}
