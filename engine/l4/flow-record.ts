/**
 * What is known of a flow when it has ended: the source of its line in the log. Strings are made when they are read. The record is
 * valid during the call that hands it over.
 */
export interface FlowRecord {
  /** Milliseconds since the epoch when the connection was accepted, or the first datagram read. */
  readonly startedAtMs: number
  readonly protocol: 'tcp' | 'udp'
  readonly listener: string
  /** The client's address and port. */
  readonly client: string
  /** Who has told of the client by the PROXY protocol: its address and port; empty where the client came itself. */
  readonly proxy: string
  readonly upstream: string
  /** The endpoint that had the flow, or was tried last; empty where none was. */
  readonly endpoint: string
  /** Bytes from the client, and to it; encrypted ones as they are within. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** The same as datagrams; 0 for TCP. */
  readonly datagramsIn: number
  readonly datagramsOut: number
  /** Microseconds to open the connection to the endpoint; -1 where none was. 0 for UDP. */
  readonly connectUs: number
  /** Microseconds from the beginning of the flow to the first byte from the endpoint; -1 where none came. */
  readonly firstByteUs: number
  /** Microseconds from the beginning of the flow to its end. */
  readonly totalUs: number
  /** Tries beyond the first. */
  readonly retries: number
  /** The name that the client's handshake asks for, opened or passed on; empty where there is none. */
  readonly serverName: string
  /** Of connections that are decrypted here; else empty. */
  readonly tlsVersion: string
  readonly tlsCipher: string
  /** As that of an exchange; empty where nothing went wrong. */
  readonly flag: string
  /** The error's code in the catalogue of flows; empty where nothing went wrong. */
  readonly error: string
  /** The system's name for what went wrong, e.g. `ECONNREFUSED`; empty where there is nothing to be told. */
  readonly errorDetail: string
}
