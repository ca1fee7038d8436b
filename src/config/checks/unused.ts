import { meantByForeignKey } from '../foreign-keys.ts'
import { quote } from '../parsed.ts'
import { nearest } from '../suggest.ts'
import { upstreamsOfListener, upstreamsOfRoute } from '../upstream-uses.ts'
import { isHttp } from './listener-keys.ts'
import { ACTIONS } from './routes.ts'
import { leadsToHttps } from './secure-routes.ts'
import { keysIn, listOf, mapOf, type Report, type Section } from './written.ts'

/** Upstreams that nothing leads to, and listeners that nothing is served at. */
export function checkUnused(root: Section, report: Report): void {
  const routes = listOf(root.routes).map(mapOf)
  const listeners = mapOf(root.listeners)
  if (routes.length === 0) {
    const isWrong = root.routes !== undefined && !Array.isArray(root.routes)
    // Somebody who calls routes otherwise is told what they are called.
    const isMeant = Object.keys(root).some(key => meantByForeignKey('', key)?.includes('"routes"'))
    if (!isWrong && !isMeant && !areFlowsAlone(listeners))
      report('no-routes', ['routes'], 'there is no route: every request gets 404', 'give "routes" one')
    // What routes are to be written for is not known.
    if (areFlowsAlone(listeners)) checkUpstreams(root, routes, report)
    return
  }
  // What a route without an action was meant to do is not known.
  if (routes.every(route => keysIn(route, ACTIONS).length > 0)) checkUpstreams(root, routes, report)
  checkListeners(listeners, routes, report)
}

/** Whether there are listeners, and none of them for requests. */
function areFlowsAlone(listeners: Section): boolean {
  const all = Object.values(listeners)
  return all.length > 0 && all.every(listener => !isHttp(mapOf(listener)))
}

function checkUpstreams(root: Section, routes: readonly Section[], report: Report): void {
  const upstreams = mapOf(root.upstreams)
  const used = new Set<unknown>(routes.flatMap(upstreamsOfRoute))
  // Listeners of TCP and UDP name their upstreams themselves.
  for (const listener of Object.values(mapOf(root.listeners))) {
    for (const name of upstreamsOfListener(mapOf(listener))) used.add(name)
  }
  const meant = new Set(misspelt(used, upstreams))
  for (const name of Object.keys(upstreams)) {
    if (used.has(name) || meant.has(name)) continue
    report('unused-upstream', ['upstreams', name], `nothing uses the upstream ${quote(name)}`, 'use it, or take it out')
  }
}

/** Names that wrong references probably mean: whoever puts those right uses them. */
function misspelt(used: ReadonlySet<unknown>, upstreams: Section): (string | null)[] {
  const wrong = [...used].filter(name => typeof name === 'string' && !Object.hasOwn(upstreams, name))
  return wrong.slice(0, GUESSES_MAX).map(name => nearest(String(name), Object.keys(upstreams)))
}

/** Wrong names that are compared with all others. */
const GUESSES_MAX = 20

function checkListeners(listeners: Section, routes: readonly Section[], report: Report): void {
  if (areFlowsAlone(listeners)) {
    const message = 'no listener speaks http: no request ever gets here'
    report('no-listener-for-routes', ['routes'], message, 'add one, or take the routes out')
    return
  }
  const used = new Set<unknown>()
  for (const route of routes) {
    const { listeners: named } = mapOf(route.match)
    if (named === undefined) return
    for (const name of Array.isArray(named) ? named : [named]) used.add(name)
  }
  for (const [name, listener] of Object.entries(listeners)) {
    const { protocol = 'http' } = mapOf(listener)
    if (used.has(name) || protocol !== 'http' || leadsToHttps(mapOf(listener))) continue
    const message = `no route is for the listener ${quote(name)}: every request there gets 404`
    report('unused-listener', ['listeners', name], message, 'give it a route')
  }
}
