/** Latency by percentile at the fixed rate: the further right, the rarer. Both axes are logarithmic. */
import type { CurvePoint, Row, ScenarioResult } from '../frame/results.ts'
import { curveOf } from './figures.ts'
import { line, logarithmicTicks, polyline, spreadApart, svgDocument, text, WIDTH } from './svg.ts'

const LEFT = 74
const RIGHT = 200
const TOP = 84
const HEIGHT = 330
const LABEL_GAP = 16

/** The rightmost: further out single requests decide. */
const PERCENTILE_MAX = 99.9

const MARKED = [0, 50, 90, 99, 99.9]

interface Curve {
  readonly row: Row
  readonly points: readonly CurvePoint[]
}

/** Null where no row has a curve. */
export function renderLatencyPlot(scenario: ScenarioResult): string | null {
  const curves = scenario.rows.flatMap((row): Curve[] => {
    const points = curveOf(row)?.filter(([percentile]) => percentile <= PERCENTILE_MAX)
    return points === undefined || points.length === 0 ? [] : [{ row, points }]
  })
  if (curves.length === 0) return null
  const all = curves.flatMap(({ points }) => points.map(([, latencyUs]) => latencyUs))
  const ticks = logarithmicTicks(Math.max(1, Math.min(...all)), Math.max(...all))
  const [lowest = 1, highest = 10] = [ticks[0], ticks.at(-1)]
  const span = Math.log10(highest / lowest) || 1
  const y = (latencyUs: number) => TOP + HEIGHT - (Math.log10(Math.max(1, latencyUs) / lowest) / span) * HEIGHT
  const x = (percentile: number) => LEFT + (nines(percentile) / nines(PERCENTILE_MAX)) * (WIDTH - LEFT - RIGHT)
  // What matters most is drawn last, on top.
  const drawn = curves.toSorted((a, b) => weight(a.row) - weight(b.row))
  const marks = [
    ...ticks.flatMap(tick => [
      line(LEFT, y(tick), WIDTH - RIGHT, y(tick), 'grid'),
      text(LEFT - 8, y(tick) + 4, durationText(tick), 'quiet small', 'end'),
    ]),
    ...MARKED.flatMap(percentile => [
      line(x(percentile), TOP, x(percentile), TOP + HEIGHT, 'grid'),
      text(x(percentile), TOP + HEIGHT + 19, percentile === 0 ? 'lowest' : `p${percentile}`, 'quiet small', 'middle'),
    ]),
    ...drawn.map(({ row, points }) =>
      polyline(
        points.map(([at, us]) => [x(at), y(us)]),
        curveClass(row),
      ),
    ),
    ...labels(curves, y),
  ]
  const rate = scenario.notes.find(note => note.startsWith('latency at '))
  return svgDocument(scenario.title, rate ?? 'latency at a fixed rate', TOP + HEIGHT + 40, marks)
}

function labels(curves: readonly Curve[], y: (latencyUs: number) => number): string[] {
  const ends = curves.map(({ points }) => y(points.at(-1)?.[1] ?? 1))
  const places = spreadApart(ends, LABEL_GAP, TOP, TOP + HEIGHT)
  return curves.flatMap(({ row, points }, index) => {
    const [end = 0, place = 0] = [ends[index], places[index]]
    const latency = durationText(points.at(-1)?.[1] ?? Number.NaN)
    const classes = row.kind === 'sluice' ? 'sluice' : row.peer === 'nginx' ? '' : 'quiet'
    return [
      line(WIDTH - RIGHT + 3, end, WIDTH - RIGHT + 15, place, 'leader'),
      text(WIDTH - RIGHT + 19, place + 4, `${row.contestant} · ${latency}`, classes),
    ]
  })
}

/** 90 % is 1, 99 % is 2, 99.9 % is 3. */
function nines(percentile: number): number {
  return -Math.log10(1 - percentile / 100)
}

function weight({ kind, peer }: Row): number {
  return kind === 'sluice' ? 2 : peer === 'nginx' ? 1 : 0
}

function curveClass({ kind, peer }: Row): string {
  const role = kind === 'sluice' ? ' own' : peer === 'nginx' ? ' yardstick' : kind === 'direct' ? ' direct' : ''
  return `curve${role}`
}

function durationText(us: number): string {
  const [value, unit] = us >= 1e6 ? [us / 1e6, 's'] : us >= 1000 ? [us / 1000, 'ms'] : [us, 'µs']
  const decimals = value >= 100 || Number.isInteger(value) ? 0 : value >= 10 ? 1 : 2
  return `${value.toFixed(decimals)} ${unit}`
}
