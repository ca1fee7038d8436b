import { describe, it } from 'vitest'
import { restartAllUnderLoad } from './rolling-restart.ts'

describe('a restart of all origins under load, each drained first', () => {
  it('costs not one of 10,000 requests', () => restartAllUnderLoad(10_000, 15_000))
})
