/** The headline of a scenario as bars, stacked where it is a sum, with the spread of the rounds. */
import { numberText, quantityText } from '../frame/numbers.ts'
import type { Measure, Row, ScenarioResult } from '../frame/results.ts'
import { headlineOf, ratiosOf, spreadIn } from './figures.ts'
import { line, linearTicks, rectangle, svgDocument, text, WIDTH } from './svg.ts'

const LEFT = 210
const RIGHT = 190
const TOP = 92
const ROW = 34
const BAR = 20

/** Of a shade and its name. */
const KEY_WIDTH = 84

interface Scale {
  readonly ticks: readonly number[]
  at(value: number): number
}

/** Null where no row has the figure. */
export function renderBarPlot(scenario: ScenarioResult): string | null {
  const headline = headlineOf(scenario)
  const rows = scenario.rows.filter(row => row.kind !== 'direct')
  const maxima = rows.flatMap(row => spreadIn(row, headline.key)?.maximum ?? [])
  if (maxima.length === 0) return null
  const ticks = linearTicks(Math.max(...maxima), 7)
  const width = WIDTH - LEFT - RIGHT
  const scale: Scale = { ticks, at: value => LEFT + (value / (ticks.at(-1) || 1)) * width }
  const bottom = TOP + rows.length * ROW
  const marks = [
    ...axis(scale, bottom, headline.unit),
    ...rows.flatMap((row, index) => bar(scenario, row, TOP + index * ROW, scale)),
    ...yardstick(scenario, headline, scale, bottom),
    ...partNames(scenario, headline),
  ]
  const better = headline.better === 'less' ? 'less is better' : 'more is better'
  return svgDocument(scenario.title, `${headline.title}, ${headline.unit}; ${better}`, bottom + 40, marks)
}

function axis({ ticks, at }: Scale, bottom: number, unit: string): string[] {
  return ticks.flatMap((tick, index) => [
    line(at(tick), TOP - 6, at(tick), bottom, 'grid'),
    text(at(tick), bottom + 18, tickText(tick, index === ticks.length - 1 ? unit : ''), 'quiet small', 'middle'),
  ])
}

function tickText(value: number, unit: string): string {
  const number = value.toLocaleString('en-US', { maximumFractionDigits: 2 })
  return unit === '' ? number : `${number} ${unit}`
}

function bar(scenario: ScenarioResult, row: Row, y: number, { at }: Scale): string[] {
  const { key, unit, parts = [] } = headlineOf(scenario)
  const isOwn = row.kind === 'sluice'
  const own = isOwn ? ' own' : ''
  const middle = y + BAR / 2
  const name = text(LEFT - 12, middle + 4.5, row.contestant, isOwn ? 'sluice' : '', 'end')
  const spread = spreadIn(row, key)
  if (spread === null)
    return [name, text(LEFT + 6, middle + 4.5, row.failed === null ? 'no figure' : 'failed', 'quiet')]
  const marks = [name]
  if (parts.length === 0) marks.push(rectangle(LEFT, y, at(spread.median) - LEFT, BAR, `bar${own}`))
  let start = 0
  for (const [index, part] of parts.entries()) {
    const value = spreadIn(row, part)?.median ?? 0
    marks.push(rectangle(at(start), y, at(start + value) - at(start), BAR, `bar${own}${index === 0 ? '' : ' light'}`))
    start += value
  }
  marks.push(line(at(spread.minimum), middle, at(spread.maximum), middle, 'range'))
  const end = at(Math.max(spread.maximum, spread.median, start)) + 8
  const { toYardstick } = ratiosOf(scenario, row)
  const ratio = toYardstick === null ? '' : ` · ${numberText(toYardstick.median)} × nginx`
  marks.push(text(end, middle + 4.5, `${quantityText(spread.median, unit)}${ratio}`, isOwn ? 'sluice' : 'quiet'))
  return marks
}

/** A line down the plot at what nginx has. */
function yardstick(scenario: ScenarioResult, { key }: Measure, { at }: Scale, bottom: number): string[] {
  const row = scenario.rows.find(({ peer, variant }) => peer === 'nginx' && variant === '')
  const spread = row === undefined ? null : spreadIn(row, key)
  return spread === null ? [] : [line(at(spread.median), TOP - 6, at(spread.median), bottom, 'rule')]
}

/** What the shades are, in the corner. */
function partNames({ measures }: ScenarioResult, { parts = [] }: Measure): string[] {
  return parts.flatMap((part, index) => {
    const x = WIDTH - 24 - (parts.length - index) * KEY_WIDTH
    const title = measures.find(({ key }) => key === part)?.title ?? part
    const shade = index === 0 ? '' : ' light'
    const swatches = [rectangle(x, 45, 10, 11, `bar own${shade}`), rectangle(x + 12, 45, 10, 11, `bar${shade}`)]
    return [...swatches, text(x + 28, 55, title, 'quiet small')]
  })
}
