/** How far two runs are apart, in what is compared: the ratio to nginx, or the figure itself where there is none. */

import { numberText } from '../frame/numbers.ts'
import type { Results, Row, ScenarioResult } from '../frame/results.ts'
import { headlineOf, ratiosOf, spreadIn } from './figures.ts'

/** Drift beyond it is marked, in percent. */
export const DRIFT_MAX = 10

export interface Drift {
  readonly scenario: string
  readonly contestant: string
  /** What is compared: a ratio, which machines and minutes agree on more than on figures, or else the figure. */
  readonly of: 'ratio to nginx' | 'figure'
  readonly before: number
  readonly after: number
  readonly percent: number
}

/** Of the contestants that both runs have, where neither failed. */
export function driftsBetween(before: Results, after: Results): Drift[] {
  return after.scenarios.flatMap(scenario => {
    const earlier = before.scenarios.find(({ name }) => name === scenario.name)
    if (earlier === undefined) return []
    return scenario.rows.flatMap(row => {
      const earlierRow = earlier.rows.find(({ contestant }) => contestant === row.contestant)
      return earlierRow === undefined ? [] : (driftOf(scenario, row, earlier, earlierRow) ?? [])
    })
  })
}

function driftOf(scenario: ScenarioResult, row: Row, earlier: ScenarioResult, earlierRow: Row): Drift | null {
  const ratios = [ratiosOf(earlier, earlierRow).toYardstick, ratiosOf(scenario, row).toYardstick] as const
  const figures = [spreadIn(earlierRow, headlineOf(earlier).key), spreadIn(row, headlineOf(scenario).key)] as const
  const hasRatios = ratios.every(ratio => ratio !== null)
  const [before, after] = hasRatios ? ratios : figures
  if (!before || !after || before.median === 0) return null
  return {
    scenario: scenario.name,
    contestant: row.contestant,
    of: hasRatios ? 'ratio to nginx' : 'figure',
    before: before.median,
    after: after.median,
    percent: (after.median / before.median - 1) * 100,
  }
}

export function compareText(before: Results, after: Results): string {
  const drifts = driftsBetween(before, after)
  if (drifts.length === 0) return 'the two runs have no contestant of the same scenario in common'
  const lines = drifts.map(({ scenario, contestant, of, before, after, percent }) => {
    const figures = `${numberText(before).padStart(9)} -> ${numberText(after).padStart(9)}`
    const drift = `${percent >= 0 ? '+' : ''}${percent.toFixed(1)} %`.padStart(9)
    const mark = Math.abs(percent) > DRIFT_MAX ? `  more than ${DRIFT_MAX} %` : ''
    return `${scenario.padEnd(20)} ${contestant.padEnd(28)} ${of.padEnd(15)} ${figures} ${drift}${mark}`
  })
  const marked = drifts.filter(({ percent }) => Math.abs(percent) > DRIFT_MAX).length
  return [...lines, '', `${marked} of ${drifts.length} drifted by more than ${DRIFT_MAX} %`].join('\n')
}
