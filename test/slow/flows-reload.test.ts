import { it } from 'vitest'
import { flowsUnderReload } from '../integration/l4/reload-under-load.ts'

it('a minute of reloads under load costs no flow of TCP, and none of UDP', { timeout: 180_000 }, () =>
  flowsUnderReload({ talks: 200, short: 32, reloads: 120, everyMs: 500 }),
)
