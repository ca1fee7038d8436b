/** The clock of all threads. */
import { stampOf, until } from '../../../engine/shared/clock.ts'
import { bench, runIfMain } from '../harness.ts'

let now = performance.now()
bench('a time as a stamp, compared with another', () => {
  now += 0.1
  return until(stampOf(now), 12_345)
})

await runIfMain(import.meta)
