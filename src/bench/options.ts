import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import { describeBounds, LIMITS, type LimitName } from './limits.ts'

/** What can be asked of a load run, and what of it is refused. */

export interface BenchOptions {
  /** `http:` or `https:`. A user and password in it become an `Authorization` field. */
  readonly url: string
  /** Connections open at once, over all threads. Default: 50. */
  readonly connections?: number | undefined
  /** Threads that send. Default: half of the processors, as the target may need the rest, and at most 8. */
  readonly threads?: number | undefined
  /** How long to measure. Default: 10,000, unless `requests` is given. */
  readonly durationMs?: number | undefined
  /** How many requests to send in all, instead of for how long. */
  readonly requests?: number | undefined
  /**
   * Requests per second over all connections, sent on a schedule that does not wait for answers. Latency is then
   * measured from the time that the schedule intended. Default: none, each connection asks again when it was answered.
   */
  readonly rate?: number | undefined
  /** Load before measuring, which nothing of is counted. Default: 0. */
  readonly warmUpMs?: number | undefined
  readonly method?: string | undefined
  /** Field lines in the order in which they are sent; names may repeat. */
  readonly headers?: readonly (readonly [name: string, value: string])[] | undefined
  readonly body?: string | Uint8Array | undefined
  /** Requests on the way at once on each connection. Default: 1. */
  readonly pipelining?: number | undefined
  /** `false`: a connection for each request; its latency includes connecting. Default: true. */
  readonly keepAlive?: boolean | undefined
  /** How long to wait for a connection, and for an answer. Default: 10,000. */
  readonly timeoutMs?: number | undefined
  /** HTTPS: accepts whatever certificate the target shows. Default: false. */
  readonly insecure?: boolean | undefined
  /** HTTPS: certificates (PEM) to trust instead of the system's. */
  readonly ca?: string | undefined
  /** HTTPS: the name to ask for (SNI) and to check the certificate against. Default: the URL's host. */
  readonly serverName?: string | undefined
  /** Told about four times a second how far the run is. Must not throw. */
  readonly onProgress?: ((progress: BenchProgress) => void) | undefined
  /** Ends the run; what was measured until then is the result. */
  readonly signal?: AbortSignal | undefined
}

export interface BenchProgress {
  readonly phase: 'warm-up' | 'measuring'
  /** Since the phase began. */
  readonly elapsedMs: number
  /** How much of the phase is done, 0 to 1. */
  readonly share: number
  /** Whole answers since measuring began. */
  readonly answered: number
  /** Answers other than 2xx since measuring began. */
  readonly non2xx: number
  /** Requests and connections that failed since measuring began. */
  readonly failed: number
  /** Since the last call. */
  readonly requestsPerSecond: number
  /** Of all answers so far, to about 3 %. */
  readonly latencyUsP50: number
  readonly latencyUsP99: number
}

/** The options with every default in its place, checked. */
export interface BenchSettings {
  readonly url: URL
  readonly connections: number
  readonly threads: number
  /** `null` where a number of requests is asked for. */
  readonly durationMs: number | null
  readonly requests: number | null
  readonly rate: number | null
  readonly warmUpMs: number
  readonly method: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Uint8Array
  readonly pipelining: number
  readonly keepAlive: boolean
  readonly timeoutMs: number
  readonly insecure: boolean
  readonly ca: string | null
  readonly serverName: string | null
}

/** The run cannot be made as asked: an option is wrong, or the target cannot be reached. The message says which. */
export class BenchError extends Error {
  override readonly name = 'BenchError'
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** RFC 9110 section 5.5, and tolerant of what is past ASCII: field values go out as UTF-8. */
const FIELD_VALUE = /^[^\x00-\x08\x0a-\x1f\x7f]*$/
/** Written by the tool, because they say how the message is framed. */
const OWN_FIELDS = new Set(['content-length', 'transfer-encoding'])

/** @throws {BenchError} naming the option that is wrong, and what it should be. */
export function checkOptions(options: BenchOptions): BenchSettings {
  for (const name of Object.keys(LIMITS) as LimitName[]) checkLimit(name, options[name])
  checkTogether(options)
  const connections = options.connections ?? LIMITS.connections.default
  return {
    url: parseTarget(options.url),
    connections,
    threads: options.threads ?? defaultThreads(connections),
    durationMs: options.requests === undefined ? (options.durationMs ?? LIMITS.durationMs.default) : null,
    requests: options.requests ?? null,
    rate: options.rate ?? null,
    warmUpMs: options.warmUpMs ?? LIMITS.warmUpMs.default,
    method: checkMethod(options.method ?? 'GET'),
    headers: (options.headers ?? []).map(([name, value]) => checkField(name, value)),
    body: typeof options.body === 'string' ? Buffer.from(options.body) : (options.body ?? new Uint8Array()),
    pipelining: options.pipelining ?? LIMITS.pipelining.default,
    keepAlive: options.keepAlive ?? true,
    timeoutMs: options.timeoutMs ?? LIMITS.timeoutMs.default,
    insecure: options.insecure ?? false,
    ca: options.ca ?? null,
    serverName: checkServerName(options.serverName ?? null),
  }
}

/** @throws {BenchError} */
export function parseTarget(text: string): URL {
  const url = URL.parse(text)
  if (url === null) {
    const guess = URL.parse(`http://${text}`)
    const hint =
      guess === null || /[\s]/.test(text) ? 'it looks like http://127.0.0.1:8080/' : `did you mean ${guess.href}?`
    throw new BenchError(`"${text}" is not a URL; ${hint}`)
  }
  if (url.protocol === 'http:' || url.protocol === 'https:') return checkTarget(url)
  // `localhost:8080` parses as a URL with the scheme `localhost`.
  const guess = /^[a-z0-9.-]+:[0-9]+(?:\/|$)/i.test(text) ? `; did you mean http://${text}?` : ''
  throw new BenchError(`the URL must begin with http:// or https://, not ${url.protocol}${guess}`)
}

function checkTarget(url: URL): URL {
  if (url.port === '0') throw new BenchError(`nothing can listen on port 0 of ${url.host}`)
  try {
    decodeURIComponent(url.username + url.password)
  } catch {
    throw new BenchError('the user or the password in the URL has a % in it that is not encoded; write %25')
  }
  return url
}

/** @throws {BenchError} for a field that no request can carry, or that this tool writes itself. */
export function checkField(name: string, value: string): readonly [string, string] {
  if (!TOKEN.test(name)) throw new BenchError(`"${name}" is not the name of a header field`)
  if (!FIELD_VALUE.test(value)) throw new BenchError(`the value of the header ${name} has a control character in it`)
  if (OWN_FIELDS.has(name.toLowerCase())) {
    throw new BenchError(`the header ${name} is written by the tool itself, as the body needs it`)
  }
  return [name, value]
}

/** RFC 6066 section 3: a name, no address. */
function checkServerName(name: string | null): string | null {
  if (name === null || (/^[\w.-]+$/.test(name) && isIP(name) === 0)) return name
  throw new BenchError(`the server name must be a host's name such as www.example.com, not "${name}"`)
}

function checkMethod(method: string): string {
  if (!TOKEN.test(method)) throw new BenchError(`"${method}" is not an HTTP method`)
  if (method === 'CONNECT') throw new BenchError('the method CONNECT opens a tunnel, which cannot be measured')
  return method
}

function checkLimit(name: LimitName, value: number | undefined): void {
  if (value === undefined) return
  const { label, minimum, maximum, isWhole } = LIMITS[name]
  const isWithin = value >= minimum && value <= maximum && (!isWhole || Number.isInteger(value))
  if (!isWithin) throw new BenchError(`${label} must be ${describeBounds(name)}, not ${value}`)
}

function checkTogether({ requests, durationMs, threads, connections, keepAlive, pipelining }: BenchOptions): void {
  if (requests !== undefined && durationMs !== undefined) {
    throw new BenchError('either a duration or a number of requests ends the run; both were given')
  }
  const connectionsWanted = connections ?? LIMITS.connections.default
  if (threads !== undefined && threads > connectionsWanted) {
    throw new BenchError(`${threads} threads need at least as many connections; there are ${connectionsWanted}`)
  }
  if (keepAlive === false && (pipelining ?? 1) > 1) {
    throw new BenchError('pipelining needs connections that are kept alive')
  }
}

function defaultThreads(connections: number): number {
  return Math.max(1, Math.min(connections, Math.floor(availableParallelism() / 2), 8))
}
