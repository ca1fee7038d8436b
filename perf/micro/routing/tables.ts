import type { RouteMatch, RouteSnapshot, Snapshot } from '../../../engine/snapshot.ts'
import { routeSnapshot } from '../../../test/support/snapshot.ts'

/** What each host of a table has: half of the routes by their whole path, the others by prefixes and templates. */
const PATHS: readonly RouteMatch['path'][] = [
  { kind: 'prefix', path: '/' },
  { kind: 'prefix', path: '/v1/users/' },
  { kind: 'prefix', path: '/assets/' },
  { kind: 'template', segments: ['v1', 'users', { name: 'id' }], rest: false },
  { kind: 'template', segments: ['v1', 'users', { name: 'id' }, 'orders', { name: 'order' }], rest: false },
  { kind: 'template', segments: ['v1', { name: 'kind' }], rest: true },
  { kind: 'exact', path: '/healthz' },
  { kind: 'exact', path: '/v1/users' },
  { kind: 'exact', path: '/' },
  { kind: 'exact', path: '/login' },
]

/** Asked in turns; the last ones fall to a prefix or a template. */
const TARGETS = ['/', '/healthz', '/v1/users/42', '/assets/css/site.css', '/v1/orders/7', '/v1/users/42/orders/9000001']

const CONDITIONS: readonly RouteMatch['conditions'][] = [
  [],
  [{ kind: 'method', methods: ['GET', 'POST'] }],
  [],
  [{ kind: 'header', name: 'x-version', test: { kind: 'exact', text: '2' } }],
]

export interface Table {
  readonly snapshot: Snapshot
  readonly questions: readonly (readonly [host: string, target: string])[]
}

/** `count` routes, ten for each host; every tenth host is a wildcard. With `isRich`, with priorities and conditions, too. */
export function tableOf(count: number, isRich: boolean): Table {
  const hosts = Array.from({ length: Math.max(1, count / 10) }, (_, index) =>
    index % 10 === 9 ? `*.zone${index}.example` : `host${index}.example`,
  )
  const routes: RouteSnapshot[] = Array.from({ length: count }, (_, index) => {
    const match = {
      hosts: count === 1 ? null : [hosts[Math.floor(index / 10)] as string],
      path: PATHS[index % 10] as RouteMatch['path'],
      conditions: isRich ? (CONDITIONS[index % 4] as RouteMatch['conditions']) : [],
    }
    return routeSnapshot({ match, priority: isRich ? index % 3 : 0, to: 'origin' }, index, ['origin'])
  })
  const questions = Array.from({ length: 997 }, (_, index) => {
    const host = (hosts[(index * 7) % hosts.length] as string).replace('*', 'any')
    return [host, TARGETS[index % TARGETS.length] as string] as const
  })
  return {
    snapshot: {
      generation: 1,
      listeners: [],
      tcpListeners: [],
      udpListeners: [],
      upstreams: [],
      routes,
      errorPages: [],
    },
    questions,
  }
}
