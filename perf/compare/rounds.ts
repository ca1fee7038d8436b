/** Measurements of two trees by turns, and what they say about each bench. */
import { type Interval, median, ratioInterval, type Verdict, verdictOf } from '../statistics.ts'

/** `before` is the other commit, `after` the working tree. */
export type Side = 'before' | 'after'

/** One measurement, as it is kept. */
export interface RawRow {
  readonly round: number
  readonly side: Side
  readonly name: string
  /** Nanoseconds: of one operation, or of the CPU for one request. */
  readonly nanoseconds: number
}

export interface Comparison {
  readonly name: string
  readonly beforeNs: number
  readonly afterNs: number
  /** Time after in proportion to time before. */
  readonly ratio: number
  readonly interval: Interval | null
  readonly verdict: Verdict
}

/** Who comes first in a round: every other one begins with the other side. */
export function orderOf(round: number): readonly [Side, Side] {
  return round % 2 === 0 ? ['before', 'after'] : ['after', 'before']
}

/** Compares each name that both sides have in the same rounds, in the order of their appearance. */
export function compareRows(rows: readonly RawRow[]): Comparison[] {
  const names = [...new Set(rows.map(({ name }) => name))]
  return names.flatMap(name => {
    const of = (side: Side): Map<number, number> =>
      new Map(
        rows.filter(row => row.name === name && row.side === side).map(row => [row.round, row.nanoseconds] as const),
      )
    const before = of('before')
    const after = of('after')
    const rounds = [...before.keys()].filter(round => after.has(round))
    if (rounds.length === 0) return []
    const beforeTimes = rounds.map(round => before.get(round) as number)
    const afterTimes = rounds.map(round => after.get(round) as number)
    const [beforeNs, afterNs] = [median(beforeTimes), median(afterTimes)]
    const interval = ratioInterval(beforeTimes, afterTimes)
    return [{ name, beforeNs, afterNs, ratio: afterNs / beforeNs, interval, verdict: verdictOf(interval) }]
  })
}
