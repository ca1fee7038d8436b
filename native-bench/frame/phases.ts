/** The phases that most scenarios are made of. */
import type { LoadReport } from '../load/wrk.ts'
import { cpuBetween, readCpu, readMemory, resetPeakMemory } from './accounting.ts'
import type { Contestant } from './contestant.ts'
import type { Measure } from './results.ts'
import type { Measurement, Phase } from './scenario.ts'
import type { StageSettings } from './stage.ts'

/** Seconds of load on each contestant before anything counts; less only for the shortest of measurements. */
const WARM_UP_SECONDS = 3

export type Load = (contestant: Contestant, seconds: number) => Promise<LoadReport>

/** What a saturation phase measures, of units that are called so. */
export function loadMeasures(unit: string): Measure[] {
  return [
    { key: 'cpuUs', title: `CPU per ${unit}`, unit: 'µs', better: 'less', parts: ['userUs', 'systemUs'] },
    { key: 'userUs', title: 'user', unit: 'µs', better: 'less' },
    { key: 'systemUs', title: 'system', unit: 'µs', better: 'less' },
    { key: 'perSecond', title: `${unit}s per second`, unit: '/s', better: 'more' },
    { key: 'rssIdleMib', title: 'RSS idle', unit: 'MiB', better: 'less' },
    { key: 'rssPeakMib', title: 'RSS peak', unit: 'MiB', better: 'less' },
  ]
}

/** Resident set before any load. */
export function idlePhase(): Phase {
  return {
    name: 'idle',
    rounds: 1,
    secondsEach: 0,
    warmUpSeconds: 0,
    withDirect: false,
    measure: async contestant => {
      const { rssKib } = readMemory(processOf(contestant))
      resetPeakMemory(processOf(contestant))
      return { values: { rssIdleMib: rssKib / 1024 } }
    },
  }
}

/** As much load as the contestant can do, and what that costs. */
export function saturationPhase({ rounds, seconds }: StageSettings, load: Load): Phase {
  const warmUpSeconds = Math.min(WARM_UP_SECONDS, 2 * seconds)
  return {
    name: 'saturation',
    rounds,
    secondsEach: seconds,
    warmUpSeconds,
    withDirect: false,
    warmUp: async contestant => {
      await load(contestant, warmUpSeconds)
    },
    measure: contestant => accounted(contestant, () => load(contestant, seconds)),
  }
}

/** Runs the work, and reads before and behind it what the contestant has used. */
export async function accounted(contestant: Contestant, work: () => Promise<LoadReport>): Promise<Measurement> {
  const pid = processOf(contestant)
  const before = readCpu(pid)
  const { units, seconds } = await work()
  const use = cpuBetween(before, readCpu(pid))
  const userUs = use.userUs / units
  const systemUs = use.systemUs / units
  const { rssPeakKib } = readMemory(pid)
  return {
    values: { cpuUs: userUs + systemUs, userUs, systemUs, perSecond: units / seconds, rssPeakMib: rssPeakKib / 1024 },
    threads: use.threads,
    notes: use.exitedChildren > 0 ? [`${use.exitedChildren} of its processes ended during a measurement`] : [],
  }
}

function processOf(contestant: Contestant): number {
  if (contestant.pid === null) throw new Error('it has no process')
  return contestant.pid
}
