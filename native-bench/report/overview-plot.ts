/** Sluice in every scenario, and the best Node peer, in multiples of nginx. */
import { numberText } from '../frame/numbers.ts'
import type { Results, Row, ScenarioResult } from '../frame/results.ts'
import type { Spread } from '../frame/statistics.ts'
import { bestNode, headlineOf, ratiosOf } from './figures.ts'
import { dot, line, logarithmicTicks, svgDocument, text, WIDTH } from './svg.ts'

const LEFT = 330
const RIGHT = 40
const TOP = 100
const ROW = 30

/** Around 1 in any case, so that a good result does not look like a great one. */
const LEAST_SPAN = [0.5, 2] as const

interface Line {
  readonly name: string
  readonly own: Spread
  readonly node: Spread | null
}

/** Null where nothing is comparable. Only figures of which less is better stand in it. */
export function renderOverviewPlot({ scenarios }: Results): string | null {
  const lines = scenarios.filter(scenario => headlineOf(scenario).better === 'less').flatMap(linesOf)
  if (lines.length === 0) return null
  const all = lines.flatMap(({ own, node }) => [own.minimum, own.maximum, ...(node === null ? [] : [node.median])])
  const ticks = logarithmicTicks(Math.min(LEAST_SPAN[0], ...all), Math.max(LEAST_SPAN[1], ...all))
  const [lowest = 0.5, highest = 2] = [ticks[0], ticks.at(-1)]
  const x = (ratio: number) => LEFT + (Math.log(ratio / lowest) / Math.log(highest / lowest)) * (WIDTH - LEFT - RIGHT)
  const bottom = TOP + lines.length * ROW
  const marks = [
    ...ticks.flatMap(tick => [
      line(x(tick), TOP - 8, x(tick), bottom, tick === 1 ? 'rule' : 'grid'),
      text(x(tick), bottom + 18, tick === 1 ? 'nginx' : `${tick}×`, tick === 1 ? 'small' : 'quiet small', 'middle'),
    ]),
    ...lines.flatMap((entry, index) => marksOf(entry, TOP + index * ROW + ROW / 2 - 4, x)),
    ...legend(lines, x),
  ]
  const subtitle =
    'the cost in each scenario (CPU, memory or time), in multiples of nginx in the same round; further left is better'
  return svgDocument('Sluice and the best Node peer beside nginx', subtitle, bottom + 42, marks)
}

function linesOf(scenario: ScenarioResult): Line[] {
  const ratioOf = (row: Row | null) => (row === null ? null : ratiosOf(scenario, row).toYardstick)
  return scenario.rows
    .filter(({ kind }) => kind === 'sluice')
    .flatMap(row => {
      const own = ratioOf(row)
      const name = row.variant === '' ? scenario.name : `${scenario.name}, ${row.variant}`
      return own === null ? [] : [{ name, own, node: ratioOf(bestNode(scenario, row.variant)) }]
    })
}

function marksOf({ name, own, node }: Line, y: number, x: (ratio: number) => number): string[] {
  return [
    text(LEFT - 66, y + 4.5, name, '', 'end'),
    text(LEFT - 16, y + 4.5, numberText(own.median), 'sluice', 'end'),
    ...(node === null ? [] : [dot(x(node.median), y, 4, 'dot')]),
    line(x(own.minimum), y, x(own.maximum), y, 'range own'),
    dot(x(own.median), y, 5.5, 'dot own'),
  ]
}

/** Names the dots of the first line that has both. */
function legend(lines: readonly Line[], x: (ratio: number) => number): string[] {
  const [first] = lines
  if (first === undefined) return []
  const names = [text(x(first.own.median), TOP - 14, 'Sluice', 'sluice small', 'middle')]
  const near = first.node !== null && Math.abs(x(first.node.median) - x(first.own.median)) < 90
  if (first.node !== null && !near) {
    names.push(text(x(first.node.median), TOP - 14, 'best Node peer', 'quiet small', 'middle'))
  }
  return names
}
