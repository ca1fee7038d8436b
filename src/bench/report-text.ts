import type { Comparison, Ratio } from './compare.ts'
import { describeLatencies, describeLoad, factsOf, latencyColumns, latencyRows } from './describe.ts'
import { formatMs, formatNumberOf, formatRate, formatRatio } from './format.ts'
import type { BenchResult } from './result.ts'

/** A result for whoever reads it in a terminal. */

export function textReport(result: BenchResult): string {
  return [result.url, `  ${describeLoad(result.load)}`, '', ...factLines(result), '', ...latencyLines(result), ''].join(
    '\n',
  )
}

export function textComparison(comparison: Comparison): string {
  const { first, second, rounds } = comparison
  const lines = [
    `A  ${first.url}`,
    `B  ${second.url}`,
    `  ${describeLoad(first.load)}; ${formatNumberOf(rounds.length, 'round')} of each, in turn`,
    '',
    ...comparisonLines(comparison),
    '',
    'A/B is the median of the rounds, and in brackets the lowest and the highest.',
  ]
  if (comparison.endedEarly !== null) lines.push('', `Ended early  ${comparison.endedEarly}`)
  for (const [name, run] of [
    ['A', first],
    ['B', second],
  ] as const) {
    lines.push('', `${name}  ${run.url}`, ...factLines(run), '', ...latencyLines(run))
  }
  return `${lines.join('\n')}\n`
}

function factLines(result: BenchResult): string[] {
  return factsOf(result).map(({ name, value }) => `${name.padEnd(12)} ${value}`)
}

function latencyLines(result: BenchResult): string[] {
  if (result.latency.count === 0) return ['Latency      no answers']
  const columns = latencyColumns(result)
  const cells = columns.map(column => latencyRows(column.latency).map(([, latencyUs]) => formatMs(latencyUs)))
  const widths = columns.map((column, index) =>
    Math.max(column.name.length, ...(cells[index] ?? []).map(cell => cell.length)),
  )
  const line = (name: string, values: readonly string[]) =>
    `${name.padEnd(12)}${values.map((value, index) => `  ${value.padStart(widths[index] ?? 0)}`).join('')}`
  const head = line(
    'Latency',
    columns.map(column => column.name),
  )
  const rows = latencyRows(result.latency).map(([name], row) =>
    line(
      `  ${name}`,
      cells.map(column => column[row] ?? ''),
    ),
  )
  return [head, ...rows, `  ${describeLatencies(result)}`]
}

function comparisonLines({ first, second, ratios }: Comparison): string[] {
  const percentile = (run: BenchResult, name: string) => formatMs(run.latency.percentilesUs[name] ?? 0)
  const rows: [string, string, string, Ratio | null][] = [
    ['Requests/s', formatRate(first.requestsPerSecond), formatRate(second.requestsPerSecond), ratios.requestsPerSecond],
    ['p50 ms', percentile(first, '50'), percentile(second, '50'), ratios.latencyP50],
    ['p90 ms', percentile(first, '90'), percentile(second, '90'), ratios.latencyP90],
    ['p99 ms', percentile(first, '99'), percentile(second, '99'), ratios.latencyP99],
  ]
  const cell = (text: string) => text.padStart(14)
  return [
    `${''.padEnd(12)}${cell('A')}${cell('B')}${cell('A/B')}`,
    ...rows.map(([name, a, b, ratio]) => `${name.padEnd(12)}${cell(a)}${cell(b)}${describeRatio(ratio)}`),
  ]
}

function describeRatio(ratio: Ratio | null): string {
  if (ratio === null) return '-'.padStart(14)
  return `${formatRatio(ratio.median).padStart(14)}  (${formatRatio(ratio.min)} to ${formatRatio(ratio.max)})`
}
