import { describe, expect, test } from 'vitest'
import { compareTargets, isComparisonFlawless, type RunPlace } from '../../../src/bench/compare.ts'
import { htmlComparison } from '../../../src/bench/report-html.ts'
import { textComparison } from '../../../src/bench/report-text.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import { httpOrigin } from './origin.ts'

describe('two targets', () => {
  test('have their turns in alternating order, and the ratio is of the rounds', async () => {
    const order: string[] = []
    await using fast = await httpOrigin((_, response) => {
      if (order.at(-1) !== 'first') order.push('first')
      response.end()
    })
    await using slow = await httpOrigin((_, response) => {
      if (order.at(-1) !== 'second') order.push('second')
      setTimeout(() => response.end(), 8)
    })
    const places: RunPlace[] = []
    const comparison = await compareTargets({
      url: fast.url,
      otherUrl: slow.url,
      rounds: 2,
      requests: 40,
      connections: 2,
      threads: 1,
      onProgress: place => places.push(place),
    })
    // First, second, second, first: what follows each other in one target is one turn here.
    expect(order).toEqual(['first', 'second', 'first'])
    expect(comparison.rounds.map(round => round.order)).toEqual([
      ['first', 'second'],
      ['second', 'first'],
    ])
    expect(comparison.first).toMatchObject({ url: fast.url, answered: 80, statuses: { 200: 80 } })
    expect(comparison.second).toMatchObject({ url: slow.url, answered: 80 })
    expect(comparison.second.latency.count).toBe(80)
    const { requestsPerSecond, latencyP50 } = comparison.ratios
    expect(requestsPerSecond?.median).toBeGreaterThan(1)
    expect(latencyP50?.median).toBeLessThan(1)
    for (const ratio of [requestsPerSecond, latencyP50]) {
      expect(ratio?.min).toBeLessThanOrEqual(ratio?.median ?? 0)
      expect(ratio?.max).toBeGreaterThanOrEqual(ratio?.median ?? 0)
    }
    expect(isComparisonFlawless(comparison)).toBe(true)
    expect(places.at(-1)).toEqual({ round: 2, target: 'first' })
  })

  test('are both looked for before either is measured', async () => {
    await using origin = await httpOrigin()
    await using port = await refusingPort()
    const otherUrl = `http://127.0.0.1:${port.port}/`
    const comparison = compareTargets({ url: origin.url, otherUrl, rounds: 1, durationMs: 60_000 })
    await expect(comparison).rejects.toThrow(`cannot connect to http://127.0.0.1:${port.port}`)
    expect(origin.requests).toBe(0)
  })

  test('keep the rounds that they have where one is gone later on', async () => {
    await using one = await httpOrigin()
    await using other = await httpOrigin()
    const load = { requests: 20, connections: 1, threads: 1 }
    const onProgress = ({ round, target }: RunPlace) => {
      if (round === 2 && target === 'second') void one.close()
    }
    const comparison = await compareTargets({ url: one.url, otherUrl: other.url, rounds: 3, ...load, onProgress })
    expect(comparison.rounds.length).toBe(1)
    expect(comparison.first.answered).toBe(20)
    expect(comparison.endedEarly).toMatch(/^cannot connect to /)
    expect(textComparison(comparison)).toMatch(/^Ended early {2}cannot connect to /m)
    expect(htmlComparison(comparison)).toContain('Ended early: cannot connect to ')
    expect(isComparisonFlawless(comparison)).toBe(false)
  })

  test('are not compared where the first round was cut short', async () => {
    await using origin = await httpOrigin()
    const ending = new AbortController()
    const comparison = compareTargets({
      url: origin.url,
      otherUrl: origin.url,
      rounds: 2,
      durationMs: 60_000,
      connections: 1,
      threads: 1,
      signal: ending.signal,
      onProgress: () => ending.abort(),
    })
    await expect(comparison).rejects.toThrow('not one round was whole: interrupted')
  })
})
