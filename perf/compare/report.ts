/** What a comparison says, as text. */
import { formatTime } from '../micro/rows.ts'
import { ROUNDS_MIN } from '../statistics.ts'
import type { Comparison } from './rounds.ts'

export function formatComparisons(comparisons: readonly Comparison[], commit: string, rounds: number): string {
  const lines = [
    `${commit.padStart(10)} here       change  95 % interval      verdict`,
    ...comparisons.map(formatComparison),
    '',
    summary(comparisons, rounds),
  ]
  return lines.join('\n')
}

function formatComparison({ name, beforeNs, afterNs, ratio, interval, verdict }: Comparison): string {
  const times = `${formatTime(beforeNs).padStart(10)} ${formatTime(afterNs).padStart(10)}`
  const between = interval === null ? 'unknown' : `${percent(interval.low)} to ${percent(interval.high)}`
  return `${times} ${percent(ratio).padStart(8)}  ${between.padEnd(18)} ${verdict.padEnd(18)}  ${name}`
}

/** `+3.2 %` for 1.032. */
function percent(ratio: number): string {
  const change = (ratio - 1) * 100
  return `${change < 0 ? '' : '+'}${change.toFixed(1)} %`
}

function summary(comparisons: readonly Comparison[], rounds: number): string {
  if (rounds < ROUNDS_MIN) return `fewer than ${ROUNDS_MIN} rounds tell no difference from chance`
  const count = (verdict: Comparison['verdict']): number => comparisons.filter(row => row.verdict === verdict).length
  const text = `${count('slower')} slower, ${count('faster')} faster, ${count('no difference seen')} without a difference seen`
  return `${text}; of ${comparisons.length} intervals about ${Math.ceil(comparisons.length * 0.05)} miss by chance`
}
