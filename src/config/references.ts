import { checkFallbacks } from './checks/fallbacks.ts'
import { checkListeners } from './checks/listeners.ts'
import { KnownNames } from './checks/names.ts'
import { checkResolver } from './checks/resolver.ts'
import { checkRoute, checkRouteNames } from './checks/routes.ts'
import { checkUpstream } from './checks/upstream.ts'
import { isMap, listOf, mapOf, type Report } from './checks/written.ts'
import type { Finding } from './positions.ts'

/**
 * What a schema cannot say: that names exist, that things are there once, that keys do not contradict each other. Works
 * on the configuration as it was written, and skips over whatever has the wrong kind (the schema reports that), so that
 * one run reports everything.
 */
export function checkReferences(value: unknown): Finding[] {
  const findings: Finding[] = []
  const report: Report = (path, message, hint = '') => findings.push({ path, at: 'value', message, hint })
  const root = mapOf(value)
  const listeners = mapOf(root.listeners)
  const upstreams = mapOf(root.upstreams)
  const routes = listOf(root.routes)
  checkListeners(listeners, report)
  checkResolver(mapOf(root.resolver), {}, ['resolver'], report)
  for (const [name, upstream] of Object.entries(upstreams)) {
    checkUpstream(mapOf(upstream), mapOf(root.resolver), ['upstreams', name], report)
  }
  const surroundings = {
    listenerNames: new KnownNames('listener', Object.keys(listeners)),
    upstreamNames: new KnownNames('upstream', Object.keys(upstreams)),
    upstreams,
  }
  for (const [index, route] of routes.entries()) {
    if (isMap(route)) checkRoute(route, ['routes', index], surroundings, report)
  }
  checkRouteNames(routes.map(mapOf), report)
  checkFallbacks(upstreams, routes.map(mapOf), report)
  return findings
}
