/** The route of a host and a path, with few routes and with many. */
import { Router } from '../../../engine/routing/router.ts'
import type { RouteSnapshot, Snapshot } from '../../../engine/snapshot.ts'
import { routeSnapshot } from '../../../test/support/snapshot.ts'
import { bench, cycle, runIfMain } from '../harness.ts'

/** Four routes for each host: the whole of it, two prefixes and an exact path. */
const PATHS = [
  { kind: 'prefix', path: '/' },
  { kind: 'prefix', path: '/v1/users/' },
  { kind: 'prefix', path: '/assets/' },
  { kind: 'exact', path: '/healthz' },
] as const

function routes(count: number): RouteSnapshot[] {
  return Array.from({ length: count }, (_, index) => {
    const host = Math.floor(index / PATHS.length)
    // Every tenth host is a wildcard.
    const name = host % 10 === 9 ? `*.group${host}.example.com` : `host${host}.example.com`
    const match = { hosts: [name], path: PATHS[index % PATHS.length] ?? PATHS[0] }
    return routeSnapshot({ match, to: 'origin' }, index, ['origin'])
  })
}

const TARGETS = ['/', '/v1/users/42', '/assets/css/site.css', '/healthz', '/v1/orders/7']

function find(count: number): void {
  const all = routes(count)
  const snapshot: Snapshot = { generation: 1, listeners: [], upstreams: [], routes: all }
  const router = new Router(snapshot, 0, all)
  const hosts = [...new Set(all.flatMap(route => route.match.hosts ?? []))]
  const questions = Array.from({ length: 97 }, (_, index) => {
    const host = (hosts[(index * 7) % hosts.length] as string).replace('*', 'any')
    return { host, path: TARGETS[index % TARGETS.length] as string }
  })
  const next = cycle(questions)
  bench(`${count.toLocaleString('en')} route${count === 1 ? '' : 's'}`, () => {
    const { host, path } = next()
    return router.find(host, path)
  })
}

find(1)
find(100)
find(1000)

await runIfMain(import.meta)
