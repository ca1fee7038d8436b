/** Which endpoint a request goes to: the decision with all that surrounds the balancer. */
import type { BalanceName } from '../../../engine/snapshot.ts'
import { testSnapshot } from '../../../test/support/snapshot.ts'
import { openGeneration } from '../exchange/stage.ts'
import { bench, runIfMain } from '../harness.ts'
import { netContext } from '../net/muted-handle.ts'

const DECISIONS = 32

async function choose(name: string, count: number, balance: BalanceName, connectionsMax = 0): Promise<void> {
  const endpoints = Array.from({ length: count }, (_, index) => ({
    address: { kind: 'tcp', host: `10.0.${index >> 8}.${index & 255}`, port: 3000 } as const,
    connectionsMax,
  }))
  const { generation } = await openGeneration(
    testSnapshot({ upstreams: { all: { endpoints, balance } } }),
    netContext(),
  )
  const upstream = generation.upstreams[0]
  if (upstream?.endpoints.length !== count) throw new Error(`the upstream has not ${count} endpoints`)
  const now = performance.now()
  bench(
    name,
    () => {
      let chosen = 0
      for (let decision = 0; decision < DECISIONS; decision += 1) {
        if (upstream.choose('', null, now) !== null) chosen += 1
      }
      return chosen
    },
    DECISIONS,
  )
}

await choose('1 endpoint, round robin', 1, 'round_robin')
await choose('10 endpoints, round robin', 10, 'round_robin')
await choose('10 endpoints, least connections', 10, 'least_connections')
await choose('10 endpoints, round robin, limits on connections', 10, 'round_robin', 100)
await choose('1,000 endpoints, least connections', 1000, 'least_connections')

await runIfMain(import.meta)
