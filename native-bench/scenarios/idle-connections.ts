import { setTimeout as pause } from 'node:timers/promises'
import { readMemory } from '../frame/accounting.ts'
import type { Contestant } from '../frame/contestant.ts'
import { GET, verifyContent } from '../frame/http-request.ts'
import { filesMax } from '../frame/machine.ts'
import { numberText } from '../frame/numbers.ts'
import { CONNECTIONS, type Measurement, PLAIN, type Scenario } from '../frame/scenario.ts'
import { Station } from '../load/station.ts'
import { Wrk } from '../load/wrk.ts'
import { contentOf, SMALL } from '../origins/content.ts'
import { startOrigin } from '../origins/index.ts'

const WANTED = 10_000

/** File descriptors of a proxy besides its clients': the pool to the origin, logs, what the runtime has open. */
const SPARE_FILES = 2000

/** For what a proxy does behind the scenes: until its memory is read, in ms. */
const SETTLE_MS = 1000

/** Load before the first reading, so that compiled code and grown heaps are not taken for connections, in s. */
const WARM_UP_SECONDS = 1

/** All that the machine allows, up to the number that is wanted. */
const count = Math.max(1, Math.min(WANTED, filesMax() - SPARE_FILES))

export const scenario: Scenario = {
  name: 'idle-connections',
  title: '10,000 idle connections',
  summary:
    'Each made one request and stays open: the memory of the proxy before, with them, and after they have closed.',
  unit: 'connection',
  measures: [
    { key: 'perConnectionKib', title: 'memory per idle connection', unit: 'KiB', better: 'less' },
    { key: 'rssBeforeMib', title: 'RSS before', unit: 'MiB', better: 'less' },
    { key: 'rssHeldMib', title: 'RSS with them', unit: 'MiB', better: 'less' },
    { key: 'rssAfterMib', title: 'RSS after', unit: 'MiB', better: 'less' },
  ],
  variants: [PLAIN],
  connections: count + CONNECTIONS,
  proxies: 'started-by-phase',
  prepare: async stage => {
    const origin = await startOrigin(stage)
    const station = await Station.start(stage)
    const wrk = new Wrk(GET, CONNECTIONS, stage)
    const limit = `${numberText(count)} connections instead of ${numberText(WANTED)}: a process may open ${filesMax()} files`
    return {
      originPort: origin.port,
      notes: count < WANTED ? [limit] : [],
      verify: contestant => verifyContent(GET, contestant.port, contentOf(SMALL)),
      phases: [
        {
          name: 'idle',
          rounds: stage.settings.rounds,
          secondsEach: WARM_UP_SECONDS + 5,
          warmUpSeconds: 0,
          withDirect: false,
          measure: async contestant => {
            await contestant.start()
            await wrk.run(contestant.port, WARM_UP_SECONDS)
            const measurement = await hold(contestant, station)
            contestant.stop()
            return measurement
          },
        },
      ],
    }
  },
}

async function hold(contestant: Contestant, station: Station): Promise<Measurement> {
  const before = await settledRssKib(contestant)
  await station.hold(contestant.port, count)
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
