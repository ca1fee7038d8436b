import { describe, expect, it } from 'vitest'
import { type CpuProfile, callTree, parseProfile } from '../../perf/profile/cpu-profile.ts'
import { flameGraph } from '../../perf/profile/flame-graph.ts'
import { formatTimes, listTimes } from '../../perf/profile/top-list.ts'

const ROOT = '/sources/sluice/'

function node(id: number, functionName: string, url: string, lineNumber: number, children: number[] = []) {
  return { id, callFrame: { functionName, url, lineNumber, scriptId: '0', columnNumber: 0 }, hitCount: 0, children }
}

/**
 * In microseconds: write 400 (of which 300 native), parse 200 (which calls itself for 50 of it), the collector 100, the
 * program 50, idle 250.
 */
const PROFILE: CpuProfile = {
  nodes: [
    node(1, '(root)', '', -1, [2, 3, 4, 5]),
    node(2, '(program)', '', -1),
    node(3, '(idle)', '', -1),
    node(4, '(garbage collector)', '', -1),
    node(5, 'onRead', 'file:///sources/sluice/engine/net/connection.ts', 363, [6, 8]),
    node(6, 'write', 'file:///sources/sluice/engine/net/connection.ts', 147, [7]),
    node(7, 'writeBuffer', '', -1),
    node(8, 'parse<T>&"x"', 'file:///sources/sluice/engine/http1/message-parser.ts', 143, [9]),
    node(9, 'parse<T>&"x"', 'file:///sources/sluice/engine/http1/message-parser.ts', 143),
  ],
  startTime: 1000,
  endTime: 2000,
  samples: [6, 7, 8, 9, 4, 2, 3],
  timeDeltas: [0, 100, 300, 150, 50, 100, 50],
}

describe('a profile', () => {
  const times = listTimes(callTree(PROFILE, ROOT))

  it('becomes a list of functions by the time spent in themselves', () => {
    expect(times.functions.map(({ frame, selfUs, totalUs }) => [frame.name, frame.place, selfUs, totalUs])).toEqual([
      ['writeBuffer', '', 300, 300],
      ['parse<T>&"x"', 'engine/http1/message-parser.ts:144', 200, 200],
      ['write', 'engine/net/connection.ts:148', 100, 400],
      ['onRead', 'engine/net/connection.ts:364', 0, 600],
    ])
  })

  it('has idleness, collector and program apart from functions', () => {
    expect(times).toMatchObject({ busyUs: 750, idleUs: 250 })
    expect(times.outside.map(({ frame, selfUs }) => [frame.name, selfUs])).toEqual([
      ['(garbage collector)', 100],
      ['(program)', 50],
    ])
  })

  it('tells which rooms the time is spent in', () => {
    expect(times.rooms).toEqual([
      { room: 'native', selfUs: 300 },
      { room: 'engine/http1', selfUs: 200 },
      { room: 'engine/net', selfUs: 100 },
    ])
  })

  it('is printed with shares of the busy time, as long as was asked for', () => {
    const lines = formatTimes(times, 2).split('\n')
    expect(lines[0]).toBe('busy 1 ms, waiting and reading 0 ms; shares are of the busy time')
    expect(lines).toContain(' 40.0 %  40.0 %  writeBuffer  native')
    expect(lines).toContain(' 26.7 %  26.7 %  parse<T>&"x"  engine/http1/message-parser.ts:144')
    expect(lines).toContain(' 13.3 %  (garbage collector)')
    expect(lines.filter(line => line.includes('connection.ts'))).toEqual([])
  })

  it('counts samples that came out of order for nothing, not for less than that', () => {
    const odd = { ...PROFILE, timeDeltas: [0, 100, 300, 150, -50, 100, 50] }
    for (const { selfUs } of listTimes(callTree(odd, ROOT)).functions) expect(selfUs).toBeGreaterThanOrEqual(0)
  })

  it('without samples is refused', () => {
    expect(() => parseProfile('{"nodes":[]}')).toThrow('this is no CPU profile with samples')
    expect(parseProfile(JSON.stringify(PROFILE))).toEqual(PROFILE)
  })
})

/** Checks that tags are balanced and attributes quoted, and gives the elements' names. */
function elementsOf(xml: string): string[] {
  const open: string[] = []
  const all: string[] = []
  const withoutScript = xml.replace(/<!\[CDATA\[[\s\S]*?\]\]>/g, '').replace(/^<\?xml[^>]*\?>\s*/, '')
  const texts = withoutScript.replace(
    /<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<&]*(?:&\w+;[^"<&]*)*")*)\s*(\/?)>/gi,
    (...match) => {
      const [, isEnd, name, , isEmpty] = match as string[]
      if (isEnd === '/') expect(open.pop()).toBe(name)
      else {
        all.push(name!)
        if (isEmpty !== '/') open.push(name!)
      }
      return ''
    },
  )
  expect(open).toEqual([])
  expect(texts.replaceAll(/&(?:amp|lt|gt|quot);/g, '')).not.toMatch(/[<&]/)
  return all
}

describe('a flame graph', () => {
  const svg = flameGraph(callTree(PROFILE, ROOT), 'bare <load> & "more"')

  it('is well-formed, whatever functions and titles are called', () => {
    const elements = elementsOf(svg)
    expect(elements[0]).toBe('svg')
    // A box for each call but idleness.
    expect(elements.filter(name => name === 'g').length).toBe(1 + PROFILE.nodes.length - 1)
    expect(svg).toContain('bare &lt;load&gt; &amp; &quot;more&quot;')
    expect(svg).toContain('parse&lt;T&gt;')
    expect(svg).not.toContain('(idle)')
  })

  it('needs nothing from elsewhere', () => {
    expect([...svg.matchAll(/\b(?:https?:)?\/\/[\w.]+/g)].map(match => match[0])).toEqual(['http://www.w3.org'])
  })

  it('has boxes as wide as their share of the busy time', () => {
    const widths = [...svg.matchAll(/data-width="([\d.]+)" data-depth="(\d+)" data-label="([^"]*)"/g)]
    const all = Number(widths.find(([, , depth]) => depth === '0')![1])
    const share = (label: string): number => Number(widths.find(match => match[3] === label)![1]) / all
    expect(share('onRead')).toBeCloseTo(600 / 750, 4)
    expect(share('writeBuffer')).toBeCloseTo(300 / 750, 4)
    expect(share('(garbage collector)')).toBeCloseTo(100 / 750, 4)
  })

  it('of a thread that was never busy is a picture all the same', () => {
    const idle = { ...PROFILE, samples: [3], timeDeltas: [0] }
    expect(elementsOf(flameGraph(callTree(idle, ROOT), 'idle'))[0]).toBe('svg')
  })
})
