import { expect, it } from 'vitest'
import { dnsThroughBoth } from '../integration/l4/dns-through-both.ts'

const QUERIES = 50_000
const PER_SECOND = 5_000

it('fifty thousand queries of DNS at a steady rate are all answered, as they are through nginx', {
  timeout: 120_000,
}, async () => {
  const { sluice, nginx } = await dnsThroughBoth({ queries: QUERIES, sockets: 1_000, perSecond: PER_SECOND })
  console.log(`50,000 queries: nginx in ${nginx.seconds.toFixed(2)} s, Sluice in ${sluice.seconds.toFixed(2)} s`)
  expect(nginx).toMatchObject({ answered: QUERIES, wrong: 0 })
  expect(sluice).toMatchObject({ answered: QUERIES, wrong: 0 })
  // A tenth late would be a rate that was not held.
  expect(nginx.seconds).toBeLessThan((QUERIES / PER_SECOND) * 1.1)
  expect(sluice.seconds).toBeLessThan((QUERIES / PER_SECOND) * 1.1)
})
