/** Who a client is, asked once a connection. */
import { identifyClient } from '../../../engine/exchange/client-identity.ts'
import { Generation, type ListenerRoutes } from '../../../engine/exchange/generation.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import { mutedHandle, netContext } from '../net/muted-handle.ts'
import { snapshot } from './stage.ts'

function identify(name: string, trustedProxies: readonly string[]): void {
  const generation = new Generation(snapshot(3000, { trustedProxies }), netContext())
  const routes = generation.listeners[0] as ListenerRoutes
  const next = cycle(Array.from({ length: 4 }, mutedHandle))
  bench(name, () => identifyClient(next(), routes))
}

identify('nobody is trusted', [])
identify('three blocks are trusted', ['10.0.0.0/8', '203.0.113.0/24', '2001:db8::/32'])

await runIfMain(import.meta)
