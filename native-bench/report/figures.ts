/** The figures of a scenario as reports show them: medians, spreads, and ratios to those that are compared with. */
import type { CurvePoint, Measure, Row, ScenarioResult } from '../frame/results.ts'
import { median, type RoundValue, ratiosByRound, type Spread, spreadOf } from '../frame/statistics.ts'

/** Who everybody is compared with. */
const YARDSTICK = 'nginx'

/** What a scenario is about: its first measure. */
export function headlineOf(scenario: ScenarioResult): Measure {
  const [headline] = scenario.measures
  if (headline === undefined) throw new Error(`scenario ${scenario.name} measures nothing`)
  return headline
}

/** Measures that are shown on their own: parts of a sum are shown with it. */
export function columnsOf(scenario: ScenarioResult): Measure[] {
  const parts = new Set(scenario.measures.flatMap(({ parts }) => parts ?? []))
  return scenario.measures.filter(({ key }) => !parts.has(key))
}

export function valuesOf(row: Row, key: string): RoundValue[] {
  return row.samples.flatMap(({ round, values }) => {
    const value = values[key]
    return value === undefined ? [] : [{ round, value }]
  })
}

/** Null where the row has no such value, or failed. */
export function spreadIn(row: Row, key: string): Spread | null {
  return row.failed === null ? spreadOf(valuesOf(row, key).map(({ value }) => value)) : null
}

/** The ratios of a row to others in the headline measure, round by round; null where there is nothing to compare. */
export interface Ratios {
  readonly toYardstick: Spread | null
  readonly toBestNode: Spread | null
  /** To the same peer as it is, of a variant. */
  readonly toPlain: Spread | null
}

export function ratiosOf(scenario: ScenarioResult, row: Row): Ratios {
  return {
    toYardstick: ratioTo(scenario, row, counterpart(scenario, row, YARDSTICK)),
    toBestNode: ratioTo(scenario, row, bestNode(scenario, row.variant)),
    toPlain:
      row.variant === '' ? null : ratioTo(scenario, row, counterpart(scenario, { ...row, variant: '' }, row.peer)),
  }
}

/** Of the Node peers in this variant, or else as they are, the best in the headline measure; Sluice is not among them. */
export function bestNode(scenario: ScenarioResult, variant: string): Row | null {
  const { key, better } = headlineOf(scenario)
  const sign = better === 'less' ? 1 : -1
  const nodes = scenario.rows.filter(({ kind }) => kind === 'node')
  const same = nodes.filter(row => row.variant === variant)
  const ranked = (same.length > 0 ? same : nodes.filter(row => row.variant === ''))
    .flatMap(row => {
      const spread = spreadIn(row, key)
      return spread === null ? [] : [{ row, rank: sign * spread.median }]
    })
    .toSorted((a, b) => a.rank - b.rank)
  return ranked[0]?.row ?? null
}

/** The row of that peer in the same variant, or else as it is: a peer that cannot pipeline stands in as it is. */
function counterpart(scenario: ScenarioResult, { variant }: Pick<Row, 'variant'>, peer: string): Row | null {
  const rows = scenario.rows.filter(row => row.peer === peer)
  return rows.find(row => row.variant === variant) ?? rows.find(row => row.variant === '') ?? null
}

function ratioTo(scenario: ScenarioResult, row: Row, other: Row | null): Spread | null {
  if (other === null || other === row || row.failed !== null || other.failed !== null) return null
  if (other.contestant === row.contestant || row.kind === 'direct') return null
  const { key } = headlineOf(scenario)
  return spreadOf(ratiosByRound(valuesOf(row, key), valuesOf(other, key)))
}

/** The latency curve of a row: at each percentile the median of the rounds. Null where it has none. */
export function curveOf(row: Row): CurvePoint[] | null {
  if (row.failed !== null) return null
  const byPercentile = new Map<number, number[]>()
  for (const [percentile, latencyUs] of row.samples.flatMap(({ curve }) => curve ?? [])) {
    const latencies = byPercentile.get(percentile)
    if (latencies === undefined) byPercentile.set(percentile, [latencyUs])
    else latencies.push(latencyUs)
  }
  if (byPercentile.size === 0) return null
  return [...byPercentile].toSorted(([a], [b]) => a - b).map(([percentile, all]) => [percentile, median(all)])
}
