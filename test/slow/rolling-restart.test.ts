import { describe, it } from 'vitest'
import { QUICK_CHECKS } from '../chaos/upstreams/fleet.ts'
import { restartAllUnderLoad } from '../chaos/upstreams/rolling-restart.ts'

describe('restarts of all origins under load, each drained first', () => {
  it.each([
    ['with active checks', { active: QUICK_CHECKS }],
    ['without retries', { retry: { attempts: 0 } }],
  ] as const)('cost not one of 200,000 requests, %s', { timeout: 120_000 }, (_, upstream) =>
    restartAllUnderLoad(200_000, upstream, 60_000),
  )
})
