/** Times to the first byte counted, and their 95th percentile asked for: once a second it is worked out. */
import { LatencyWindow } from '../../../engine/upstream/latency-window.ts'
import { bench, cycle, runIfMain } from '../harness.ts'

const nextUs = cycle(Array.from({ length: 1021 }, (_, index) => 80 + ((index * 7919) % 900) * 1.3))

const observed = new LatencyWindow()
let observedMs = 0
bench('time counted', () => {
  observedMs += 0.05
  observed.observe(nextUs(), observedMs)
  return observed
})

const asked = new LatencyWindow()
let askedMs = 0
for (let count = 0; count < 1_000; count += 1) asked.observe(nextUs(), 0)
bench('percentile asked for', () => {
  askedMs += 0.001
  return asked.p95Us(askedMs)
})

const stale = new LatencyWindow()
let staleMs = 0
bench('percentile worked out', () => {
  staleMs += 1_000
  for (let count = 0; count < 20; count += 1) stale.observe(nextUs(), staleMs)
  return stale.p95Us(staleMs)
})

await runIfMain(import.meta)
