/** Paths in the form that routes see. */
import { canonicalPath, plainPathEnd } from '../../../engine/routing/path.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import { POLICY } from './heads.ts'

const PLAIN = ['/', '/v1/users/42', '/assets/css/site.min.css', '/v1/orders/9000001/items/7?page=3']
const LONG = ['a', 'b', 'c'].map(letter => `/${`${letter.repeat(7)}/`.repeat(50)}`)

/** Whether a path has to be looked at: all that a plain one costs where nobody asks for it. */
function look(name: string, targets: readonly string[]): void {
  const next = cycle(targets.map(target => Buffer.from(target, 'latin1')))
  bench(name, () => {
    const bytes = next()
    return plainPathEnd(bytes, 0, bytes.length)
  })
}

function canonicalise(name: string, paths: readonly string[]): void {
  const next = cycle(paths)
  bench(name, () => canonicalPath(next(), POLICY))
}

look('plain', PLAIN)
look('plain, of 400 letters', LONG)
canonicalise('with needless percent-encoding', ['/%7Euser/caf%C3%A9', '/v1/%75sers/42', '/a%2fb'])
canonicalise('with dot segments', ['/v1/../v2/users/./42', '/a/b/c/../../d', '/../up'])
canonicalise('with empty segments', ['//v1/users', '/a//b', '/a/b//'])
canonicalise(
  'with parameters, of 400 letters',
  LONG.map(path => `${path};v=1`),
)

await runIfMain(import.meta)
