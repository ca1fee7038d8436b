/** What a load thread is told when it starts: plain data, the same for all threads but for the index. */

export interface LoadPlan {
  /** Where to connect: resolved once for the whole run, so that no name lookup is in a measurement. */
  readonly host: string
  readonly port: number
  readonly tls: TlsPlan | null
  /** One request, as it goes out. */
  readonly requestBytes: Uint8Array
  /** Answers to HEAD have no content, whatever their field lines say. */
  readonly isHead: boolean
  readonly keepAlive: boolean
  readonly pipelining: number
  readonly timeoutMs: number
  /** Over all threads; connection number `n` belongs to thread `n % threads`. */
  readonly connections: number
  readonly threads: number
  /** Requests per second over all threads; `null`: as fast as answers come. */
  readonly rate: number | null
  /** `null` where the number of requests ends the run. */
  readonly durationMs: number | null
  /** `null` where the time ends the run. */
  readonly requests: number | null
  readonly warmUpMs: number
}

export interface TlsPlan {
  /** For SNI and for checking the certificate; empty where the URL has an address instead of a name. */
  readonly serverName: string
  readonly isVerified: boolean
  /** PEM; `null` for the certificates that the system trusts. */
  readonly ca: string | null
}

export interface LoadThreadData {
  readonly plan: LoadPlan
  readonly index: number
  /** What this thread counts while it runs. */
  readonly livePage: SharedArrayBuffer
  /** One 32-bit integer for all threads: how many of `plan.requests` nobody has taken yet. */
  readonly budget: SharedArrayBuffer
}

export type ToLoadThread = { readonly kind: 'go' } | { readonly kind: 'stop' }

export type FromLoadThread =
  /** Its connections are open, or were tried. */
  | { readonly kind: 'ready' }
  /** No connection could be made for as long as the timeout; it goes on trying. */
  | { readonly kind: 'unreachable'; readonly message: string }
  /** It is back. */
  | { readonly kind: 'reachable' }
  | { readonly kind: 'done'; readonly report: ThreadReport }

export interface SocketErrors {
  /** The connection could not be made, or its TLS handshake failed. */
  readonly connect: number
  /** The target closed or reset the connection before the answer was whole. */
  readonly reset: number
  /** No whole answer within the timeout. */
  readonly timeout: number
  /** What came was not HTTP. */
  readonly malformed: number
}

/** What one thread measured. */
export interface ThreadReport {
  readonly elapsedMs: number
  readonly answered: number
  readonly bytesReceived: number
  /** How many answers of each status. */
  readonly statuses: Readonly<Record<string, number>>
  readonly errors: SocketErrors
  /** Requests of the schedule that were due and found no free connection until the end. */
  readonly unsent: number
  readonly sentLate: OwnDelay
  readonly onTheWay: OnTheWay
  /** From sending to the end of the answer. */
  readonly latency: RecordedLatency
  /** From the intended time to the end of the answer; `null` without a schedule. */
  readonly corrected: RecordedLatency | null
}

/** Requests that had no answer yet when time alone ended the run; they are in no other number. */
export interface OnTheWay {
  readonly count: number
  /** How long the oldest of them had waited. */
  readonly maxUs: number
}

/** With a rate: requests that left late although a connection was free for them, because the tool or its machine was busy. */
export interface OwnDelay {
  readonly count: number
  readonly maxUs: number
}

/** Microseconds. */
export interface RecordedLatency {
  /** HdrHistogram's interchange form: V2, compressed, base64. */
  readonly histogram: string
  /** Exact, where the histogram knows them to three digits; 0 where nothing was recorded. */
  readonly minUs: number
  readonly maxUs: number
}
