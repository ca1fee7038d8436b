/** Who a client is, asked once a connection. */
import { identifyClient } from '../../../engine/exchange/client-identity.ts'
import type { ListenerRoutes } from '../../../engine/exchange/generation.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import { mutedHandle, netContext } from '../net/muted-handle.ts'
import { openGeneration, snapshot } from './stage.ts'

async function identify(name: string, trustedProxies: readonly string[]): Promise<void> {
  const { generation } = await openGeneration(snapshot(3000, { trustedProxies }), netContext())
  const routes = generation.listeners[0] as ListenerRoutes
  const next = cycle(Array.from({ length: 4 }, mutedHandle))
  bench(name, () => identifyClient({ transport: next(), tls: null, proxied: null }, routes))
}

await identify('nobody is trusted', [])
await identify('three blocks are trusted', ['10.0.0.0/8', '203.0.113.0/24', '2001:db8::/32'])

await runIfMain(import.meta)
