import type { KeyPath } from '../positions.ts'
import { isMap, listOf, mapOf, type Report, type Section } from './written.ts'

/** Routes that ask for what none of their listeners can have: TLS, certificates of clients, any request at all. */
export function checkSecureRoutes(listeners: Section, routes: readonly unknown[], report: Report): void {
  for (const [index, route] of routes.entries()) {
    const match = mapOf(mapOf(route).match)
    const own = listenersOf(match, listeners)
    if (own.length > 0) checkRoute(match, own, ['routes', index, 'match'], report)
  }
}

/** Those that there are; what is no name is reported elsewhere. */
function listenersOf({ listeners: named }: Section, listeners: Section): Section[] {
  if (named === undefined) return Object.values(listeners).map(mapOf)
  const names = (Array.isArray(named) ? listOf(named) : [named]).filter(name => typeof name === 'string')
  return names.flatMap(name => (Object.hasOwn(listeners, name) ? [mapOf(listeners[name])] : []))
}

function checkRoute(match: Section, listeners: readonly Section[], path: KeyPath, report: Report): void {
  if (listeners.every(leadsToHttps)) {
    const message = 'no request gets as far: its listeners lead to https ("redirect_to_https")'
    report('route-unreachable', [...path, 'listeners'], message, 'name the listener with "tls"')
    return
  }
  if (
    match.scheme === 'https' &&
    !listeners.some(({ tls, trusted_proxies: trusted }) => isMap(tls) || trusted !== undefined)
  ) {
    const message = 'no listener of the route has "tls", or "trusted_proxies" that could tell of https'
    report('route-unreachable', [...path, 'scheme'], message)
  }
  const { client_cert: certificate } = match
  if (isMap(certificate) && certificate.present !== false && !listeners.some(asksForCertificate)) {
    const message = 'no listener of the route asks clients for a certificate'
    report('route-unreachable', [...path, 'client_cert'], message, 'give one "tls.client_auth"')
  }
}

/** Whether a listener answers every request with a redirect. */
export function leadsToHttps({ redirect_to_https: redirect }: Section): boolean {
  return redirect === true || isMap(redirect)
}

function asksForCertificate({ tls }: Section): boolean {
  const { client_auth: auth } = mapOf(tls)
  return isMap(auth) && auth.mode !== 'none'
}
