/** The parts that plots are made of: scales, ticks and SVG as text. */

export const PLOT = { width: 860, height: 380, left: 64, right: 116, top: 16, bottom: 44 } as const

export interface Series {
  readonly name: string
  /** In the plot's own units, by rising x. */
  readonly points: readonly (readonly [x: number, y: number])[]
}

export interface Axis {
  readonly title: string
  readonly min: number
  readonly max: number
  readonly ticks: readonly { readonly at: number; readonly label: string }[]
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** From 0 to a round number at or above `highest`, with about five ticks. */
export function axisFromZero(title: string, highest: number, labelOf: (value: number) => string): Axis {
  const rough = (highest > 0 ? highest : 1) / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 2.5, 5, 10].find(factor => factor * power >= rough) ?? 10) * power
  const count = Math.ceil((highest > 0 ? highest : 1) / step)
  const ticks = Array.from({ length: count + 1 }, (_, index) => ({ at: index * step, label: labelOf(index * step) }))
  return { title, min: 0, max: count * step, ticks }
}

/** Lines over a grid, each named at its end. The colours come from the page: `.series-1`, `.series-2`. */
export function linePlot(description: string, x: Axis, y: Axis, series: readonly Series[]): string {
  const { width, height, left, right, top, bottom } = PLOT
  const xOf = (value: number) => left + ((value - x.min) / (x.max - x.min)) * (width - left - right)
  const yOf = (value: number) => height - bottom - ((value - y.min) / (y.max - y.min)) * (height - top - bottom)
  const pixel = (value: number) => value.toFixed(1)
  const grid = [
    ...y.ticks.map(({ at, label }) => {
      const py = pixel(yOf(at))
      return `<line class="grid" x1="${left}" x2="${width - right}" y1="${py}" y2="${py}"/><text class="tick" x="${left - 8}" y="${py}" dy="0.32em" text-anchor="end">${escapeHtml(label)}</text>`
    }),
    ...x.ticks.map(({ at, label }) => {
      const px = pixel(xOf(at))
      return `<line class="grid" x1="${px}" x2="${px}" y1="${top}" y2="${height - bottom}"/><text class="tick" x="${px}" y="${height - bottom + 18}" text-anchor="middle">${escapeHtml(label)}</text>`
    }),
  ]
  const lines = series.map(({ points }, index) => {
    const path = points
      .map(([px, py], place) => `${place === 0 ? 'M' : 'L'}${pixel(xOf(px))} ${pixel(yOf(py))}`)
      .join('')
    return `<path class="line series-${index + 1}" d="${path}"/>`
  })
  return [
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(description)}">`,
    ...grid,
    `<text class="axis" x="${left}" y="${height - 6}">${escapeHtml(x.title)}</text>`,
    ...lines,
    ...endLabels(series, yOf),
    '</svg>',
  ].join('\n')
}

const NAME_GAP = 18

/** Names at the right, each at the height at which its line ends, moved apart where they would lie on each other. */
function endLabels(series: readonly Series[], yOf: (y: number) => number): string[] {
  const x = PLOT.width - PLOT.right + 14
  const names = series
    .flatMap(({ name, points }, index) => {
      const end = points.at(-1)
      return end === undefined ? [] : [{ name, index, y: yOf(end[1]) }]
    })
    .toSorted((one, other) => one.y - other.y)
  const heights = apart(names.map(name => name.y))
  return names.map(({ name, index }, place) => {
    const height = (heights[place] ?? 0).toFixed(1)
    const dot = `<circle class="dot series-${index + 1}" cx="${x}" cy="${height}" r="4"/>`
    return `${dot}<text class="name" x="${x + 10}" y="${height}" dy="0.32em">${escapeHtml(name)}</text>`
  })
}

/** Rising heights with a gap between neighbours, all of them above the bottom of the plot. */
function apart(heights: readonly number[]): number[] {
  let limit = PLOT.height - PLOT.bottom
  const raised = heights.toReversed().map(height => {
    const raisedTo = Math.min(height, limit)
    limit = raisedTo - NAME_GAP
    return raisedTo
  })
  return raised.toReversed()
}
