/**
 * Which of two routes that match comes first: a total order, so that the same request goes the same way every time. Higher
 * priority, then the more specific host, then the more specific path, then more conditions, then the order of the
 * configuration.
 */
import type { HostPattern, PathMatch } from '../snapshot.ts'
import type { CompiledMatch } from './compiled-match.ts'
import { type CompiledHost, isWildcard } from './host-pattern.ts'
import { segmentsOf } from './path-pattern.ts'

/** A route with one of its hosts: with another it may have another place. */
export interface Place {
  readonly match: CompiledMatch
  /** `null` for any. */
  readonly host: HostPattern | null
  /** The same, ready to be asked. */
  readonly hostTest: CompiledHost | null
  /** Of the route, in the configuration. */
  readonly order: number
  /** How specific the path is; see `pathKey`. */
  readonly pathKey: string
}

export function placesOf(match: CompiledMatch, order: number): Place[] {
  const key = pathKey(match.match.path)
  const { hosts } = match.match
  if (hosts === null) return [{ match, host: null, hostTest: null, order, pathKey: key }]
  return hosts.map((host, index) => ({ match, host, hostTest: match.hosts?.[index] ?? null, order, pathKey: key }))
}

/** Below zero where `a` comes first. */
export function comparePlaces(a: Place, b: Place): number {
  return (
    b.match.priority - a.match.priority ||
    hostRank(b.host) - hostRank(a.host) ||
    compareKeys(b.pathKey, a.pathKey) ||
    leavesOf(b.match) - leavesOf(a.match) ||
    a.order - b.order
  )
}

/** Why `first` goes before `second`, where both match: for people. */
export function whyBefore(first: Place, second: Place): string {
  const [before, after] = [first.match, second.match]
  if (before.priority !== after.priority) return `a higher priority (${before.priority}, not ${after.priority})`
  if (hostRank(first.host) !== hostRank(second.host)) {
    return `a more specific host (${hostText(first)}, not ${hostText(second)})`
  }
  if (first.pathKey !== second.pathKey) return `a more specific path (${before.path.text}, not ${after.path.text})`
  const [leaves, others] = [leavesOf(before), leavesOf(after)]
  return leaves === others ? 'it stands first in the configuration' : `more conditions (${leaves}, not ${others})`
}

function hostText({ hostTest }: Place): string {
  return hostTest === null ? 'any' : hostTest.text
}

/** An exact name before a wildcard, a longer wildcard before a shorter one, those before expressions, any of them before none. */
function hostRank(host: HostPattern | null): number {
  if (host === null) return 0
  if (typeof host !== 'string') return 1
  return isWildcard(host) ? host.length : Number.POSITIVE_INFINITY
}

/**
 * A text that is the greater the more specific the path is: exact, then an expression, then segment by segment from the left:
 * one that is literal before `{name}`, an end before `/*`.
 */
function pathKey(path: PathMatch): string {
  if (path.kind === 'exact') return 'f'
  if (path.kind === 'regex') return 'e'
  const segments = segmentsOf(path).map(segment => (typeof segment === 'string' ? 'd' : 'c'))
  return `${segments.join('')}${path.kind === 'template' && !path.rest ? 'b' : 'a'}`
}

function compareKeys(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}

function leavesOf(match: CompiledMatch): number {
  return match.condition?.leaves ?? 0
}
