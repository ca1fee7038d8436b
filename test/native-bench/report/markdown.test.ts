import { describe, expect, it } from 'vitest'
import { renderMarkdown, table } from '../../../native-bench/report/markdown.ts'
import { FULL, resultsOf, rowOf, scenarioOf } from './fixture.ts'

function lineOf(page: string, start: string): string {
  return page.split('\n').find(line => line.startsWith(start)) ?? ''
}

describe('the report', () => {
  const page = renderMarkdown(resultsOf([FULL]), new Map([['h1-bare', ['h1-bare-figure.svg']]]))

  it('says where the figures come from', () => {
    expect(page).toContain('2026-01-02T03:04:05.000Z, 12 min 34 s; 3 rounds of 5 s')
    expect(page).toContain('Some CPU, 2 cores, 16.0 GiB, Linux 6.1, Node v26.0.0')
    expect(page).toContain('commit 0123456789ab with changes; wrk 4.1.0, nginx 1.22.1')
    expect(page).toContain('`npm run bench:native -- --rounds 3`')
  })

  it('has medians, spreads and ratios of the same rounds', () => {
    expect(lineOf(page, '| **sluice** |')).toBe(
      '| **sluice** | 12.0 [11.0 – 26.0] (3.00 + 9.00) | 41,667 | 60.0 | 600 | 1,200 | 1.20 [1.10 – 1.30] | 0.30 [0.25 – 0.33] | – |',
    )
  })

  it('compares a variant with the peer as it is', () => {
    expect(lineOf(page, '| **sluice, pipelining 8** |')).toMatch(/\| 0\.75 \[0\.69 – 0\.80\] \|$/)
  })

  it('says who failed and why, without figures', () => {
    expect(lineOf(page, '| bun |')).toContain('failed: status 502 instead of 200 (before the first round)')
    expect(lineOf(page, '| bun |')).not.toMatch(/\d\.\d/)
  })

  it('says who is absent and why', () => {
    expect(page).toContain('| caddy | absent: no caddy on the path |')
  })

  it('has the floor of the method among the latencies, and no ratio of it', () => {
    expect(lineOf(page, '| direct |')).toBe('| direct | – | – | 20.0 | 200 | 400 | – | – | – |')
  })

  it('shows Sluice at a glance, beside nginx and the best Node peer', () => {
    expect(lineOf(page, '| [Requests')).toContain('| CPU per request | 12.0 µs | 1.20 [1.10 – 1.30] | 0.30 (httpxy) |')
  })

  it('keeps notes of the scenario and of its rows, and shows the plots', () => {
    expect(page).toContain('- latency at 20,000 requests per second')
    expect(page).toContain('- http-proxy: 2 of its processes ended during a measurement')
    expect(page).toContain('![h1 bare figure](h1-bare-figure.svg)')
  })

  it('leaves out columns that nobody has, and ratios where there is nothing to compare with', () => {
    const alone = renderMarkdown(resultsOf([scenarioOf([rowOf('sluice', 'sluice', [12])])]), new Map())
    expect(lineOf(alone, '|  |')).toBe('|  | CPU per request, µs (user + system) | requests per second |')
    expect(lineOf(alone, '| **sluice** |')).toBe('| **sluice** | 12.0 (3.00 + 9.00) | 41,667 |')
  })

  it('says so where a scenario did not run', () => {
    const none = scenarioOf([], { notes: ['the scenario did not run: no origin'] })
    expect(renderMarkdown(resultsOf([none]), new Map())).toContain('- the scenario did not run: no origin')
  })
})

describe('a table', () => {
  it('has as many cells in every line, and no bar or line end within one', () => {
    expect(table(['a', 'b'], [['x|y', 'z\nw'], ['1']])).toBe('| a | b |\n| :-- | --: |\n| x\\|y | z w |\n| 1 |  |')
  })
})
