import { describe, expect, it } from 'vitest'
import { expectCleanLoad } from '../support/nginx-load.ts'

const TIMEOUT_MS = 60_000

describe('sixty-four connections of wrk, for thirty seconds', () => {
  it('get nothing but 200 from nginx, and no socket error', { timeout: TIMEOUT_MS }, async () => {
    const { requests } = await expectCleanLoad({ seconds: 30, path: '/small' })
    expect(requests).toBeGreaterThan(10_000)
  })

  it('get nothing but 200 over pipelined upstream connections', { timeout: TIMEOUT_MS }, async () => {
    const { requests } = await expectCleanLoad({ seconds: 30, path: '/small', pipelining: 8 })
    expect(requests).toBeGreaterThan(10_000)
  })

  it('get nothing but 200 with content of 100 KB', { timeout: TIMEOUT_MS }, async () => {
    const { requests } = await expectCleanLoad({ seconds: 30, path: '/large' })
    expect(requests).toBeGreaterThan(10_000)
  })
})
