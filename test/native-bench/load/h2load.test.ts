import { describe, expect, it } from 'vitest'
import { parseReport } from '../../../native-bench/load/h2load.ts'

function report(requests: string, codes = '100 2xx, 0 3xx, 0 4xx, 0 5xx'): string {
  return `finished in 1.00s, 100.00 req/s, 10KB/s\nrequests: ${requests}\nstatus codes: ${codes}\ntraffic: 1KB\n`
}

describe('what h2load says at its end', () => {
  it('is how many requests it made', () => {
    const text = report('100 total, 110 started, 100 done, 100 succeeded, 0 failed, 0 errored, 0 timeout')
    expect(parseReport(text, 2)).toEqual({ units: 100, seconds: 2 })
  })

  it.each([
    ['failed', report('100 total, 100 started, 100 done, 90 succeeded, 10 failed, 0 errored, 0 timeout')],
    ['broke', report('100 total, 100 started, 100 done, 90 succeeded, 0 failed, 10 errored, 0 timeout')],
    ['too late', report('100 total, 100 started, 100 done, 90 succeeded, 0 failed, 0 errored, 10 timeout')],
  ])('is an error where requests %s', (what, text) => {
    expect(() => parseReport(text, 1)).toThrow(what)
  })

  it('is an error where answers were none of success', () => {
    const text = report(
      '100 total, 100 started, 100 done, 100 succeeded, 0 failed, 0 errored, 0 timeout',
      '60 2xx, 0 3xx, 40 4xx, 0 5xx',
    )
    expect(() => parseReport(text, 1)).toThrow('40 of 100 answers were not 2xx')
  })

  it('is an error where there is none, and where nothing was done', () => {
    expect(() => parseReport('cannot connect\n', 1)).toThrow('h2load gave no report: cannot connect')
    const nothing = report(
      '0 total, 10 started, 0 done, 0 succeeded, 0 failed, 0 errored, 0 timeout',
      '0 2xx, 0 3xx, 0 4xx, 0 5xx',
    )
    expect(() => parseReport(nothing, 1)).toThrow('not one answer came')
  })
})
