/**
 * Everything that can go wrong with a flow, in one place: what the log says. `docs/errors.md` has the same rows; a test holds the
 * two together.
 */

export interface FlowErrorRow {
  /** Whose doing it is. */
  readonly side: 'downstream' | 'upstream' | 'internal'
  /** Response flag of the log line, as Envoy names them. */
  readonly flag: string
}

export const FLOW_ERRORS = {
  /** Its first bytes did not come in time, and there is no upstream for what has none. */
  first_bytes_timeout: { side: 'downstream', flag: 'SI' },
  /** No rule of the listener takes what its first bytes say. */
  no_flow_route: { side: 'internal', flag: 'NR' },
  /** RST, or what an encrypted connection has in its place. */
  client_closed: { side: 'downstream', flag: 'DC' },
  no_endpoint: { side: 'upstream', flag: 'UH' },
  upstream_unresolved: { side: 'upstream', flag: 'DF' },
  upstream_full: { side: 'upstream', flag: 'UO' },
  upstream_queue_full: { side: 'upstream', flag: 'UO' },
  upstream_queue_timeout: { side: 'upstream', flag: 'UO' },
  upstream_circuit_open: { side: 'upstream', flag: 'UO' },
  upstream_overloaded: { side: 'upstream', flag: 'UO' },
  upstream_connect_failed: { side: 'upstream', flag: 'UF' },
  upstream_connect_timeout: { side: 'upstream', flag: 'UF' },
  upstream_closed: { side: 'upstream', flag: 'UC' },
  flow_idle_timeout: { side: 'internal', flag: 'SI' },
  half_close_timeout: { side: 'internal', flag: 'SI' },
  /** It was the one of UDP that had been idle for the longest when there was no room for another. */
  flow_evicted: { side: 'internal', flag: 'OL' },
  shutdown: { side: 'internal', flag: 'SD' },
  internal: { side: 'internal', flag: 'IE' },
} as const satisfies Record<string, FlowErrorRow>

export type FlowErrorCode = keyof typeof FLOW_ERRORS
