/** The route of a request, host and path read from its head, with few routes and with many. */
import { NOBODY } from '../../../engine/routing/request.ts'
import { Router } from '../../../engine/routing/router.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import { POLICY, requestOf } from './heads.ts'
import { tableOf } from './tables.ts'

function find(count: number, isRich: boolean): void {
  const { snapshot, questions } = tableOf(count, isRich)
  const router = new Router(snapshot, 0, snapshot.routes)
  const fields = isRich ? [['Accept', '*/*'] as const, ['X-Version', '2'] as const] : []
  const next = cycle(questions.map(([host, target]) => requestOf(host, target, fields)))
  const routes = `${count.toLocaleString('en')} route${count === 1 ? '' : 's'}`
  bench(isRich ? `${routes} with priorities and conditions` : routes, () => {
    const request = next()
    request.begin(NOBODY, '', 0)
    return request.readPath(POLICY) ? router.find(request) : null
  })
}

find(1, false)
find(100, false)
find(10_000, false)
find(100, true)
find(10_000, true)

await runIfMain(import.meta)
