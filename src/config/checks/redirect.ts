import type { PathMatch } from '../../../engine/snapshot.ts'
import { quote } from '../parsed.ts'
import type { KeyPath } from '../positions.ts'
import { filledWith, parseTemplate } from '../template.ts'
import { type TakenPaths, takes } from './taken-paths.ts'
import { keysIn, mapOf, type Report, type Section } from './written.ts'

/** What decides besides the path, so that the second request need not come back here. */
const OTHER_CONDITIONS = [
  'headers',
  'query',
  'cookies',
  'client_ip',
  'content_type',
  'grpc',
  'method',
  'all',
  'any',
  'not',
]

/**
 * A redirect that its own route would take again, as far as that can be seen: to a path of the same host, by a route that
 * goes by host and path alone.
 */
export function checkRedirect(
  route: Section,
  pattern: PathMatch,
  taken: TakenPaths,
  path: KeyPath,
  report: Report,
): void {
  const { to } = mapOf(route.redirect)
  if (typeof to !== 'string' || keysIn(mapOf(route.match), OTHER_CONDITIONS).length > 0) return
  const target = parseTemplate(to, { response: false, captures: true })
  if (!target.ok || !to.startsWith('/') || to.startsWith('//')) return
  const [reached = ''] = filledWith(target.value, STAND_IN).split(/[?#]/)
  if (!takes(pattern, reached) || taken.isTakenBefore(pattern, reached)) return
  const message = `${quote(to)} leads back to this route`
  report('redirect-loop', [...path, 'redirect', 'to'], message, 'redirect to a path that the route does not take')
}

/** What nobody would name a part of a path. */
const STAND_IN = '~any~'
