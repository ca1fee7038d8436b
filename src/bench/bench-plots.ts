import { formatCount, formatLatency } from './format.ts'
import { type Axis, axisFromZero, linePlot, type Series } from './plot.ts'
import { type CoursePoint, decodeHistogram, type LatencySummary, valueAt } from './result.ts'

/** The two plots of a report: latency by percentile, and the run over time. */

export interface NamedLatency {
  readonly name: string
  readonly latency: LatencySummary
}

/** How finely the lines are drawn. */
const STEPS_PER_DECADE = 40
const DECADES_MAX = 6

/**
 * Latency by percentile on HdrHistogram's axis: each step to the right is a tenth of what was left to 100 %, so that
 * the tail has room. Lines end at the last request.
 */
export function percentilePlot(runs: readonly NamedLatency[]): string {
  const decades = Math.max(1, ...runs.map(({ latency }) => decadesOf(latency)))
  const highest = Math.max(...runs.map(({ latency }) => latency.maxUs))
  const ticks = Array.from({ length: Math.floor(decades) + 1 }, (_, at) => ({ at, label: percentileLabel(at) }))
  const x: Axis = { title: 'percentile of requests', min: 0, max: decades, ticks }
  const description = `Latency by percentile: ${runs.map(run => run.name).join(', ')}`
  return linePlot(description, x, axisFromZero('latency', highest, labelOfUs), runs.map(percentileSeries))
}

export function throughputPlot(course: readonly CoursePoint[]): string {
  const points = course.map(({ atMs, answered }, index): [number, number] => {
    const lengthMs = atMs - (course[index - 1]?.atMs ?? 0)
    return [atMs / 1000, lengthMs > 0 ? (answered * 1000) / lengthMs : 0]
  })
  const y = axisFromZero('requests/s', highestOf(points), formatCount)
  return linePlot('Requests per second over time', timeAxis(course), y, [{ name: 'answers/s', points }])
}

export function latencyOverTimePlot(course: readonly CoursePoint[]): string {
  const answered = course.filter(point => point.answered > 0)
  const p99 = answered.map(({ atMs, latencyUsP99 }): [number, number] => [atMs / 1000, latencyUsP99])
  const p50 = answered.map(({ atMs, latencyUsP50 }): [number, number] => [atMs / 1000, latencyUsP50])
  const y = axisFromZero('latency', highestOf(p99), labelOfUs)
  return linePlot('Latency over time', timeAxis(course), y, [
    { name: 'p99', points: p99 },
    { name: 'p50', points: p50 },
  ])
}

function percentileSeries({ name, latency }: NamedLatency): Series {
  const histogram = decodeHistogram(latency.histogram)
  const decades = decadesOf(latency)
  const steps = Math.ceil(decades * STEPS_PER_DECADE)
  const points = Array.from({ length: steps + 1 }, (_, step): [number, number] => {
    const at = (decades * step) / steps
    // The end of the line is the slowest request, whatever rounding says.
    return [at, step === steps ? latency.maxUs : valueAt(histogram, 100 * (1 - 10 ** -at), latency.maxUs)]
  })
  return { name, points }
}

/** How far to the right the requests reach: 1000 of them know the 99.9th percentile. */
function decadesOf({ count }: LatencySummary): number {
  return Math.min(DECADES_MAX, Math.max(1, Math.log10(Math.max(1, count))))
}

function percentileLabel(decade: number): string {
  if (decade === 0) return '0 %'
  return `${decade <= 2 ? 100 - 100 / 10 ** decade : (100 - 100 / 10 ** decade).toFixed(decade - 2)} %`
}

function timeAxis(course: readonly CoursePoint[]): Axis {
  const seconds = (course.at(-1)?.atMs ?? 1000) / 1000
  const axis = axisFromZero('seconds since measuring began', seconds, value => String(Number(value.toPrecision(6))))
  return { ...axis, max: seconds, ticks: axis.ticks.filter(tick => tick.at <= seconds) }
}

function highestOf(points: readonly (readonly [number, number])[]): number {
  return points.reduce((highest, [, y]) => Math.max(highest, y), 0)
}

function labelOfUs(latencyUs: number): string {
  return latencyUs === 0 ? '0' : formatLatency(latencyUs)
}
