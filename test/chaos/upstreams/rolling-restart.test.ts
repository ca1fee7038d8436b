import { describe, it } from 'vitest'
import { QUICK_CHECKS } from './fleet.ts'
import { restartAllUnderLoad } from './rolling-restart.ts'

describe('a restart of all origins under load, each drained first', () => {
  it.each([
    ['with active checks', { active: QUICK_CHECKS }],
    ['without retries', { retry: { attempts: 0 } }],
  ])('costs not one of 4,000 requests, %s', (_, upstream) => restartAllUnderLoad(4_000, upstream, 15_000))
})
