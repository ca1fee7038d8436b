import { describe, expect, it } from 'vitest'
import { Target } from '../../../engine/exchange/target.ts'
import type { RetrySnapshot, RouteTimeouts } from '../../../engine/snapshot.ts'
import type { Upstream } from '../../../engine/upstream/upstream.ts'
import { type TestUpstream, upstreamSnapshot } from '../../support/snapshot.ts'

const NONE: RouteTimeouts = { responseMs: 0, idleMs: 0, totalMs: 0 }
const upstream = {} as Upstream

function targetOf(written: Partial<TestUpstream>, retry: RetrySnapshot | null = null, timeouts = NONE): Target {
  return new Target({ upstream, settings: upstreamSnapshot('a', { endpoints: [], ...written }), retry, timeouts })
}

describe('what a route uses an upstream with', () => {
  it('is what the upstream says', () => {
    const target = targetOf({ timeouts: { responseMs: 11, idleMs: 12 }, retry: { attempts: 3, budget: 0.3 } })
    expect(target).toMatchObject({ responseMs: 11, idleMs: 12, retryDeposit: 300 })
    expect(target.retry.attempts).toBe(3)
  })

  it('is what the route says where it does', () => {
    const { retry } = upstreamSnapshot('b', { endpoints: [], retry: { attempts: 1, budget: 1 } })
    const target = targetOf({ timeouts: { responseMs: 11, idleMs: 12 } }, retry, {
      ...NONE,
      responseMs: 21,
      idleMs: 22,
    })
    expect(target).toMatchObject({ responseMs: 21, idleMs: 22, retryDeposit: 1000 })
    expect(target.retry.attempts).toBe(1)
  })

  it('repeats the methods that it is told to, in whatever number they have', () => {
    const target = targetOf({ retry: { methods: ['GET', 'PROPFIND'] } })
    // llhttp's numbers: DELETE, GET, HEAD, POST, PROPFIND.
    expect([0, 1, 2, 3, 12].map(method => target.repeats(method))).toEqual([false, true, false, false, true])
    expect(targetOf({ retry: { nonIdempotent: true } }).repeats(3)).toBe(true)
  })
})
