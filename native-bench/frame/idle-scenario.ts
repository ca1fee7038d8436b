/** The shape of a scenario about connections that have made one request and stay open. */
import { setTimeout as pause } from 'node:timers/promises'
import { Station } from '../load/station.ts'
import { startOrigin } from '../origins/index.ts'
import { readMemory } from './accounting.ts'
import type { Contestant } from './contestant.ts'
import { filesMax } from './machine.ts'
import { numberText } from './numbers.ts'
import type { Load } from './phases.ts'
import { CONNECTIONS, type Measurement, type Scenario, type Variant } from './scenario.ts'
import type { Stage } from './stage.ts'

const WANTED = 10_000

/** File descriptors of a proxy besides its clients': the pool to the origin, logs, what the runtime has open. */
const SPARE_FILES = 2000

/** For what a proxy does behind the scenes: until its memory is read, in ms. */
const SETTLE_MS = 1000

/** Load before the first reading, so that compiled code and grown heaps are not taken for connections, in s. */
const WARM_UP_SECONDS = 1

/** All that the machine allows, up to the number that is wanted. */
const count = Math.max(1, Math.min(WANTED, filesMax() - SPARE_FILES))

export interface IdleScenarioOptions {
  readonly name: string
  readonly title: string
  readonly variant: Variant
  readonly isHttp2: boolean
  readonly verify: (contestant: Contestant) => Promise<void>
  /** Of `CONNECTIONS` connections. */
  readonly load: (stage: Stage) => Load
}

export function idleScenario({ name, title, variant, isHttp2, verify, load }: IdleScenarioOptions): Scenario {
  return {
    name,
    title,
    summary:
      'Each made one request and stays open: the memory of the proxy before, with them, and after they have closed.',
    unit: 'connection',
    measures: [
      { key: 'perConnectionKib', title: 'memory per idle connection', unit: 'KiB', better: 'less' },
      { key: 'rssBeforeMib', title: 'RSS before', unit: 'MiB', better: 'less' },
      { key: 'rssHeldMib', title: 'RSS with them', unit: 'MiB', better: 'less' },
      { key: 'rssAfterMib', title: 'RSS after', unit: 'MiB', better: 'less' },
    ],
    variants: [variant],
    connections: count + CONNECTIONS,
    proxies: 'started-by-phase',
    prepare: async stage => {
      const origin = await startOrigin(stage)
      const station = await Station.start(stage)
      const warm = load(stage)
      const limit = `${numberText(count)} connections instead of ${numberText(WANTED)}: a process may open ${filesMax()} files`
      return {
        originPort: origin.port,
        notes: count < WANTED ? [limit] : [],
        verify,
        phases: [
          {
            name: 'idle',
            rounds: stage.settings.rounds,
            secondsEach: WARM_UP_SECONDS + 5,
            warmUpSeconds: 0,
            withDirect: false,
            measure: async contestant => {
              await contestant.start()
              await warm(contestant, WARM_UP_SECONDS)
              const measurement = await hold(contestant, station, isHttp2)
              contestant.stop()
              return measurement
            },
          },
        ],
      }
    },
  }
}

async function hold(contestant: Contestant, station: Station, isHttp2: boolean): Promise<Measurement> {
  const before = await settledRssKib(contestant)
  await station.hold(contestant.port, count, isHttp2)
  const held = await settledRssKib(contestant)
  await station.release()
  const after = await settledRssKib(contestant)
  return {
    values: {
      perConnectionKib: (held - before) / count,
      rssBeforeMib: before / 1024,
      rssHeldMib: held / 1024,
      rssAfterMib: after / 1024,
      connections: count,
    },
  }
}

async function settledRssKib({ pid }: Contestant): Promise<number> {
  await pause(SETTLE_MS)
  if (pid === null) throw new Error('it has no process')
  return readMemory(pid).rssKib
}
