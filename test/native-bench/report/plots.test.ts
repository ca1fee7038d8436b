import { describe, expect, it } from 'vitest'
import { renderBarPlot } from '../../../native-bench/report/bar-plot.ts'
import { renderLatencyPlot } from '../../../native-bench/report/latency-plot.ts'
import { renderOverviewPlot } from '../../../native-bench/report/overview-plot.ts'
import { linearTicks, logarithmicTicks, spreadApart } from '../../../native-bench/report/svg.ts'
import { FULL, resultsOf, rowOf, scenarioOf } from './fixture.ts'

const TAG = /<(\/?)([a-z]+)((?:\s[a-zA-Z:0-9-]+="[^"<]*")*)\s*(\/?)>/y
const TEXT = /(?:[^<&]|&(?:amp|lt|gt|quot);)+/y

/** Throws unless tags are balanced, attributes quoted and nothing is left unescaped. */
function checkXml(text: string): void {
  const open: string[] = []
  let at = 0
  while (at < text.length) {
    TAG.lastIndex = at
    TEXT.lastIndex = at
    const tag = TAG.exec(text)
    const found = tag ?? TEXT.exec(text)
    if (found === null) throw new Error(`no XML at: ${text.slice(at, at + 60)}`)
    at += found[0].length
    if (tag === null) continue
    const [, closes, name, , isEmpty] = tag
    if (closes === '/' && open.pop() !== name) throw new Error(`</${name}> closes something else`)
    if (closes === '' && isEmpty === '') open.push(name!)
  }
  if (open.length > 0) throw new Error(`left open: ${open.join(', ')}`)
}

function numbersIn(svg: string): string[] {
  return [...svg.matchAll(/(?:x|y|x1|x2|y1|y2|width|height|cx|cy|points)="([^"]*)"/g)].map(([, value]) => value!)
}

describe('the plots', () => {
  it.each([
    ['figure', renderBarPlot(FULL)],
    ['latency', renderLatencyPlot(FULL)],
    ['overview', renderOverviewPlot(resultsOf([FULL]))],
  ])('of %s are well-formed, with numbers for coordinates', (_, svg) => {
    expect(() => checkXml(svg ?? '')).not.toThrow()
    for (const value of numbersIn(svg ?? '')) expect(value).toMatch(/^[-\d., ]+$/)
  })

  it('name every contestant with its figure, and those that failed', () => {
    const svg = renderBarPlot(FULL) ?? ''
    expect(svg).toContain('Requests &lt;bare&gt; &amp; &quot;small&quot;')
    for (const label of ['>sluice<', '>sluice, pipelining 8<', '>nginx<', '>httpxy<', '>bun<', '>failed<', '>user<']) {
      expect(svg).toContain(label)
    }
    expect(svg).toContain('12.0 µs · 1.20 × nginx')
  })

  it('stack the parts of the figure, Sluice in the accent', () => {
    const svg = renderBarPlot(FULL) ?? ''
    expect(svg.match(/class="bar own"/g)?.length).toBe(3)
    expect(svg.match(/class="bar own light"/g)?.length).toBe(3)
  })

  it('label each latency curve at its end, the floor among them', () => {
    const svg = renderLatencyPlot(FULL) ?? ''
    for (const label of ['sluice · 1.20 ms', 'nginx · 1 ms', 'httpxy · 4 ms', 'direct · 400 µs', 'p99.9']) {
      expect(svg).toContain(label)
    }
    expect(svg.match(/<polyline/g)?.length).toBe(5)
  })

  it('show Sluice in multiples of nginx at a glance', () => {
    const svg = renderOverviewPlot(resultsOf([FULL])) ?? ''
    expect(svg).toContain('>h1-bare<')
    expect(svg).toContain('>1.20<')
    expect(svg).toContain('best Node peer')
  })

  it('are none where there is nothing to show', () => {
    const alone = scenarioOf([rowOf('sluice', 'sluice', [12])])
    expect(renderLatencyPlot(alone)).toBeNull()
    expect(renderOverviewPlot(resultsOf([alone]))).toBeNull()
    expect(renderBarPlot(scenarioOf([]))).toBeNull()
  })
})

describe('an axis', () => {
  it('has round values from 0 to past the maximum', () => {
    expect(linearTicks(104, 5)).toEqual([0, 50, 100, 150])
    expect(linearTicks(0.03, 3)).toEqual([0, 0.01, 0.02, 0.03])
    expect(linearTicks(0, 3)).toEqual([0])
  })

  it('that is logarithmic has 1, 2 and 5 around what there is', () => {
    expect(logarithmicTicks(30, 800)).toEqual([20, 50, 100, 200, 500, 1000])
    expect(logarithmicTicks(1, 2)).toEqual([1, 2])
  })

  it('keeps labels apart and in their order', () => {
    expect(spreadApart([10, 11, 50], 16, 0, 100)).toEqual([10, 26, 50])
    expect(spreadApart([98, 99], 16, 0, 100)).toEqual([84, 100])
  })
})
