/**
 * Everything that can go wrong with an exchange, in one place: what the client is told, what the log says.
 * `docs/errors.md` has the same rows; a test holds the two together.
 */

/** Whose doing it is. */
export type ErrorSide = 'downstream' | 'upstream' | 'internal'

export interface ErrorRow {
  /** Status of the answer, where none has been sent yet; 0 where nobody is there to be told. */
  readonly status: number
  readonly side: ErrorSide
  /** Response flag of the access line, as Envoy names them. */
  readonly flag: string
}

export const ERRORS = {
  request_malformed: { status: 400, side: 'downstream', flag: 'DPE' },
  request_version: { status: 505, side: 'downstream', flag: 'DPE' },
  request_method_unknown: { status: 501, side: 'downstream', flag: 'DPE' },
  request_coding_unknown: { status: 501, side: 'downstream', flag: 'DPE' },
  request_expectation: { status: 417, side: 'downstream', flag: 'DPE' },
  request_path: { status: 400, side: 'downstream', flag: 'DPE' },
  request_target_too_long: { status: 414, side: 'downstream', flag: 'DPE' },
  request_head_too_large: { status: 431, side: 'downstream', flag: 'DPE' },
  request_trailers_too_large: { status: 431, side: 'downstream', flag: 'DPE' },
  request_content_too_large: { status: 413, side: 'downstream', flag: 'DPE' },
  request_content_malformed: { status: 400, side: 'downstream', flag: 'DPE' },
  request_head_timeout: { status: 408, side: 'downstream', flag: 'SI' },
  request_content_timeout: { status: 408, side: 'downstream', flag: 'SI' },
  response_write_timeout: { status: 0, side: 'downstream', flag: 'SI' },
  client_closed: { status: 0, side: 'downstream', flag: 'DC' },
  no_route: { status: 404, side: 'internal', flag: 'NR' },
  file_method: { status: 405, side: 'downstream', flag: 'FS' },
  file_not_found: { status: 404, side: 'internal', flag: 'FS' },
  file_forbidden: { status: 403, side: 'internal', flag: 'FS' },
  file_precondition: { status: 412, side: 'downstream', flag: 'FS' },
  file_range: { status: 416, side: 'downstream', flag: 'FS' },
  file_changed: { status: 503, side: 'internal', flag: 'FS' },
  file_unreadable: { status: 500, side: 'internal', flag: 'FS' },
  files_exhausted: { status: 503, side: 'internal', flag: 'FS' },
  no_endpoint: { status: 503, side: 'upstream', flag: 'UH' },
  upstream_unresolved: { status: 502, side: 'upstream', flag: 'DF' },
  upstream_full: { status: 503, side: 'upstream', flag: 'UO' },
  upstream_queue_full: { status: 503, side: 'upstream', flag: 'UO' },
  upstream_queue_timeout: { status: 503, side: 'upstream', flag: 'UO' },
  upstream_circuit_open: { status: 503, side: 'upstream', flag: 'UO' },
  upstream_overloaded: { status: 503, side: 'upstream', flag: 'UO' },
  grpc_deadline: { status: 504, side: 'downstream', flag: 'DT' },
  exchange_timeout: { status: 504, side: 'upstream', flag: 'DT' },
  upstream_connect_failed: { status: 502, side: 'upstream', flag: 'UF' },
  upstream_connect_timeout: { status: 504, side: 'upstream', flag: 'UF' },
  upstream_closed: { status: 502, side: 'upstream', flag: 'UC' },
  upstream_refused: { status: 502, side: 'upstream', flag: 'UR' },
  upstream_upgrade_unsupported: { status: 502, side: 'upstream', flag: 'UPE' },
  upstream_response_timeout: { status: 504, side: 'upstream', flag: 'UT' },
  upstream_idle_timeout: { status: 504, side: 'upstream', flag: 'SI' },
  upstream_response_malformed: { status: 502, side: 'upstream', flag: 'UPE' },
  tunnel_idle_timeout: { status: 0, side: 'internal', flag: 'SI' },
  shutdown: { status: 503, side: 'internal', flag: 'SD' },
  out_of_memory: { status: 503, side: 'internal', flag: 'OM' },
  internal: { status: 500, side: 'internal', flag: 'IE' },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof ERRORS
