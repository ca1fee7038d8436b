import { setTimeout as pause } from 'node:timers/promises'
import { readMemory } from '../frame/accounting.ts'
import type { Contestant } from '../frame/contestant.ts'
import { GET, verifyContent } from '../frame/http-request.ts'
import { CONNECTIONS, type Measurement, type Scenario } from '../frame/scenario.ts'
import { contentOf, SMALL } from '../origins/content.ts'
import { startOrigin } from '../origins/index.ts'

/** Between two tries to get an answer, in ms: the resolution of what is measured. */
const POLL_MS = 1

/** Longer is no start. */
const TIMEOUT_MS = 20_000

/** Behind the first answer, until its memory is read, in ms. */
const SETTLE_MS = 500

export const scenario: Scenario = {
  name: 'start',
  title: 'Start to first answer',
  summary: 'From the start of the process to the first 200 that comes through it, tried every ms; and its memory then.',
  unit: 'start',
  measures: [
    { key: 'firstAnswerMs', title: 'start to first answer', unit: 'ms', better: 'less' },
    { key: 'rssMib', title: 'RSS', unit: 'MiB', better: 'less' },
  ],
  variants: [
    { name: '', needs: ['http1'] },
    { name: '2 workers', setup: { workers: 2 }, needs: ['http1', 'workers'] },
  ],
  connections: CONNECTIONS,
  proxies: 'started-by-phase',
  prepare: async stage => {
    const origin = await startOrigin(stage)
    return {
      originPort: origin.port,
      notes: [],
      verify: contestant => verifyContent(GET, contestant.port, contentOf(SMALL)),
      phases: [
        {
          name: 'start',
          rounds: stage.settings.rounds,
          secondsEach: 1,
          warmUpSeconds: 0,
          withDirect: false,
          measure: async contestant => {
            const measurement = await measureStart(contestant)
            contestant.stop()
            return measurement
          },
        },
      ],
    }
  },
}

async function measureStart(contestant: Contestant): Promise<Measurement> {
  const startedAt = await contestant.launch()
  await firstAnswer(contestant, startedAt)
  const firstAnswerMs = performance.now() - startedAt
  await pause(SETTLE_MS)
  const { pid } = contestant
  if (pid === null) throw new Error('it has no process')
  return { values: { firstAnswerMs, rssMib: readMemory(pid).rssKib / 1024 } }
}

async function firstAnswer(contestant: Contestant, startedAt: number): Promise<void> {
  for (;;) {
    try {
      return await verifyContent(GET, contestant.port, contentOf(SMALL))
    } catch (error) {
      const reason = contestant.failure()
      if (reason !== null) throw new Error(reason, { cause: error })
      if (performance.now() - startedAt > TIMEOUT_MS) throw error
      await pause(POLL_MS)
    }
  }
}
