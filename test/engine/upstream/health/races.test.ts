import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  CIRCUIT_CLOSED,
  CIRCUIT_HALF_OPEN,
  CIRCUIT_OPEN,
  CIRCUIT_STATE,
  CIRCUIT_TRIALS,
  CIRCUIT_UNTIL,
} from '../../../../engine/shared/circuit-cells.ts'
import {
  ENDPOINT_CELLS,
  ENDPOINT_CIRCUIT,
  PASSIVE_EJECTED,
  PASSIVE_PROBING,
  PASSIVE_STATE,
  PASSIVE_UP,
} from '../../../../engine/shared/endpoint-cells.ts'
import { StatePage } from '../../../../engine/shared/state-page.ts'
import { upstreamSnapshot } from '../../../support/snapshot.ts'
import { type Deed, DONE, type RaceData, READY, RESULTS, ROUND, STOP } from './race-thread.ts'

/** Threads that act in the same moment, again and again: what happens once in many rounds shows. */
const THREADS = 2
const ROUNDS = 700
const TRIALS = 3
const STAMP = 1_000_000

const page = StatePage.create(THREADS, THREADS)
const cells = page.endpointCells
const control = new Int32Array(new SharedArrayBuffer(64))
let threads: Worker[] = []

beforeAll(async () => {
  const snapshot = upstreamSnapshot('a', {
    endpoints: [],
    passive: { consecutive: 1, ejectedMax: 1 },
    circuitBreaker: { minimum: 1, halfOpen: TRIALS },
  })
  threads = Array.from({ length: THREADS }, (_, index) => {
    const data: RaceData = {
      index,
      threads: THREADS,
      endpoints: THREADS,
      page: page.buffer,
      stamp: STAMP,
      breaker: snapshot.circuitBreaker!,
      passive: snapshot.passive!,
      control,
    }
    return new Worker(new URL('./race-thread.ts', import.meta.url), { workerData: data })
  })
  await Promise.all(threads.map(thread => once(thread, 'message')))
})

afterAll(() => Promise.all(threads.map(thread => thread.terminate())))

beforeEach(() => {
  cells.fill(0)
  control.fill(0)
})

/** All threads do it `times` times in each round; `prepare` goes before, `look` behind, with the sum of what counted. */
async function race(deed: Deed, times: number, prepare: () => void, look: (sum: number) => void): Promise<void> {
  const ready = Promise.all(threads.map(thread => once(thread, 'message')))
  for (const thread of threads) thread.postMessage({ deed, times, rounds: ROUNDS })
  await ready
  try {
    for (let round = 1; round <= ROUNDS; round += 1) {
      prepare()
      Atomics.store(control, READY, 0)
      Atomics.store(control, DONE, 0)
      Atomics.store(control, ROUND, round)
      Atomics.notify(control, ROUND)
      for (let done = 0; done < THREADS; done = Atomics.load(control, DONE)) Atomics.wait(control, DONE, done, 1_000)
      look(control.subarray(RESULTS, RESULTS + THREADS).reduce((sum, count) => sum + count, 0))
    }
  } finally {
    Atomics.store(control, STOP, 1)
    Atomics.store(control, ROUND, -1)
    Atomics.notify(control, ROUND)
  }
}

function circuit(state: number, untilStamp: number, trials = 0): void {
  cells.fill(0)
  for (const row of page.rows) row.windows.fill(0)
  cells[ENDPOINT_CIRCUIT + CIRCUIT_STATE] = state
  cells[ENDPOINT_CIRCUIT + CIRCUIT_UNTIL] = untilStamp
  cells[ENDPOINT_CIRCUIT + CIRCUIT_TRIALS] = trials
}

function passive(state: number): void {
  cells.fill(0)
  cells[PASSIVE_STATE] = state
}

describe('threads that do the same in the same moment', () => {
  it('get exactly as many tries into a circuit as may be, when its time is over', async () => {
    await race(
      'enter',
      4,
      () => circuit(CIRCUIT_OPEN, STAMP),
      entered => expect(entered).toBe(TRIALS),
    )
  })

  it('get no more in for those that were lost, and none as left over from the round before', async () => {
    await race(
      'enter',
      4,
      () => circuit(CIRCUIT_HALF_OPEN, STAMP, TRIALS - 1),
      entered => {
        // One may still have been let in as the last of the round before.
        expect(entered).toBeGreaterThanOrEqual(TRIALS)
        expect(entered).toBeLessThanOrEqual(TRIALS + 1)
        expect(cells[ENDPOINT_CIRCUIT + CIRCUIT_TRIALS]).toBe(TRIALS)
      },
    )
  })

  it('tell once that a circuit has closed', async () => {
    await race(
      'good trial',
      TRIALS,
      () => circuit(CIRCUIT_HALF_OPEN, STAMP + 1, TRIALS),
      told => expect(told).toBe(1),
    )
    expect(cells[ENDPOINT_CIRCUIT + CIRCUIT_STATE]).toBe(CIRCUIT_CLOSED)
  })

  it('tell once that a circuit is open again', async () => {
    await race(
      'bad trial',
      TRIALS,
      () => circuit(CIRCUIT_HALF_OPEN, STAMP + 1, TRIALS),
      told => expect(told).toBe(1),
    )
  })

  it('tell once that a circuit has opened', async () => {
    await race(
      'failure',
      3,
      () => circuit(CIRCUIT_CLOSED, 0),
      told => expect(told).toBe(1),
    )
  })

  it('send one probe', async () => {
    await race(
      'probe',
      3,
      () => passive(PASSIVE_EJECTED),
      probes => expect(probes).toBe(1),
    )
    expect(cells[PASSIVE_STATE]).toBe(PASSIVE_PROBING)
  })

  it('eject an endpoint once', async () => {
    await race(
      'ejection',
      1,
      () => passive(PASSIVE_UP),
      told => expect(told).toBe(1),
    )
  })

  it('bring it back once', async () => {
    await race(
      'restore',
      2,
      () => passive(PASSIVE_EJECTED),
      told => expect(told).toBe(1),
    )
  })

  it('never eject all there are, each its own', async () => {
    await race(
      'ejection of one each',
      1,
      () => passive(PASSIVE_UP),
      told => {
        const states = Array.from({ length: THREADS }, (_, column) => cells[column * ENDPOINT_CELLS + PASSIVE_STATE])
        expect(states).toContain(PASSIVE_UP)
        expect(states.filter(state => state === PASSIVE_EJECTED).length).toBe(told)
      },
    )
  })
})
