import { expect, it } from 'vitest'
import { expectCleanLoad } from '../support/nginx-load.ts'

it('sixty-four connections of wrk get nothing but 200 from nginx, and no socket error', async () => {
  const { requests } = await expectCleanLoad({ seconds: 1, path: '/small' })
  expect(requests).toBeGreaterThan(1_000)
})

it('so they do with content of 100 KB, on a new connection for each request', async () => {
  const { requests } = await expectCleanLoad({ seconds: 1, path: '/large', fields: ['Connection: close'] })
  expect(requests).toBeGreaterThan(100)
})
