/**
 * What all workers know of an endpoint in common: two cache lines of 32-bit integers for each column of the state page.
 * These cells have many writers. Averages are plain stores, where a lost sample does no harm; states change by
 * compare-and-exchange, so that of all workers exactly one makes a change and tells of it.
 */

/** 32-bit cells of an endpoint: 128 bytes, so that two endpoints share no cache line. */
export const ENDPOINT_CELLS = 32

/** Moving averages in microseconds; 0 as long as nothing was measured. */
export const FIRST_BYTE_US = 0
export const RESPONSE_US = 1
/** Rises at once with a slow response, falls slowly. */
export const PEAK_US = 2
/** When `PEAK_US` was written, as a stamp. */
export const PEAK_AT = 3

/** What its owner wants of it: one of `ADMIN_*`. Written by the supervisor. */
export const ADMIN_STATE = 4
export const ADMIN_UP = 0
/** Running and sticky work stays, new work goes elsewhere. */
export const ADMIN_DRAINING = 1
export const ADMIN_DOWN = 2

/** What active checks say: one of `CHECK_*`. Written by the supervisor. */
export const CHECK_STATE = 5
export const CHECK_HEALTHY = 0
export const CHECK_UNHEALTHY = 1

/** What requests have seen of it: one of `PASSIVE_*`. */
export const PASSIVE_STATE = 6
export const PASSIVE_UP = 0
export const PASSIVE_EJECTED = 1
/** One request has been sent to see whether it is back. */
export const PASSIVE_PROBING = 2
/** When the ejection is over, or the probe given up, as a stamp; without meaning while it is up. */
export const PASSIVE_UNTIL = 7
/** Ejections in a row: each lasts longer. */
export const EJECTIONS = 8
/** Failures in a row, of three kinds. */
export const FAILURES_IN_ROW = 9
export const ERRORS_5XX_IN_ROW = 10
export const GATEWAY_ERRORS_IN_ROW = 11
/** Failures, each of them soon after the one before, and when the last of them was, as a stamp: nginx's max_fails. */
export const WINDOW_FAILURES = 12
export const WINDOW_AT = 13

/** When it came up, as a stamp: where slow start begins; 0 for long ago. */
export const UP_SINCE = 14

/** Connections open or being opened, over all workers: only for endpoints with a limit on them. */
export const CONNECTIONS_USED = 15

/** Its circuit: `CIRCUIT_CELLS` cells, see `circuit-cells.ts`. */
export const ENDPOINT_CIRCUIT = 16

/** 1 where the ejection was for connections that could not be opened or broke. */
export const EJECTED_FOR_CONNECTION = 21
/** When it was ejected last, as a stamp. */
export const EJECTED_AT = 22
/** When its last ejection ended, as a stamp; 0 if there was none. */
export const RESTORED_AT = 23

/** When it answered a flow of datagrams last, as a stamp; 0 for never. */
export const ANSWERED_AT = 24

/** When `RESPONSE_US` was written, as a stamp. */
export const RESPONSE_AT = 31
