/** Times counted in an endpoint's averages. */
import { stampOf } from '../../../engine/shared/clock.ts'
import { StatePage } from '../../../engine/shared/state-page.ts'
import { decayOf, observeFirstByte, observeResponse } from '../../../engine/upstream/latency.ts'
import { bench, cycle, runIfMain } from '../harness.ts'

const ENDPOINTS = 100
const { endpointCells } = StatePage.create(1, ENDPOINTS)
const nextColumn = cycle(Array.from({ length: ENDPOINTS }, (_, index) => (index * 37) % ENDPOINTS))
const nextUs = cycle(Array.from({ length: 1021 }, (_, index) => 800 + ((index * 7919) % 4000) * 0.9))
const startedAt = stampOf(performance.now())
let elapsedMs = 0

bench('time to the first byte', () => {
  elapsedMs = (elapsedMs + 1) % 1_000_000
  observeFirstByte(endpointCells, nextColumn(), nextUs(), startedAt + elapsedMs)
})
bench('time of the response', () => observeResponse(endpointCells, nextColumn(), nextUs()))

const nextAgeMs = cycle(Array.from({ length: 1021 }, (_, index) => (index * 7919) % 150_000))
bench('decay with age', () => decayOf(nextAgeMs(), 3))

await runIfMain(import.meta)
