import { describe, expect, it } from 'vitest'
import { parseReport } from '../../../native-bench/load/wrk.ts'

const REPORT = `Running 2s test @ http://127.0.0.1:1/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.00ms    2.00ms  30.00ms   98.00%
    Req/Sec    40.00k     1.00k   41.00k    90.00%
  82000 requests in 2.05s, 20.00MB read
`

describe('the report of wrk', () => {
  it('says how many requests were answered, in how many seconds', () => {
    expect(parseReport(REPORT, 64)).toEqual({ units: 82_000, seconds: 2.05 })
    expect(parseReport('5 requests in 100.50ms, 1KB read', 64)).toEqual({ units: 5, seconds: 0.1005 })
    expect(parseReport('5 requests in 1.50m, 1KB read', 64)).toEqual({ units: 5, seconds: 90 })
  })

  it('forgives a close that was not announced, where every answer was followed by one', () => {
    const errors = (read: number) => `${REPORT}  Socket errors: connect 0, read ${read}, write 0, timeout 0\n`
    expect(parseReport(errors(82_000 - 64), 64)).toEqual({ units: 82_000, seconds: 2.05 })
    expect(() => parseReport(errors(81_900), 64)).toThrow('connections failed')
    expect(() => parseReport(errors(82_100), 64)).toThrow('connections failed')
  })

  it.each([
    [`${REPORT}  Non-2xx or 3xx responses: 12\n`, '12 of 82000 answers were not 2xx'],
    [`${REPORT}  Socket errors: connect 0, read 3, write 0, timeout 1\n`, 'read 3, write 0, timeout 1'],
    ['0 requests in 2.00s, 0B read', 'not one answer came'],
    ['unable to connect to 127.0.0.1:1 Connection refused\n', 'unable to connect'],
  ])('fails where the work was not done', (text, reason) => {
    expect(() => parseReport(text, 64)).toThrow(reason)
  })
})
