/** Places under the adaptive limit, taken and given back. */
import { ConcurrencyLimit, HIGH, LOW, NORMAL } from '../../../engine/upstream/concurrency-limit.ts'
import { bench, cycle, runIfMain } from '../harness.ts'

const SETTINGS = { initial: 20, minimum: 5, maximum: 1_000, tolerance: 1.5 }

const nextImportance = cycle([NORMAL, NORMAL, HIGH, NORMAL, LOW])
const nextLatencyUs = cycle(Array.from({ length: 1021 }, (_, index) => 800.5 + ((index * 7919) % 900)))

const idle = new ConcurrencyLimit(SETTINGS)
let idleMs = 0
bench('taken and given back', () => {
  idleMs += 0.02
  if (idle.tryAcquire(nextImportance())) idle.release(nextLatencyUs(), idleMs)
  return idle.inFlight
})

// As many under way as may be: every window changes the limit, and probes halve it.
const busy = new ConcurrencyLimit(SETTINGS)
let busyMs = 0
bench('taken and given back at the limit, learning', () => {
  busyMs += 0.02
  while (busy.tryAcquire(HIGH));
  busy.release(nextLatencyUs(), busyMs)
  return busy.limit
})

const full = new ConcurrencyLimit(SETTINGS)
while (full.tryAcquire(HIGH));
bench('refused', () => full.tryAcquire(nextImportance()))

await runIfMain(import.meta)
