import { latencyOverTimePlot, type NamedLatency, percentilePlot, throughputPlot } from './bench-plots.ts'
import type { Comparison, Ratio } from './compare.ts'
import { describeLatencies, describeLoad, factsOf, latencyColumns, latencyRows } from './describe.ts'
import { formatMs, formatNumberOf, formatRate, formatRatio } from './format.ts'
import { escapeHtml } from './plot.ts'
import type { BenchResult } from './result.ts'

/** A result as one page that needs nothing else: no script, no font, no request. */

export function htmlReport(result: BenchResult): string {
  const hasAnswers = result.latency.count > 0
  return page(`sluice bench ${result.url}`, [
    header(result.url, `${describeLoad(result.load)}. ${startOf(result)}`),
    facts(result),
    hasAnswers
      ? section('Latency by percentile', describeLatencies(result), percentilePlot(namedLatencies(result)))
      : '',
    hasAnswers ? section('Percentiles', 'milliseconds', latencyTable(latencyColumns(result))) : '',
    course(result),
  ])
}

export function htmlComparison(comparison: Comparison): string {
  const { first, second, rounds } = comparison
  const names = [
    { name: 'A', latency: first.latency },
    { name: 'B', latency: second.latency },
  ]
  const early = comparison.endedEarly === null ? '' : ` Ended early: ${comparison.endedEarly}.`
  const load = `${describeLoad(first.load)}; ${formatNumberOf(rounds.length, 'round')} of each, in turn. ${startOf(first)}${early}`
  const answered = names.filter(({ latency }) => latency.count > 0)
  return page(`sluice bench ${first.url} --vs ${second.url}`, [
    header(`A ${first.url}\nB ${second.url}`, load),
    section('A compared with B', 'A/B: the median of the rounds, the lowest and the highest', ratioTable(comparison)),
    answered.length > 0 ? section('Latency by percentile', 'all rounds', percentilePlot(answered)) : '',
    section('Percentiles', 'milliseconds, all rounds', latencyTable(names)),
    section('A', first.url, facts(first)),
    section('B', second.url, facts(second)),
    section('Rounds', '', roundTable(comparison)),
  ])
}

function namedLatencies(result: BenchResult): NamedLatency[] {
  if (result.uncorrectedLatency === null) return [{ name: 'latency', latency: result.latency }]
  return [
    { name: 'corrected', latency: result.latency },
    { name: 'uncorrected', latency: result.uncorrectedLatency },
  ]
}

function course(result: BenchResult): string {
  // A line needs two ends.
  if (result.course.length < 2 || result.answered === 0) return ''
  return [
    section('Answers over time', 'answers per second', throughputPlot(result.course)),
    section('Latency over time', 'of the answers in each slice of time', latencyOverTimePlot(result.course)),
  ].join('\n')
}

function startOf({ startedAt }: BenchResult): string {
  return `Started ${startedAt.replace('T', ' ').replace(/\.[0-9]+Z$/, ' UTC')}.`
}

function header(title: string, text: string): string {
  const lines = title.split('\n').map(line => `<span>${escapeHtml(line)}</span>`)
  return `<header><h1>${lines.join('')}</h1><p>${escapeHtml(text)}</p></header>`
}

function section(title: string, note: string, content: string): string {
  const subtitle = note === '' ? '' : `<p class="note">${escapeHtml(note)}</p>`
  return `<section><h2>${escapeHtml(title)}</h2>${subtitle}<div class="scroll">${content}</div></section>`
}

function facts(result: BenchResult): string {
  const items = factsOf(result).map(({ name, value, isBad }) => {
    return `<div${isBad ? ' class="bad"' : ''}><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`
  })
  return `<dl>${items.join('')}</dl>`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (tag: string, cells: readonly string[]) =>
    `<tr>${cells.map(cell => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`
  return `<table><thead>${line('th', head)}</thead><tbody>${rows.map(row => line('td', row)).join('')}</tbody></table>`
}

function latencyTable(columns: readonly NamedLatency[]): string {
  const values = columns.map(({ latency }) => latencyRows(latency))
  const names = values[0]?.map(([name]) => name) ?? []
  const rows = names.map((name, row) => [name, ...values.map(column => formatMs(column[row]?.[1] ?? 0))])
  return table(['', ...columns.map(column => column.name)], rows)
}

function ratioTable({ first, second, ratios }: Comparison): string {
  const at = (run: BenchResult, percentile: string) => formatMs(run.latency.percentilesUs[percentile] ?? 0)
  const row = (name: string, a: string, b: string, ratio: Ratio | null) => {
    const spread = ratio === null ? '' : `${formatRatio(ratio.min)} to ${formatRatio(ratio.max)}`
    return [name, a, b, ratio === null ? '-' : formatRatio(ratio.median), spread]
  }
  const rates = [first, second].map(run => formatRate(run.requestsPerSecond))
  return table(
    ['', 'A', 'B', 'A/B', 'lowest to highest'],
    [
      row('requests/s', rates[0] ?? '', rates[1] ?? '', ratios.requestsPerSecond),
      row('p50 ms', at(first, '50'), at(second, '50'), ratios.latencyP50),
      row('p90 ms', at(first, '90'), at(second, '90'), ratios.latencyP90),
      row('p99 ms', at(first, '99'), at(second, '99'), ratios.latencyP99),
    ],
  )
}

function roundTable({ rounds }: Comparison): string {
  const rows = rounds.map(({ order, first, second }, index) => [
    `${index + 1}, ${order[0] === 'first' ? 'A then B' : 'B then A'}`,
    formatRate(first.requestsPerSecond),
    formatRate(second.requestsPerSecond),
    formatMs(first.latency.percentilesUs['99'] ?? 0),
    formatMs(second.latency.percentilesUs['99'] ?? 0),
  ])
  return table(['round', 'A requests/s', 'B requests/s', 'A p99 ms', 'B p99 ms'], rows)
}

function page(title: string, parts: readonly string[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>
${STYLE}
</style>
</head>
<body>
<main>
${parts.filter(part => part !== '').join('\n')}
</main>
</body>
</html>
`
}

const STYLE = `:root {
  color-scheme: light dark;
  --page: #f7f7f5; --card: #ffffff; --ink: #16181d; --soft: #5b6069; --grid: #e4e5e7; --edge: #dedfe2; --bad: #b3261e;
  --series-1: #2a6fdb; --series-2: #d9611c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #131519; --card: #1b1e24; --ink: #eceef1; --soft: #a0a6b0; --grid: #2c3038; --edge: #2c3038; --bad: #ff8a80;
    --series-1: #6ea3ff; --series-2: #ff9d5c;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 940px; margin: 0 auto; padding: 32px 20px 64px; display: grid; gap: 20px; }
main > * { min-width: 0; }
h1 { font-size: 22px; line-height: 1.35; margin: 0 0 6px; overflow-wrap: anywhere; }
h1 span { display: block; }
h2 { font-size: 16px; margin: 0; }
header p, .note { margin: 0; color: var(--soft); }
section { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: 18px 20px; }
.scroll { overflow-x: auto; margin-top: 10px; }
dl { margin: 0; display: grid; grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); gap: 10px; }
dl > div { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: 12px 16px; }
dt { color: var(--soft); font-size: 13px; }
dd { margin: 0; font-size: 17px; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.bad dd { color: var(--bad); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 18px 5px 0; text-align: right; border-bottom: 1px solid var(--grid); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; }
th:first-child, td:first-child { text-align: left; }
svg { display: block; width: 100%; min-width: 560px; height: auto; }
.grid { stroke: var(--grid); }
.tick, .axis { fill: var(--soft); font-size: 12px; }
.name { fill: var(--ink); font-size: 13px; font-weight: 500; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line.series-1 { stroke: var(--series-1); }
.line.series-2 { stroke: var(--series-2); }
.dot.series-1 { fill: var(--series-1); }
.dot.series-2 { fill: var(--series-2); }`
