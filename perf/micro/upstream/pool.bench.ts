/** A connection to an endpoint taken from its pool and given back. */
import { ClientSession } from '../../../engine/upstream/client-session.ts'
import { Endpoint } from '../../../engine/upstream/endpoint.ts'
import { Pool } from '../../../engine/upstream/pool.ts'
import { bench, runIfMain } from '../harness.ts'
import { netContext } from '../net/muted-handle.ts'

const context = netContext()
const address = { kind: 'tcp', host: '127.0.0.1', port: 3000 } as const
const endpoint = new Endpoint({ address, name: '127.0.0.1:3000', weight: 1 }, 0, 0)
const timeouts = { connectMs: 5_000, responseMs: 30_000, idleMs: 60_000 }

/** A pool with idle sessions that were never dialled: taking and giving back looks at them, and no further. */
function idlePool(count: number, pipelining: number): Pool {
  const settings = { idleMax: 512, idleTimeoutMs: 4_000, requestsMax: 0, pipelining }
  const pool = new Pool(endpoint, settings, timeouts, context)
  for (let index = 0; index < count; index += 1) {
    const session = new ClientSession(pool, endpoint, context)
    session.persistent = true
    pool.giveBack(session)
  }
  return pool
}

function takeAndGive(name: string, pool: Pool, mayPipeline: boolean): void {
  bench(name, () => {
    const session = pool.acquire(mayPipeline)
    pool.giveBack(session)
    return session
  })
}

takeAndGive('taken and given back, 1 idle', idlePool(1, 1), true)
takeAndGive('taken and given back, 64 idle', idlePool(64, 1), true)
takeAndGive('taken and given back, 64 idle, pipelining', idlePool(64, 16), true)

const crowded = idlePool(64, 1)
const taken: ClientSession[] = []
bench(
  '32 taken, then given back',
  () => {
    for (let count = 0; count < 32; count += 1) taken.push(crowded.acquire(true))
    for (const session of taken) crowded.giveBack(session)
    taken.length = 0
    return crowded.idleCount
  },
  32,
)

await runIfMain(import.meta)
