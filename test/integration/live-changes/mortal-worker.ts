/** A worker module whose second life waits for a gate, and fails before it serves. `/crash` ends the first. */
import { ownerData, runWorker } from '../../../engine/index.ts'

export interface MortalData {
  /** Lives so far; then 1 when the gate is open. */
  readonly life: Int32Array
}

const { life } = ownerData() as MortalData
if (Atomics.add(life, 0, 1) === 1) {
  Atomics.wait(life, 1, 0)
  throw new Error('a failure that a test asked for')
}

void runWorker({
  onExchange: ({ target }) => {
    if (target !== '/crash') return
    setImmediate(() => {
      throw new Error('a crash that a test asked for')
    })
  },
  onFlow: null,
  onStop: null,
})
