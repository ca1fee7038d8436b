/** Counters that cross threads: what an exchange writes, and what the supervisor reads. */
import {
  BYTES_IN,
  BYTES_OUT,
  EXCHANGES_ACTIVE,
  EXCHANGES_TOTAL,
  STATUS_CLASSES,
  StatePage,
  type StateRow,
} from '../../../engine/shared/state-page.ts'
import { bench, cycle, runIfMain } from '../harness.ts'

const WORKERS = 8
const ENDPOINTS = 100

const page = StatePage.create(WORKERS, ENDPOINTS)
const row = page.rows[3] as StateRow
const nextColumn = cycle(Array.from({ length: ENDPOINTS }, (_, index) => (index * 37) % ENDPOINTS))
const nextStatus = cycle([200, 200, 304, 200, 404, 200, 503])

bench('exchange counted', () => {
  const { counters, inFlight } = row
  const column = nextColumn()
  counters[EXCHANGES_ACTIVE] = (counters[EXCHANGES_ACTIVE] as number) + 1
  inFlight[column] = (inFlight[column] as number) + 1
  inFlight[column] = (inFlight[column] as number) - 1
  counters[EXCHANGES_ACTIVE] = (counters[EXCHANGES_ACTIVE] as number) - 1
  counters[EXCHANGES_TOTAL] = (counters[EXCHANGES_TOTAL] as number) + 1
  counters[BYTES_IN] = (counters[BYTES_IN] as number) + column
  counters[BYTES_OUT] = (counters[BYTES_OUT] as number) + column
  const statusClass = STATUS_CLASSES + Math.trunc(nextStatus() / 100)
  counters[statusClass] = (counters[statusClass] as number) + 1
  return column
})

bench('in-flight count of an endpoint over 8 workers', () => page.inFlight(nextColumn()))
bench('counter over 8 workers', () => page.counter(EXCHANGES_TOTAL))
bench('latencies of 8 workers added up', () => page.latency())

await runIfMain(import.meta)
