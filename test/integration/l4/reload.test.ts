import { it } from 'vitest'
import { flowsUnderReload } from './reload-under-load.ts'

it('reloads under load cost no flow of TCP, and none of UDP', { timeout: 60_000 }, () =>
  flowsUnderReload({ talks: 20, short: 8, reloads: 10, everyMs: 150 }),
)
