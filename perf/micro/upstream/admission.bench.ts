/** What each request costs an upstream before an endpoint is asked for. */

import { NORMAL } from '../../../engine/upstream/concurrency-limit.ts'
import type { Upstream } from '../../../engine/upstream/upstream.ts'
import { type TestUpstream, testSnapshot } from '../../../test/support/snapshot.ts'
import { openGeneration } from '../exchange/stage.ts'
import { bench, runIfMain } from '../harness.ts'
import { netContext } from '../net/muted-handle.ts'

async function admit(name: string, settings: Omit<TestUpstream, 'endpoints'>): Promise<void> {
  const endpoints = [{ kind: 'tcp', host: '10.0.0.1', port: 3000 }] as const
  const { generation } = await openGeneration(
    testSnapshot({ upstreams: { all: { endpoints, ...settings } } }),
    netContext(),
  )
  const { admission } = generation.upstreams[0] as Upstream
  const now = performance.now()
  bench(name, () => {
    const admitted = admission.enter(NORMAL, now)
    if (admitted < 0) throw new Error('the upstream has refused')
    admission.leave(admitted, -1)
    return admitted
  })
}

await admit('in and out', {})
await admit('in and out, with a circuit of the upstream', { circuitBreaker: { scope: 'upstream' } })
await admit('in and out, with a limit that follows the latency', { adaptiveConcurrency: {} })

await runIfMain(import.meta)
