import { execFile } from 'node:child_process'
import type { ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { bench } from '../../src/bench/bench.ts'
import { httpOrigin } from '../src/bench/origin.ts'

/**
 * The same load by `wrk` and by `sluice bench`, at the same time, on an origin that both can easily saturate: it answers
 * on the beats of one clock, most requests on the next beat and two in a hundred five beats later, so that the 50th and
 * the 99th percentile lie in the middle of either kind. How long an answer takes is thereby the origin's doing, and
 * what disturbs the machine disturbs both measurements. Compared is the median of three rounds.
 */

const BEAT_MS = 50
const SLOW_BEATS = 5
const SLOW_EVERY = 50
const SECONDS = 2
const ROUNDS = 3
const CONNECTIONS = 40

async function beatingOrigin() {
  const beats: ServerResponse[][] = Array.from({ length: SLOW_BEATS }, () => [])
  const counts = new Map<string, number>()
  const clock = setInterval(() => {
    beats.push([])
    for (const response of beats.shift() ?? []) response.end('hello')
  }, BEAT_MS)
  const origin = await httpOrigin((request, response) => {
    const tool = request.url ?? ''
    const number = (counts.get(tool) ?? 0) + 1
    counts.set(tool, number)
    beats[number % SLOW_EVERY === 0 ? SLOW_BEATS - 1 : 0]?.push(response)
  })
  const close = async () => {
    clearInterval(clock)
    await origin.close()
  }
  return { url: origin.url, [Symbol.asyncDispose]: close }
}

interface Measured {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

async function byWrk(url: string): Promise<Measured> {
  const load = ['-t', '2', '-c', String(CONNECTIONS), '-d', `${SECONDS}s`, '--latency']
  const { stdout } = await promisify(execFile)('wrk', [...load, `${url}wrk`])
  const percentileMs = (percentile: number) => {
    const [, value, unit] = new RegExp(`^ +${percentile}% +([0-9.]+)(us|ms|s)$`, 'm').exec(stdout) ?? []
    return Number(value) * { us: 0.001, ms: 1, s: 1000 }[unit as 'us' | 'ms' | 's']
  }
  const [, rate] = /Requests\/sec: +([0-9.]+)/.exec(stdout) ?? []
  return { requestsPerSecond: Number(rate), p50Ms: percentileMs(50), p99Ms: percentileMs(99) }
}

/** @param onLoad Called when its load has begun; what it measures begins soon after. */
async function bySluice(url: string, onLoad: () => void): Promise<Measured> {
  const load = { warmUpMs: 300, durationMs: SECONDS * 1000, connections: CONNECTIONS, threads: 2 }
  const { requestsPerSecond, latency } = await bench({ ...load, url: `${url}sluice`, onProgress: onLoad })
  return {
    requestsPerSecond,
    p50Ms: (latency.percentilesUs['50'] ?? 0) / 1000,
    p99Ms: (latency.percentilesUs['99'] ?? 0) / 1000,
  }
}

async function measureTogether(url: string): Promise<{ sluice: Measured; wrk: Measured }> {
  const loading = Promise.withResolvers<void>()
  const byBoth = [bySluice(url, loading.resolve), loading.promise.then(() => byWrk(url))] as const
  const [sluice, wrk] = await Promise.all(byBoth)
  return { sluice, wrk }
}

test('sluice bench finds the throughput and the percentiles that wrk finds, within a tenth', async () => {
  await using origin = await beatingOrigin()
  const rounds: { sluice: Measured; wrk: Measured }[] = []
  while (rounds.length < ROUNDS) rounds.push(await measureTogether(origin.url))
  for (const measure of ['requestsPerSecond', 'p50Ms', 'p99Ms'] as const) {
    const ratios = rounds.map(({ sluice, wrk }) => sluice[measure] / wrk[measure])
    const median = ratios.toSorted((left, right) => left - right)[Math.floor(ROUNDS / 2)]
    expect(median, `${measure}: ${JSON.stringify(rounds)}`).toBeGreaterThan(0.9)
    expect(median, `${measure}: ${JSON.stringify(rounds)}`).toBeLessThan(1.1)
  }
})
