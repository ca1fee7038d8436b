import { describe, expect, test } from 'vitest'
import type { Comparison } from '../../../src/bench/compare.ts'
import { hgrmReport } from '../../../src/bench/report-hgrm.ts'
import { htmlComparison, htmlReport } from '../../../src/bench/report-html.ts'
import { textComparison, textReport } from '../../../src/bench/report-text.ts'
import { madeResult } from './made-result.ts'

const RATIO = { median: 0.5, min: 0.25, max: 1 }

function madeComparison(): Comparison {
  const [first, second] = [madeResult(), madeResult(null, 'http://b.example/')]
  return {
    first,
    second,
    ratios: { requestsPerSecond: RATIO, latencyP50: RATIO, latencyP90: RATIO, latencyP99: null },
    rounds: [{ order: ['first', 'second'], first, second }],
    endedEarly: null,
  }
}

describe('the text', () => {
  test('says what was asked for, what came back, and how long it took', () => {
    expect(textReport(madeResult()).split('\n')).toEqual([
      'http://a.example/%3Cx%3E&%22y%22',
      '  4 connections on 2 threads, 2 s, as fast as answers come',
      '',
      'Requests/s   1,000',
      'Answered     2,000 in 2.00 s',
      'Received     97.7 KiB/s, 195 KiB in all',
      'Statuses     200: 1,800, 503: 200',
      'Not 2xx      200',
      'Errors       2 closed before the answer',
      '',
      'Latency              ms',
      '  min             1.000',
      '  p50           500.223',
      '  p75           750.079',
      '  p90           900.095',
      '  p99           990.207',
      '  p99.9         999.423',
      '  p99.99      1,000.000',
      '  max         1,000.000',
      '  mean          500.505',
      '  stdev         288.676',
      '  from sending a request to the end of its answer',
      '',
    ])
  })

  test('shows corrected and uncorrected latencies side by side', () => {
    const text = textReport(madeResult(250))
    expect(text).toMatch(/^Latency +corrected ms +uncorrected ms$/m)
    expect(text).toMatch(/^ {2}min +251\.000 +1\.000$/m)
    expect(text).toMatch(/^ {2}max +1,250\.000 +1,000\.000$/m)
    expect(text).toContain('1,000 requests/s on a schedule')
  })

  test('of a comparison has the ratios with their spread, and both runs', () => {
    const text = textComparison(madeComparison())
    expect(text).toMatch(/^Requests\/s +1,000 +1,000 +0\.500 {2}\(0\.250 to 1\.000\)$/m)
    expect(text).toMatch(/^p99 ms +990\.207 +990\.207 +-$/m)
    expect(text).toMatch(/^A {2}http:\/\/a\.example\/.*\n[\s\S]*^B {2}http:\/\/b\.example\/$/m)
  })
})

describe('the .hgrm', () => {
  test('is HdrHistogram’s percentile distribution in milliseconds', () => {
    const lines = hgrmReport(madeResult(250).latency).split('\n')
    expect(lines[0]).toMatch(/^ +Value +Percentile +TotalCount +1\/\(1-Percentile\)$/)
    expect(lines[1]).toBe('')
    const rows = lines.slice(2).filter(line => /^ *[0-9]/.test(line))
    expect(rows[0]).toMatch(/^ +251\.\d{3} 0\.000000000000 +\d+ +1\.00$/)
    expect(rows.at(-1)).toMatch(/^ +1250\.\d{3} 1\.000000000000 +2000$/)
    const numbers = rows.map(row => row.trim().split(/ +/).map(Number))
    for (const [index, row] of numbers.entries()) {
      const before = numbers[index - 1] ?? [0, 0, 0]
      expect(row.slice(0, 3).every((value, column) => value >= (before[column] ?? 0))).toBe(true)
    }
    expect(lines.filter(line => line.startsWith('#')).join('\n')).toMatch(
      /^#\[Mean += +750\.\d+, StdDeviation += +288\.\d+\]\n#\[Max += +12\d\d\.\d+, Total count += +2000\]\n#\[Buckets = +\d+, SubBuckets += +2048\]$/,
    )
  })
})

/** What is wrong with the nesting of elements; empty for a page that is well-formed. */
function nestingProblems(html: string): string[] {
  const open: string[] = []
  const problems: string[] = []
  const withoutStyle = html.replace(/<style>[\s\S]*?<\/style>/, '')
  for (const [, closing, name = '', rest = ''] of withoutStyle.matchAll(
    /<(\/?)([a-z0-9]+)((?:\s+[a-zA-Z0-9-]+(?:="[^"<]*")?)*\s*\/?)>/g,
  )) {
    if (closing === '/') {
      const expected = open.pop()
      if (expected !== name) problems.push(`</${name}> closes <${expected}>`)
    } else if (name !== 'meta' && !rest.endsWith('/')) open.push(name)
  }
  const text = withoutStyle.replace(/<!doctype html>|<\/?[a-z0-9]+(?:\s+[a-zA-Z0-9-]+(?:="[^"<]*")?)*\s*\/?>/g, '')
  if (/[<>]/.test(text)) problems.push('a bracket that is not escaped')
  return [...problems, ...open.map(name => `<${name}> stays open`)]
}

describe('the page', () => {
  test.each([
    ['a run', htmlReport(madeResult())],
    ['a run with a rate', htmlReport(madeResult(250))],
    ['a comparison', htmlComparison(madeComparison())],
  ])('of %s is well-formed, and needs nothing but itself', (_, html) => {
    expect(nestingProblems(html)).toEqual([])
    expect(html).toMatch(/^<!doctype html>\n<html lang="en">/)
    expect(html).not.toMatch(/<script|<link|@import|url\(|\bsrc=|\bhref=/)
    expect(html).toContain('prefers-color-scheme: dark')
  })

  test('has the URL in it as text, whatever the URL says', () => {
    const result = { ...madeResult(), url: 'http://a.example/?q=<script>alert(1)</script>' }
    expect(htmlReport(result)).toContain('http://a.example/?q=&lt;script&gt;alert(1)&lt;/script&gt;')
  })

  test('plots latency by percentile: with a rate two lines, each named', () => {
    const [plot = ''] = /<svg[\s\S]*?<\/svg>/.exec(htmlReport(madeResult(250))) ?? []
    expect(plot.match(/<path class="line/g)?.length).toBe(2)
    for (const label of ['0 %', '90 %', '99 %', '99.9 %', 'corrected', 'uncorrected'])
      expect(plot).toContain(`>${label}<`)
    // From left to right, and never downwards: y grows towards the bottom.
    for (const [, path = ''] of plot.matchAll(/ d="([^"]+)"/g)) {
      const points = path
        .slice(1)
        .split('L')
        .map(point => point.split(' ').map(Number))
      for (const [index, [x = 0, y = 0]] of points.entries()) {
        const [beforeX = 0, beforeY = Number.POSITIVE_INFINITY] = points[index - 1] ?? []
        expect(x).toBeGreaterThanOrEqual(beforeX)
        expect(y).toBeLessThanOrEqual(beforeY)
      }
    }
  })

  test('says so where nothing was answered', () => {
    const result = madeResult()
    const empty = { ...result, answered: 0, latency: { ...result.latency, count: 0 }, course: [] }
    expect(htmlReport(empty)).not.toContain('<svg')
    expect(nestingProblems(htmlReport(empty))).toEqual([])
    expect(textReport(empty)).toContain('Latency      no answers')
  })
})
