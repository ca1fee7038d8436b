import { describe, it } from 'vitest'
import { restartAllUnderLoad } from '../chaos/upstreams/rolling-restart.ts'

describe('restarts of all origins under load, each drained first', () => {
  it('cost not one of 200,000 requests', { timeout: 180_000 }, () => restartAllUnderLoad(200_000, 60_000))
})
