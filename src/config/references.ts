import { checkErrorPages } from './checks/error-pages.ts'
import { checkFallbacks, checkRouteFallbacks } from './checks/fallbacks.ts'
import { isHttp } from './checks/listener-keys.ts'
import { checkListeners } from './checks/listeners.ts'
import { KnownNames } from './checks/names.ts'
import { checkResolver } from './checks/resolver.ts'
import { checkRoute, checkRouteNames } from './checks/routes.ts'
import { checkSecureRoutes } from './checks/secure-routes.ts'
import { checkShadowing } from './checks/shadowing.ts'
import { checkCommonTemplates } from './checks/templates.ts'
import { checkUnused } from './checks/unused.ts'
import { checkUpstream } from './checks/upstream.ts'
import { isMap, listOf, mapOf, type Report, type Section } from './checks/written.ts'
import type { Finding } from './positions.ts'
import { TlsReadings } from './tls-readings.ts'
import { upstreamUses } from './upstream-uses.ts'

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
  const upstreamNames = new KnownNames('upstream', Object.keys(upstreams))
  const served = httpListeners(listeners)
  const usesOf = upstreamUses(root)
  checkListeners(listeners, { tls, upstreamNames }, report)
  checkResolver(mapOf(root.resolver), {}, ['resolver'], report)
  for (const [name, upstream] of Object.entries(upstreams)) {
    const beside = { resolver: mapOf(root.resolver), tls, uses: usesOf(name) }
    checkUpstream(mapOf(upstream), beside, ['upstreams', name], report)
  }
  const surroundings = {
    listeners,
    listenerNames: new KnownNames('listener', Object.keys(listeners)),
    upstreamNames,
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
  checkSecureRoutes(served, routes, report)
  checkShadowing(served, upstreams, routes, report)
  checkUnused(root, report)
  return findings
}

/** Those that routes are for. */
function httpListeners(listeners: Section): Section {
  return Object.fromEntries(Object.entries(listeners).filter(([, listener]) => isHttp(mapOf(listener))))
}
