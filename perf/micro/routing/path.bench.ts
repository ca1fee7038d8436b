/** Targets as routes see them. */
import { routingPath } from '../../../engine/routing/path.ts'
import { bench, cycle, runIfMain } from '../harness.ts'

function canonicalise(name: string, targets: readonly string[]): void {
  const next = cycle(targets)
  bench(name, () => routingPath(next()))
}

canonicalise('plain', ['/', '/v1/users/42', '/assets/css/site.min.css', '/v1/orders/9000001/items/7'])
canonicalise('with a query', ['/search?q=one+two&page=3', '/v1/users?limit=100&after=9000001', '/?a'])
canonicalise('with needless percent-encoding', ['/%7Euser/caf%C3%A9', '/v1/%75sers/42', '/a%2fb'])
canonicalise('with dot segments', ['/v1/../v2/users/./42', '/a/b/c/../../d', '/../up'])
canonicalise(
  'of 400 letters',
  ['a', 'b', 'c'].map(letter => `/${`${letter.repeat(7)}/`.repeat(50)}`),
)

await runIfMain(import.meta)
