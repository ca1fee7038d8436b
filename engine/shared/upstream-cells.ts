/** What all workers know of an upstream in common: one cache line of 32-bit integers each, with many writers. */

/** 32-bit cells of an upstream: 64 bytes. */
export const UPSTREAM_CELLS = 16

/** Rises whenever something of an endpoint changes that decides whether it may be chosen, or how often. */
export const EPOCH = 0

/** What is left of the budget for retries and for hedges, in thousandths of a try. */
export const RETRY_TOKENS = 1
export const HEDGE_TOKENS = 2
/** When a token was last given for nothing, as a stamp: the trickle that an upstream without traffic lives on. */
export const RETRY_TRICKLE_AT = 3
export const HEDGE_TRICKLE_AT = 4

/** Requests that wait for a connection. */
export const QUEUED = 5
/** Rises with every connection given up at an endpoint with a limit: waiting workers are woken by it. */
export const RELEASES = 6

/** Its circuit: `CIRCUIT_CELLS` cells, see `circuit-cells.ts`. */
export const UPSTREAM_CIRCUIT = 8
