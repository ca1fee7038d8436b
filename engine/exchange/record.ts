/**
 * What is known of an exchange when it has ended: the source of an access line. Strings are made when they are read,
 * so a listener that samples pays only for what it keeps. The record is valid during the call that hands it over.
 */
export interface ExchangeRecord {
  /** Milliseconds since the epoch when the first byte of the request was read. */
  readonly startedAtMs: number
  readonly method: string
  /** `Host`, or the authority of an absolute-form target; empty where the request had none. */
  readonly host: string
  readonly target: string
  /** Status sent to the client; 0 where none was sent. */
  readonly status: number
  /** `grpc-status` of a call of gRPC; -1 for none. */
  readonly grpcStatus: number
  /** Bytes read from the client for this request: head, content and framing. */
  readonly bytesIn: number
  /** Bytes written to the client for this exchange: heads, content and framing. */
  readonly bytesOut: number
  /** Microseconds to open the upstream connection; 0 where a pooled one was used, -1 where there was none. */
  readonly connectUs: number
  /** Microseconds from the first byte of the request to the first byte of the response head; -1 where none came. */
  readonly firstByteUs: number
  /** Microseconds from the first byte of the request to the last byte handed to the client. */
  readonly totalUs: number
  /** The endpoint that answered or was tried last; empty where none was. */
  readonly endpoint: string
  readonly upstream: string
  readonly route: string
  readonly listener: string
  /** Tries beyond the first. */
  readonly retries: number
  readonly requestId: string
  /** `HTTP/1.0`, `HTTP/1.1`; empty where the request could not be read. */
  readonly protocol: string
  readonly client: string
  /** Who has told of the client by the PROXY protocol: its address and port; empty where the client came itself. */
  readonly proxy: string
  /** `TLSv1.3`, the suite as the registry of IANA has it, and the name that the client asked for; empty where there is none. */
  readonly tlsVersion: string
  readonly tlsCipher: string
  readonly serverName: string
  /** Envoy-style response flag (`UF`, `UC`, `DC` ...); empty where nothing went wrong. */
  readonly flag: string
  /** The error's code in the catalogue, e.g. `upstream_connect_failed`; empty where nothing went wrong. */
  readonly error: string
  /** The system's name for what went wrong, e.g. `ECONNREFUSED`, or what is wrong with a head; empty where there is nothing to be told. */
  readonly errorDetail: string
}
