import { LATENCY_MEASURES } from '../../../native-bench/frame/latency-phase.ts'
import type { PeerKind } from '../../../native-bench/frame/peer.ts'
import { loadMeasures } from '../../../native-bench/frame/phases.ts'
import { RESULTS_FORMAT, type Results, type Row, type ScenarioResult } from '../../../native-bench/frame/results.ts'

/** A row whose CPU per request in the rounds is as given, a quarter of it in user mode. */
export function rowOf(contestant: string, kind: PeerKind, cpuUs: readonly number[], changes: Partial<Row> = {}): Row {
  const [peer = '', variant = ''] = contestant.split(', ')
  const samples = cpuUs.map((value, round) => ({
    phase: 'saturation',
    round,
    values: { cpuUs: value, userUs: value / 4, systemUs: (value * 3) / 4, perSecond: 500_000 / value },
  }))
  return { contestant, peer, kind, variant, failed: null, notes: [], samples, ...changes }
}

/** The same with a latency curve, of so many µs at p50. */
export function withLatency(row: Row, p50Us: number): Row {
  const curve = [
    [0, p50Us / 2],
    [50, p50Us],
    [90, p50Us * 2],
    [99, p50Us * 10],
    [99.9, p50Us * 20],
    [100, p50Us * 50],
  ] as const
  const values = { p50Us, p99Us: p50Us * 10, p999Us: p50Us * 20 }
  return { ...row, samples: [...row.samples, { phase: 'latency', round: 0, values, curve }] }
}

export function scenarioOf(rows: readonly Row[], changes: Partial<ScenarioResult> = {}): ScenarioResult {
  return {
    name: 'h1-bare',
    title: 'Requests <bare> & "small"',
    summary: 'GET with Host alone.',
    unit: 'request',
    measures: [...loadMeasures('request'), ...LATENCY_MEASURES],
    notes: ['latency at 20,000 requests per second: half of what nginx can do, in this run'],
    rows,
    ...changes,
  }
}

export function resultsOf(scenarios: readonly ScenarioResult[]): Results {
  return {
    format: RESULTS_FORMAT,
    date: '2026-01-02T03:04:05.000Z',
    durationSeconds: 754,
    arguments: ['--rounds', '3'],
    rounds: 3,
    seconds: 5,
    machine: { cpu: 'Some CPU', cores: 2, memoryMib: 16_384, kernel: 'Linux 6.1', node: 'v26.0.0', filesMax: 20_000 },
    revision: { commit: '0123456789ab', isDirty: true },
    busyPercentBefore: 1,
    tools: { wrk: '4.1.0', nginx: '1.22.1' },
    peers: [
      { name: 'sluice', kind: 'sluice', version: '0.1.0', absent: null },
      { name: 'caddy', kind: 'native', version: null, absent: 'no caddy on the path' },
    ],
    scenarios,
  }
}

/** Ours, the yardstick, a Node peer, one that failed and the floor. */
export const FULL: ScenarioResult = scenarioOf([
  withLatency(rowOf('sluice', 'sluice', [12, 11, 26]), 60),
  withLatency(rowOf('sluice, pipelining 8', 'sluice', [9, 8.8, 18]), 70),
  withLatency(rowOf('nginx', 'native', [10, 10, 20]), 50),
  withLatency(rowOf('httpxy', 'node', [40, 44, 80]), 200),
  rowOf('http-proxy', 'node', [50, 55, 100], { notes: ['2 of its processes ended during a measurement'] }),
  rowOf('bun', 'bun', [], { failed: 'status 502 instead of 200 (before the first round)' }),
  withLatency({ ...rowOf('direct', 'native', []), kind: 'direct' }, 20),
])
