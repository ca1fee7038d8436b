import { isMap, listOf, mapOf, type Section } from './checks/written.ts'

/** Which listeners and routes lead to an upstream: what it is asked for depends on it. Takes what was written as well as the model. */

export interface UpstreamUses {
  /** Names of listeners. */
  readonly tcp: readonly string[]
  readonly udp: readonly string[]
  /** Whether a route leads to it. */
  readonly http: boolean
}

const NO_USES: UpstreamUses = { tcp: [], udp: [], http: false }

/** `routes` and `listeners` of a configuration. */
export function upstreamUses(root: Section): (upstream: string) => UpstreamUses {
  const uses = new Map<unknown, UpstreamUses>()
  for (const route of listOf(root.routes)) {
    for (const name of upstreamsOfRoute(mapOf(route))) uses.set(name, { ...NO_USES, http: true })
  }
  for (const [listener, section] of Object.entries(mapOf(root.listeners))) {
    const { protocol } = mapOf(section)
    if (protocol !== 'tcp' && protocol !== 'udp') continue
    for (const name of new Set(upstreamsOfListener(mapOf(section)))) {
      const before = uses.get(name) ?? NO_USES
      uses.set(name, { ...before, [protocol]: [...before[protocol], listener] })
    }
  }
  return upstream => uses.get(upstream) ?? NO_USES
}

export function upstreamsOfRoute(route: Section): unknown[] {
  const targets = listOf(route.split).map(target => mapOf(target).upstream)
  return [route.upstream, mapOf(route.mirror).upstream, ...targets]
}

/** Of one that passes on what comes. */
export function upstreamsOfListener({ upstream, sni, first_bytes: firstBytes }: Section): unknown[] {
  const rules = listOf(sni).map(rule => mapOf(rule).upstream)
  return [upstream, ...rules, ...(isMap(firstBytes) ? Object.values(firstBytes) : [])].filter(
    name => name !== undefined,
  )
}
