/** Latency at a fixed rate below saturation, the same for all: half of what nginx can do, as this run has measured it. */
import { setTimeout as pause } from 'node:timers/promises'
import type { StationReport, Work } from '../load/plan.ts'
import type { Station } from '../load/station.ts'
import { type CpuUse, cpuBetween, readCpu } from './accounting.ts'
import type { Contestant } from './contestant.ts'
import { BenchFailure } from './failure.ts'
import { numberText } from './numbers.ts'
import type { CurvePoint, Measure, Row } from './results.ts'
import type { Measurement, Phase } from './scenario.ts'
import type { StageSettings } from './stage.ts'
import { median } from './statistics.ts'

const YARDSTICK = 'nginx'

/** Of the yardstick's saturation. */
const LOAD_SHARE = 0.5

/** Fewer would not show whether one of them is odd. */
const ROUNDS_MIN = 3

const WARM_UP_SECONDS_MAX = 1

/** Below it, p99.9 is what fewer than ten units had. */
const UNITS_MIN = 10_000

/** A proxy may find its idle connections to the origin closed when the station takes over: tries, and ms between them. */
const RECOVERY_TRIES = 10
const RECOVERY_PAUSE_MS = 100

export const LATENCY_MEASURES: readonly Measure[] = [
  { key: 'p50Us', title: 'p50', unit: 'µs', better: 'less' },
  { key: 'p99Us', title: 'p99', unit: 'µs', better: 'less' },
  { key: 'p999Us', title: 'p99.9', unit: 'µs', better: 'less' },
]

const TABLED = [
  ['p50Us', 50],
  ['p99Us', 99],
  ['p999Us', 99.9],
] as const

export interface LatencyOptions {
  readonly settings: StageSettings
  /** What one unit of work is. */
  readonly unit: string
  readonly connections: number
  readonly work: Work
  /** Called once, when the phase begins. */
  readonly station: () => Promise<Station>
  readonly verify: (contestant: Contestant) => Promise<void>
}

export function latencyPhase({ settings, unit, connections, work, station, verify }: LatencyOptions): Phase {
  const warmUpSeconds = Math.min(WARM_UP_SECONDS_MAX, settings.seconds)
  let atWork: Station | null = null
  let rate = 0
  const run = (contestant: Contestant, seconds: number) => {
    if (atWork === null) throw new Error('the phase has not begun')
    return atWork.run({ port: contestant.port, connections, seconds, rate, work })
  }
  return {
    name: 'latency',
    rounds: Math.max(ROUNDS_MIN, Math.ceil(settings.rounds / 2)),
    secondsEach: settings.seconds,
    warmUpSeconds,
    withDirect: true,
    begin: async rows => {
      const [chosen, notes] = chooseRate(rows, settings.seconds, unit)
      rate = chosen
      atWork = await station()
      return notes
    },
    warmUp: async contestant => {
      await recovered(() => verify(contestant))
      await run(contestant, warmUpSeconds)
    },
    measure: async contestant => {
      const before = contestant.pid === null ? null : readCpu(contestant.pid)
      const report = await run(contestant, settings.seconds)
      const cpu = before === null || contestant.pid === null ? null : cpuBetween(before, readCpu(contestant.pid))
      return measurementOf(report, rate * settings.seconds, cpu)
    },
  }
}

function measurementOf({ units, unfinished, curve }: StationReport, unitsDue: number, cpu: CpuUse | null): Measurement {
  const kept = units / unitsDue
  return {
    values: {
      ...Object.fromEntries(TABLED.map(([key, percentile]) => [key, latencyAt(curve, percentile)])),
      ...(cpu === null ? {} : { cpuAtRateUs: (cpu.userUs + cpu.systemUs) / units }),
      ratePercentKept: 100 * kept,
    },
    curve,
    ...(cpu === null ? {} : { threads: cpu.threads }),
    notes:
      unfinished > 0 ? ['did not keep the rate of the latency phase: its latencies are those of a growing queue'] : [],
  }
}

function latencyAt(curve: readonly CurvePoint[], wanted: number): number {
  return curve.find(([percentile]) => percentile === wanted)?.[1] ?? Number.NaN
}

/** Units per second, and what is to be said about it. Rejects where nobody got through the saturation. */
function chooseRate(rows: readonly Row[], seconds: number, unit: string): [rate: number, notes: string[]] {
  const saturations = rows.flatMap(({ peer, variant, failed, samples }) => {
    const rates = samples.flatMap(({ phase, values }) => (phase === 'saturation' ? (values.perSecond ?? []) : []))
    return failed === null && rates.length > 0 ? [{ peer, variant, perSecond: median(rates) }] : []
  })
  const yardstick = saturations.find(({ peer, variant }) => peer === YARDSTICK && variant === '')
  const best = saturations.toSorted((a, b) => b.perSecond - a.perSecond)[0]
  const basis = yardstick ?? best
  if (basis === undefined) throw new BenchFailure('nobody got through the saturation, so there is no rate to take')
  const rate = Math.max(1, Math.round(basis.perSecond * LOAD_SHARE))
  const whose =
    yardstick === undefined ? `what the best (${basis.peer}) can do; nginx had no figure` : 'what nginx can do'
  const notes = [`latency at ${numberText(rate)} ${unit}s per second: half of ${whose}, in this run`]
  if (rate * seconds < UNITS_MIN) {
    notes.push(
      `a round of the latency phase had ${numberText(rate * seconds)} ${unit}s: too few for its p99.9 to mean much`,
    )
  }
  return [rate, notes]
}

async function recovered(verify: () => Promise<void>): Promise<void> {
  for (let left = RECOVERY_TRIES; ; left -= 1) {
    try {
      return await verify()
    } catch (error) {
      if (left === 0) throw error
      await pause(RECOVERY_PAUSE_MS)
    }
  }
}
