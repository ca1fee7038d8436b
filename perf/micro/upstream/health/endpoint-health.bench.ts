/** What an endpoint's health learns from a try that has ended. */

import type { CircuitBreakerSnapshot } from '../../../../engine/snapshot.ts'
import { GATEWAY_ERROR, GOOD } from '../../../../engine/upstream/health/outcome.ts'
import { testSnapshot } from '../../../../test/support/snapshot.ts'
import { openGeneration } from '../../exchange/stage.ts'
import { bench, runIfMain } from '../../harness.ts'
import { netContext } from '../../net/muted-handle.ts'

async function observe(
  name: string,
  outcome: typeof GOOD | typeof GATEWAY_ERROR,
  circuitBreaker: Partial<CircuitBreakerSnapshot> | null,
): Promise<void> {
  const address = { kind: 'tcp', host: '10.0.0.1', port: 3000 } as const
  const snapshot = testSnapshot({ upstreams: { all: { endpoints: [address], circuitBreaker } } })
  const { generation } = await openGeneration(snapshot, netContext())
  const upstream = generation.upstreams[0]
  const endpoint = upstream?.endpoints[0]
  if (upstream === undefined || endpoint === undefined) throw new Error('the endpoint is missing')
  bench(name, () => upstream.health.observe(endpoint, outcome, 0, false, 500, 1))
}

await observe('good response', GOOD, null)
await observe('good response, with a circuit', GOOD, {})
await observe('502', GATEWAY_ERROR, null)
await observe('502, with a circuit that stays closed', GATEWAY_ERROR, { minimum: 2_000_000_000 })

await runIfMain(import.meta)
