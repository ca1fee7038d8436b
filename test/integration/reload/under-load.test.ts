import { it } from 'vitest'
import { reloadUnderLoad } from './under-load.ts'

it('reloads under load cost no request, no WebSocket and no download', { timeout: 60_000 }, () =>
  reloadUnderLoad({ connections: 32, talks: 20, downloads: 5, reloads: 12, everyMs: 250, further: 6 }),
)
