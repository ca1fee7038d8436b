import { expect, it } from 'vitest'
import { reloadUnderLoad } from '../integration/reload/under-load.ts'

/** How much more memory the proxy may have after 200 reloads than after 20. */
const GROWTH_MAX = 1.1

it('a minute of reloads under load costs no request, no WebSocket, no download, and 200 of them no memory', {
  timeout: 180_000,
}, async () => {
  const bytes = new Map<number, number>()
  await reloadUnderLoad({
    connections: 64,
    talks: 100,
    downloads: 20,
    reloads: 120,
    everyMs: 500,
    further: 80,
    onReload: async (reload, proxy) => {
      if ([20, 120, 200].includes(reload)) bytes.set(reload, proxy.rssBytes())
    },
  })
  const megabytes = [...bytes.values()].map(one => Math.round(one / 1e6))
  expect(bytes.get(200), `MB after 20, 120 and 200 reloads: ${megabytes}`).toBeLessThan(
    (bytes.get(20) ?? 0) * GROWTH_MAX,
  )
})
