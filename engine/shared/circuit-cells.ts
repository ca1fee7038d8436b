/** The cells of one circuit, of an endpoint or of an upstream: places from where its first cell is. */
export const CIRCUIT_CELLS = 5

/** One of the three below; changed by compare-and-exchange. */
export const CIRCUIT_STATE = 0
export const CIRCUIT_CLOSED = 0
export const CIRCUIT_OPEN = 1
/** A few tries are let through to see whether it may close. */
export const CIRCUIT_HALF_OPEN = 2
/** When the time of the state is over, as a stamp: of an open one to try again, of a half-open one to start anew. */
export const CIRCUIT_UNTIL = 1
/** Tries let through in the half-open state, and those of them that were good. */
export const CIRCUIT_TRIALS = 2
export const CIRCUIT_GOOD = 3
/** When it was closed last, as a stamp: what was counted before does not count any more. 0 if it never was. */
export const CIRCUIT_CLOSED_AT = 4

/** A circuit's window is this many buckets in each worker's row: what is older than the window leaves one at a time. */
export const WINDOW_BUCKETS = 10

/** Cells of a bucket: its number in time, and what ended in it. */
export const BUCKET_CELLS = 4
export const BUCKET_NUMBER = 0
export const BUCKET_TRIES = 1
export const BUCKET_FAILURES = 2
export const BUCKET_SLOW = 3

export const WINDOW_CELLS: number = WINDOW_BUCKETS * BUCKET_CELLS
