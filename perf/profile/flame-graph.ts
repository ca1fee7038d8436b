/**
 * A flame graph that stands by itself: one SVG file, with the few lines of script that zoom and search in it. A box is a
 * call, as wide as the time it took with what it called; below it is what called it.
 */
import type { Call } from './cpu-profile.ts'

const WIDTH = 1600
const MARGIN = 10
const ROW_HEIGHT = 18
const HEADER_HEIGHT = 64

/** Boxes narrower than this are left out: nobody sees them. */
const WIDTH_MIN = 0.3

/** Width of a letter of the font below, on average. */
const LETTER_WIDTH = 6.6

interface Box {
  readonly call: Call
  readonly depth: number
  readonly x: number
  readonly width: number
}

/** `title` says what was measured. Idle time is left out. */
export function flameGraph(root: Call, title: string): string {
  const merged = mergeCalls([root])[0] as Call
  const boxes: Box[] = []
  placeBoxes(merged, 0, MARGIN, (WIDTH - 2 * MARGIN) / Math.max(merged.totalUs, 1), boxes)
  const depth = boxes.reduce((deepest, box) => Math.max(deepest, box.depth), 0) + 1
  const height = HEADER_HEIGHT + depth * ROW_HEIGHT + MARGIN
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">
<style>
text { font: 11px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1a1a1a; pointer-events: none }
.title { font-size: 14px }
.button { pointer-events: auto; cursor: pointer; text-decoration: underline }
#boxes g { cursor: pointer }
#boxes rect { stroke: #ffffff; stroke-width: 0.6 }
#boxes g:hover rect { stroke: #000000 }
#boxes g.found rect { fill: #d63cd6 }
#boxes g.below rect { opacity: 0.45 }
</style>
<rect width="100%" height="100%" fill="#ffffff"/>
<text class="title" x="${MARGIN}" y="20">${escapeXml(title)}</text>
<text class="button" id="back" x="${WIDTH - 190}" y="20">whole</text>
<text class="button" id="search" x="${WIDTH - 120}" y="20">search</text>
${legend(merged)}
<text id="details" x="${MARGIN}" y="${HEADER_HEIGHT - 8}">click a box to zoom into it</text>
<g id="boxes">
${boxes.map(box => drawBox(box, height, merged.totalUs)).join('\n')}
</g>
<script><![CDATA[
${SCRIPT}
]]></script>
</svg>
`
}

/** Calls of the same function from the same place, in one; idle time taken out. */
function mergeCalls(calls: readonly Call[]): Call[] {
  const groups = new Map<string, Call[]>()
  for (const call of calls) {
    if (call.frame.name === '(idle)') continue
    const key = `${call.frame.name} ${call.frame.place}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [call])
    else group.push(call)
  }
  const merged = [...groups.values()].map(group => {
    const [first] = group as [Call]
    const children = mergeCalls(group.flatMap(call => call.children))
    const selfUs = group.reduce((sum, call) => sum + call.selfUs, 0)
    return { frame: first.frame, selfUs, totalUs: children.reduce((sum, call) => sum + call.totalUs, selfUs), children }
  })
  return merged.toSorted((a, b) => a.frame.name.localeCompare(b.frame.name, 'en'))
}

function placeBoxes(call: Call, depth: number, x: number, widthPerUs: number, boxes: Box[]): void {
  const width = call.totalUs * widthPerUs
  if (width < WIDTH_MIN) return
  boxes.push({ call, depth, x, width })
  let left = x
  for (const child of call.children) {
    placeBoxes(child, depth + 1, left, widthPerUs, boxes)
    left += child.totalUs * widthPerUs
  }
}

function drawBox({ call, depth, x, width }: Box, height: number, totalUs: number): string {
  const y = height - MARGIN - (depth + 1) * ROW_HEIGHT
  const { frame } = call
  const label = frame.name === '(root)' ? 'all' : frame.name
  const share = (us: number): string => `${((us / Math.max(totalUs, 1)) * 100).toFixed(2)} %`
  const place = frame.place === '' ? '' : `  ${frame.place}`
  const details = `${label}${place}  total ${share(call.totalUs)}  self ${share(call.selfUs)}`
  const letters = Math.floor((width - 6) / LETTER_WIDTH)
  const text = letters < 2 ? '' : label.length <= letters ? label : `${label.slice(0, letters - 1)}…`
  return (
    `<g data-x="${x.toFixed(2)}" data-width="${width.toFixed(2)}" data-depth="${depth}" data-label="${escapeXml(label)}">` +
    `<title>${escapeXml(details)}</title>` +
    `<rect x="${x.toFixed(2)}" y="${y}" width="${width.toFixed(2)}" height="${ROW_HEIGHT - 1}" fill="${colourOf(frame.room)}"/>` +
    `<text x="${(x + 3).toFixed(2)}" y="${y + 13}">${escapeXml(text)}</text></g>`
  )
}

const COLOURS: readonly (readonly [room: string, colour: string])[] = [
  ['engine/net', '#7fb3e8'],
  ['engine/http1', '#f2a65a'],
  ['engine/exchange', '#8fcf8a'],
  ['engine/upstream', '#e88a8a'],
  ['engine/routing', '#d9c75c'],
  ['engine/shared', '#b7a3e3'],
  ['engine/threads', '#79cfc4'],
  ['src', '#e3a3d0'],
  ['wasm', '#c9a46b'],
  ['node', '#c9c9c9'],
  ['native', '#dedede'],
  ['(program)', '#ececec'],
  ['(garbage collector)', '#b0b0b0'],
]

const OTHER_COLOUR = '#f5e6c8'

function colourOf(room: string): string {
  return COLOURS.find(([name]) => name === room)?.[1] ?? OTHER_COLOUR
}

/** The rooms that are in the picture. */
function legend(root: Call): string {
  const rooms = new Set<string>()
  const visit = (call: Call): void => {
    rooms.add(call.frame.room)
    for (const child of call.children) visit(child)
  }
  visit(root)
  let x = MARGIN
  return COLOURS.filter(([room]) => rooms.has(room))
    .map(([room, colour]) => {
      const entry = `<rect x="${x}" y="29" width="11" height="11" fill="${colour}"/><text x="${x + 15}" y="39">${room}</text>`
      x += 30 + room.length * LETTER_WIDTH
      return entry
    })
    .join('\n')
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll(/[\0-\x08\x0b\x0c\x0e-\x1f]/g, '?')
}

/** Runs in the browser. */
const SCRIPT = `
const MARGIN = ${MARGIN}, WIDTH = ${WIDTH - 2 * MARGIN}, LETTER = ${LETTER_WIDTH}
const boxes = [...document.querySelectorAll('#boxes > g')].map(g => ({
  g, rect: g.querySelector('rect'), text: g.querySelector('text'), label: g.dataset.label,
  x: Number(g.dataset.x), width: Number(g.dataset.width), depth: Number(g.dataset.depth),
}))
const details = document.getElementById('details')
function zoom(to) {
  const scale = WIDTH / to.width
  for (const box of boxes) {
    const isAncestor = box.depth < to.depth && box.x <= to.x + 0.01 && box.x + box.width >= to.x + to.width - 0.01
    const isWithin = box.depth >= to.depth && box.x >= to.x - 0.01 && box.x + box.width <= to.x + to.width + 0.01
    box.g.style.display = isAncestor || isWithin ? '' : 'none'
    box.g.classList.toggle('below', isAncestor)
    const x = isAncestor ? MARGIN : MARGIN + (box.x - to.x) * scale
    const width = isAncestor ? WIDTH : box.width * scale
    box.rect.setAttribute('x', x)
    box.rect.setAttribute('width', width)
    box.text.setAttribute('x', x + 3)
    const letters = Math.floor((width - 6) / LETTER)
    box.text.textContent =
      letters < 2 ? '' : box.label.length <= letters ? box.label : box.label.slice(0, letters - 1) + '…'
  }
}
for (const box of boxes) {
  box.g.addEventListener('click', () => zoom(box))
  box.g.addEventListener('mouseenter', () => { details.textContent = box.g.querySelector('title').textContent })
}
document.getElementById('back').addEventListener('click', () => zoom(boxes[0]))
document.getElementById('search').addEventListener('click', () => {
  const wanted = prompt('Part of a name or of a place') ?? ''
  for (const box of boxes) {
    box.g.classList.toggle('found', wanted !== '' && box.g.querySelector('title').textContent.includes(wanted))
  }
})`.trim()
