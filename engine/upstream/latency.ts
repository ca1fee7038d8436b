/** How fast endpoints are: moving averages in their cells, over all workers, and what becomes of them with age. */
import { until } from '../shared/clock.ts'
import { ENDPOINT_CELLS, FIRST_BYTE_US, PEAK_AT, PEAK_US, RESPONSE_AT, RESPONSE_US } from '../shared/endpoint-cells.ts'

/**
 * A sample's share of a moving average, as in TCP's round-trip time (RFC 6298): eight samples are most of it. It is more
 * where the average has grown old meanwhile.
 */
const SAMPLE_SHARE = 1 / 8

/** In this many milliseconds a peak falls by the factor e to what is measured now, and any figure's weight with age. */
const DECAY_MS = 10_000

/** Samples that are no peak count towards its fall once in so long: fewer would be lost in rounding. */
const FALL_MS = 64

/**
 * A figure may be so many milliseconds younger than the stamp that it is compared with, which was taken with the first
 * byte of a request. What seems to be younger still is weeks old, so old that stamps have wrapped meanwhile.
 */
const AHEAD_MS_MAX = 3_600_000

const AGE_MS_MAX = 2 ** 31 - 1

/** Milliseconds of a step in the table of decay. */
const STEP_MS = 256

/** Past the last step, at 131 s, next to nothing is left of a figure: two millionths. */
const STEPS = 512

const DECAY = Float64Array.from({ length: STEPS }, (_, step) => Math.exp((-step * STEP_MS) / DECAY_MS))

const CELL_MAX = 2 ** 31 - 1

/**
 * Counts a time to the first byte, in microseconds. The peak goes by it: what comes behind depends on how much there is,
 * and on how fast the client takes it. @hotpath
 */
export function observeFirstByte(cells: Int32Array, column: number, us: number, stamp: number): void {
  const at = column * ENDPOINT_CELLS
  const peak = cells[at + PEAK_US] as number
  const ageMs = ageOf(cells[at + PEAK_AT] as number, stamp)
  average(cells, at + FIRST_BYTE_US, us, ageMs)
  if (us < peak && ageMs < FALL_MS) return
  const next = us < peak ? us + (peak - us) * Math.exp(-ageMs / DECAY_MS) : us
  cells[at + PEAK_US] = cellOf(next)
  cells[at + PEAK_AT] = stamp
}

/** Counts a time to the last byte, of a response whose first was counted: that tells what time it is. @hotpath */
export function observeResponse(cells: Int32Array, column: number, us: number): void {
  const at = column * ENDPOINT_CELLS
  const stamp = cells[at + PEAK_AT] as number
  average(cells, at + RESPONSE_US, us, ageOf(cells[at + RESPONSE_AT] as number, stamp))
  cells[at + RESPONSE_AT] = stamp
}

/** Milliseconds from the stamp of a figure to another, which is that of now. @hotpath */
export function ageOf(measuredAt: number, stamp: number): number {
  const ageMs = until(stamp, measuredAt)
  return ageMs < -AHEAD_MS_MAX ? AGE_MS_MAX : ageMs
}

/** The first sample is the average: 0 is nothing measured yet. */
function average(cells: Int32Array, cell: number, us: number, ageMs: number): void {
  const before = cells[cell] as number
  const kept = (1 - SAMPLE_SHARE) * decayOf(ageMs, 1)
  cells[cell] = cellOf(before === 0 ? us : us + (before - us) * kept + 0.5)
}

function cellOf(us: number): number {
  return Math.trunc(Math.max(1, Math.min(CELL_MAX, us)))
}

/**
 * What a figure of that age still counts for, from 1 to 0, where it grows old so many times slower. Without it, an
 * endpoint that was slow once would get no request any more that could show that it is not. @hotpath
 */
export function decayOf(ageMs: number, timesSlower: number): number {
  if (ageMs < STEP_MS) return 1
  const step = Math.trunc(ageMs / (timesSlower * STEP_MS))
  return step < STEPS ? (DECAY[step] as number) : 0
}
