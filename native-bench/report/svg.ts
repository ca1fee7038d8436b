/** The little SVG that plots are made of. Colours follow the reader's light or dark theme; there is one accent, Sluice's. */

export const WIDTH = 860

const STYLE = `
text { font-family: system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; font-size: 13px; fill: var(--ink) }
.title { font-size: 17px; font-weight: 600 }
.quiet { fill: var(--quiet) } .small { font-size: 11.5px }
.sluice { fill: var(--accent); font-weight: 600 }
.grid { stroke: var(--grid); stroke-width: 1 } .rule { stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 2 3 }
.bar { fill: var(--bar) } .bar.light { fill: var(--bar-light) }
.bar.own { fill: var(--accent) } .bar.own.light { fill: var(--accent-light) }
.range { stroke: var(--ink); stroke-width: 1.25; opacity: 0.75 } .leader { stroke: var(--grid); stroke-width: 1 }
.curve { fill: none; stroke-width: 1.5; stroke-linejoin: round; stroke: var(--bar) }
.curve.own { stroke: var(--accent); stroke-width: 3 } .curve.yardstick { stroke: var(--ink); stroke-width: 2 }
.curve.direct { stroke-dasharray: 3 4 }
.dot { fill: var(--bar) } .dot.own { fill: var(--accent) } .range.own { stroke: var(--accent); stroke-width: 3; opacity: 0.4 }
svg { --paper: #ffffff; --ink: #24292f; --quiet: #6a737d; --grid: #e1e4e8; --bar: #98a1ab; --bar-light: #cdd3d9;
  --accent: #0b74c4; --accent-light: #86bfe9 }
@media (prefers-color-scheme: dark) {
  svg { --paper: #0d1117; --ink: #e6edf3; --quiet: #9aa4af; --grid: #2b323b; --bar: #78828d; --bar-light: #454e58;
    --accent: #4aa8f0; --accent-light: #22598a }
}
`

/** A whole plot: title and subtitle, and the marks below them. */
export function svgDocument(title: string, subtitle: string, height: number, marks: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>${escapeXml(`${title}: ${subtitle}`)}</title>
<style>${escapeXml(STYLE)}</style>
<rect width="${WIDTH}" height="${height}" rx="8" style="fill: var(--paper)"/>
${text(24, 34, title, 'title')}
${text(24, 55, subtitle, 'quiet')}
${marks.join('\n')}
</svg>
`
}

export type Anchor = 'start' | 'middle' | 'end'

export function text(x: number, y: number, content: string, classes = '', anchor: Anchor = 'start'): string {
  return `<text x="${round(x)}" y="${round(y)}" class="${classes}" text-anchor="${anchor}">${escapeXml(content)}</text>`
}

export function line(x1: number, y1: number, x2: number, y2: number, classes: string): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" class="${classes}"/>`
}

export function rectangle(x: number, y: number, width: number, height: number, classes: string): string {
  const size = `width="${round(Math.max(0, width))}" height="${round(height)}"`
  return `<rect x="${round(x)}" y="${round(y)}" ${size} rx="2" class="${classes}"/>`
}

export function dot(x: number, y: number, radius: number, classes: string): string {
  return `<circle cx="${round(x)}" cy="${round(y)}" r="${radius}" class="${classes}"/>`
}

export function polyline(points: readonly (readonly [x: number, y: number])[], classes: string): string {
  const list = points.map(([x, y]) => `${round(x)},${round(y)}`).join(' ')
  return `<polyline points="${list}" class="${classes}"/>`
}

export function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** Values that are read easily, from 0 to at least `maximum`, in about `count` steps. */
export function linearTicks(maximum: number, count: number): number[] {
  if (!(maximum > 0)) return [0]
  const rough = maximum / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map(factor => factor * power).find(candidate => candidate >= rough) ?? 10 * power
  return Array.from({ length: Math.ceil(maximum / step) + 1 }, (_, index) => index * step)
}

/** 1, 2 and 5 of each power of ten between the two, those just outside of them included. */
export function logarithmicTicks(minimum: number, maximum: number): number[] {
  const all: number[] = []
  for (let power = Math.floor(Math.log10(minimum)); power <= Math.ceil(Math.log10(maximum)); power += 1) {
    all.push(...[1, 2, 5].map(factor => factor * 10 ** power))
  }
  const first = all.findLastIndex(value => value <= minimum)
  const last = all.findIndex(value => value >= maximum)
  return all.slice(Math.max(0, first), last === -1 ? undefined : last + 1)
}

/** Moves labels apart, so that none is nearer to the next than `gap`; the order stays. */
export function spreadApart(positions: readonly number[], gap: number, minimum: number, maximum: number): number[] {
  const order = positions.map((_, index) => index).toSorted((a, b) => (positions[a] ?? 0) - (positions[b] ?? 0))
  const placed = [...positions]
  let lowest = minimum
  for (const index of order) {
    placed[index] = Math.max(placed[index] ?? 0, lowest)
    lowest = (placed[index] ?? 0) + gap
  }
  let highest = maximum
  for (const index of order.toReversed()) {
    placed[index] = Math.min(placed[index] ?? 0, highest)
    highest = (placed[index] ?? 0) - gap
  }
  return placed
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
