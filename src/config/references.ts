import { checkErrorPages } from './checks/error-pages.ts'
import { checkFallbacks, checkRouteFallbacks } from './checks/fallbacks.ts'
import { checkListeners } from './checks/listeners.ts'
import { KnownNames } from './checks/names.ts'
import { checkResolver } from './checks/resolver.ts'
import { checkRoute, checkRouteNames } from './checks/routes.ts'
import { checkSecureRoutes } from './checks/secure-routes.ts'
import { checkShadowing } from './checks/shadowing.ts'
import { checkCommonTemplates } from './checks/templates.ts'
import { checkUnused } from './checks/unused.ts'
import { checkUpstream } from './checks/upstream.ts'
import { isMap, listOf, mapOf, type Report } from './checks/written.ts'
import type { Finding } from './positions.ts'
import { TlsReadings } from './tls-readings.ts'

/**
 * What a schema cannot say: that names exist, that things are there once, that keys do not contradict each other. Works
 * on the configuration as it was written, and skips over whatever has the wrong kind (the schema reports that), so that
 * one run reports everything. `folder` is where relative names begin; `readings`
 * has files that were read before.
 */
export function checkReferences(value: unknown, folder = process.cwd(), readings = new TlsReadings()): Finding[] {
  const findings: Finding[] = []
  const report: Report = (code, path, message, hint = '', about) => {
    findings.push({ path, at: 'value', code, message, hint, ...(about && { about }) })
  }
  if (!isMap(value)) return findings
  const root = value
  const listeners = mapOf(root.listeners)
  const upstreams = mapOf(root.upstreams)
  const routes = listOf(root.routes)
  const tls = { folder, readings }
  checkListeners(listeners, tls, report)
  checkResolver(mapOf(root.resolver), {}, ['resolver'], report)
  for (const [name, upstream] of Object.entries(upstreams)) {
    checkUpstream(mapOf(upstream), { resolver: mapOf(root.resolver), tls }, ['upstreams', name], report)
  }
  const surroundings = {
    listenerNames: new KnownNames('listener', Object.keys(listeners)),
    upstreamNames: new KnownNames('upstream', Object.keys(upstreams)),
    routeNames: new KnownNames(
      'route',
      routes.map(route => mapOf(route).name).filter(name => typeof name === 'string'),
    ),
    upstreams,
    folder,
  }
  for (const [index, route] of routes.entries()) {
    if (isMap(route)) checkRoute(route, ['routes', index], surroundings, report)
  }
  checkRouteNames(routes.map(mapOf), report)
  checkFallbacks(upstreams, routes.map(mapOf), report)
  checkRouteFallbacks(routes.map(mapOf), report)
  checkErrorPages(listOf(root.error_pages), ['error_pages'], 'everything', report)
  checkCommonTemplates(listOf(root.error_pages), routes.map(mapOf), report)
  checkSecureRoutes(listeners, routes, report)
  checkShadowing(listeners, upstreams, routes, report)
  checkUnused(root, report)
  return findings
}
