/** A thread that does what the others do, in the same moment: see `races.test.ts`. */
import { parentPort, workerData } from 'node:worker_threads'
import { WINDOW_CELLS } from '../../../../engine/shared/circuit-cells.ts'
import { ENDPOINT_CELLS, ENDPOINT_CIRCUIT } from '../../../../engine/shared/endpoint-cells.ts'
import { StatePage } from '../../../../engine/shared/state-page.ts'
import type { CircuitBreakerSnapshot, PassiveHealthSnapshot } from '../../../../engine/snapshot.ts'
import { Circuit } from '../../../../engine/upstream/health/circuit.ts'
import { NOT_CONNECTED } from '../../../../engine/upstream/health/outcome.ts'
import { PassiveHealth } from '../../../../engine/upstream/health/passive-health.ts'

/** What all threads do at once, and what of it counts. */
export type Deed =
  | 'enter'
  | 'good trial'
  | 'bad trial'
  | 'failure'
  | 'probe'
  | 'ejection'
  | 'ejection of one each'
  | 'restore'

export interface RaceData {
  readonly index: number
  readonly threads: number
  readonly endpoints: number
  readonly page: SharedArrayBuffer
  readonly stamp: number
  readonly breaker: CircuitBreakerSnapshot
  readonly passive: PassiveHealthSnapshot
  /** `ROUND`, `READY`, `DONE`, `STOP`, then the result of each thread. */
  readonly control: Int32Array
}

export const ROUND = 0
export const READY = 1
export const DONE = 2
/** 1 where something has been found: no more rounds. */
export const STOP = 3
export const RESULTS = 4

/** Looks at who is here, before a thread goes to sleep: a processor may have other things to do than to run the others. */
const SPINS = 2_000

/** Who passes an empty port here only imports the types. */
if (parentPort !== null && (workerData as RaceData | null)?.control !== undefined) run(workerData as RaceData)

function run({ index, threads, endpoints, page: buffer, stamp, breaker, passive, control }: RaceData): void {
  const page = new StatePage(buffer, threads, endpoints)
  const windows = page.rows.map(row => row.windows)
  const circuit = new Circuit(breaker, {
    cells: page.endpointCells,
    base: ENDPOINT_CIRCUIT,
    windows,
    own: windows[index]!,
    windowBase: 0 * WINDOW_CELLS,
  })
  const all = Array.from({ length: endpoints }, (_, column) => ({ cells: column * ENDPOINT_CELLS }))
  const health = new PassiveHealth(passive, page.endpointCells)
  health.setEndpoints(all)
  const [first] = all as [{ cells: number }]
  const own = all[index]!
  const deeds: Readonly<Record<Deed, () => boolean>> = {
    enter: () => circuit.enter(stamp),
    'good trial': () => circuit.observe(true, false, 0, stamp) !== '',
    'bad trial': () => circuit.observe(true, true, 0, stamp) !== '',
    failure: () => circuit.observe(false, true, 0, stamp) !== '',
    probe: () => health.enter(first, stamp),
    ejection: () => health.observe(first, NOT_CONNECTED, false, true, stamp, stamp) === 'ejected',
    'ejection of one each': () => health.observe(own, NOT_CONNECTED, false, true, stamp, stamp) === 'ejected',
    restore: () => health.restore(first, stamp) === 'up',
  }
  /** Goes on when all are here: those that come last find the others awake, unless they take long. */
  function meet(): void {
    if (Atomics.add(control, READY, 1) + 1 === threads) Atomics.notify(control, READY)
    for (let spin = 0; spin < SPINS && Atomics.load(control, READY) < threads; spin += 1);
    for (let here = Atomics.load(control, READY); here < threads; here = Atomics.load(control, READY)) {
      Atomics.wait(control, READY, here)
    }
  }

  parentPort!.on('message', ({ deed, times, rounds }: { deed: Deed; times: number; rounds: number }) => {
    parentPort!.postMessage('ready')
    const act = deeds[deed]
    for (let round = 1; round <= rounds; round += 1) {
      Atomics.wait(control, ROUND, round - 1)
      if (Atomics.load(control, STOP) === 1) break
      meet()
      let count = 0
      for (let time = 0; time < times; time += 1) if (act()) count += 1
      control[RESULTS + index] = count
      Atomics.add(control, DONE, 1)
      Atomics.notify(control, DONE)
    }
  })
  parentPort!.postMessage('ready')
}
