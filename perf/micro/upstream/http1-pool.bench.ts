/** A connection to an endpoint taken from its pool and given back. */

import type { Endpoint } from '../../../engine/upstream/endpoint.ts'
import { Http1ClientSession } from '../../../engine/upstream/http1-client-session.ts'
import { Http1Pool } from '../../../engine/upstream/http1-pool.ts'
import { HTTP2 } from '../../../test/support/snapshot.ts'
import { openGeneration, snapshot } from '../exchange/stage.ts'
import { bench, runIfMain } from '../harness.ts'
import { netContext } from '../net/muted-handle.ts'

const context = netContext()
const { generation } = await openGeneration(snapshot(3000, {}), context)
const endpoint = generation.upstreams[0]?.endpoints[0] as Endpoint
const timeouts = { connectMs: 5_000, responseMs: 30_000, idleMs: 60_000 }
const owner = { onIdle: () => true, onRoom: () => undefined, isWantedElsewhere: false }

/** A pool with idle sessions that were never dialled: taking and giving back looks at them, and no further. */
function idlePool(count: number, pipelining: number): Http1Pool {
  const settings = { idleMax: 512, idleTimeoutMs: 4_000, requestsMax: 0, pipelining }
  const pool = new Http1Pool({ endpoint, settings, http2: HTTP2, timeouts, proxyProtocol: null, context, owner }, null)
  for (let index = 0; index < count; index += 1) {
    const session = new Http1ClientSession(pool, endpoint, context, false)
    session.persistent = true
    pool.giveBack(session)
  }
  return pool
}

function takeAndGive(name: string, pool: Http1Pool, mayPipeline: boolean): void {
  bench(name, () => {
    const session = pool.acquire(mayPipeline, null) as Http1ClientSession
    pool.giveBack(session)
    return session
  })
}

takeAndGive('taken and given back, 1 idle', idlePool(1, 1), true)
takeAndGive('taken and given back, 64 idle', idlePool(64, 1), true)
takeAndGive('taken and given back, 64 idle, pipelining', idlePool(64, 16), true)

const crowded = idlePool(64, 1)
const taken: Http1ClientSession[] = []
bench(
  '32 taken, then given back',
  () => {
    for (let count = 0; count < 32; count += 1) taken.push(crowded.acquire(true, null) as Http1ClientSession)
    for (const session of taken) crowded.giveBack(session)
    taken.length = 0
    return crowded.idleCount
  },
  32,
)

await runIfMain(import.meta)
