/** What the upstream is asked for: nothing is made of a target that goes as it came. */

import { compileTargetRewrite, upstreamTarget } from '../../../engine/rewriting/rewrite.ts'
import { loadRegexes } from '../../../engine/routing/regex.ts'
import type { RoutedRequest } from '../../../engine/routing/request.ts'
import type { PathEdit, QueryEdits } from '../../../engine/snapshot.ts'
import { routeSnapshot } from '../../../test/support/snapshot.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import { POLICY, requestOf } from '../routing/heads.ts'

await loadRegexes()

const PLAIN = ['/v1/users/42?page=3', '/v1/orders/9000001/items/7', '/v1/', '/v1/assets/css/site.min.css']
const ODD = ['/v1/../v2/users/42?page=3', '/v1/%7Euser', '/v1//a', '/./v1/x']
const REST = { kind: 'capture', name: '*' } as const

/** A request that has just come: nothing of it has been worked out. */
function fresh(request: RoutedRequest): RoutedRequest {
  request.begin(request.source, 'id', 0)
  request.readPath(POLICY)
  request.captures = { '*': 'users/42' }
  return request
}

function rewrite(name: string, targets: readonly string[], path: readonly PathEdit[], query: QueryEdits | null): void {
  const compiled = compileTargetRewrite(routeSnapshot({ name: 'r', to: 'a', path, query }, 0, ['a']))
  const next = cycle(targets.map(target => requestOf('api.example.com', target)))
  bench(name, () => upstreamTarget(compiled, fresh(next())))
}

rewrite('no rewrite', PLAIN, [], null)
rewrite('no rewrite, path in another form', ODD, [], null)
rewrite('prefix taken off', PLAIN, [{ kind: 'strip_prefix', prefix: '/v1' }], null)
rewrite('path with the rest of the prefix', PLAIN, [{ kind: 'replace', path: ['/api/', REST] }], null)
rewrite('path by an expression', PLAIN, [{ kind: 'regex', regex: '^/v(\\d+)/', by: '/api/$1/' }], null)
rewrite('query with one removed and one added', PLAIN, [], {
  clear: false,
  remove: ['page'],
  set: [],
  add: [['from', [{ kind: 'host' }]]],
})

await runIfMain(import.meta)
