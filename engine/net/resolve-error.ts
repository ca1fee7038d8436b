/**
 * A name that does not resolve. `code` is one of
 * `ENOTFOUND` (no such name), `ENODATA` (it has no such records), `EBADNAME` (it cannot be a name),
 * `ETIMEDOUT` (no answer in time), `ESERVFAIL`, `EREFUSED`, `ENOTIMP`, `EFORMERR` (a server says so),
 * `EBADRESP` (an answer that makes no sense), `ECONNREFUSED` (no server listens), `ECANCELLED` (nobody waits any more),
 * or another one of Node's.
 */
export class ResolveError extends Error {
  override readonly name = 'ResolveError'
  /** The name that was asked for: a host's or a service's. */
  readonly host: string
  readonly code: string

  /** `detail`: what to say in place of what the code says. */
  constructor(host: string, code: string, detail?: string, options?: ErrorOptions) {
    super(`${host}: ${detail ?? EXPLANATIONS[code] ?? `the look-up has failed (${code})`}`, options)
    this.host = host
    this.code = code
  }

  /** Makes one of whatever a look-up has thrown. */
  static of(host: string, error: unknown): ResolveError {
    if (error instanceof ResolveError) return error
    const code = (error as { code?: unknown } | null)?.code
    const known = typeof code === 'string' ? (SYNONYMS[code] ?? code) : 'EUNKNOWN'
    return new ResolveError(host, known, undefined, { cause: error })
  }

  /** The code is an answer: another server, or the same one asked again, would say no different. */
  get isDefinite(): boolean {
    return DEFINITE.has(this.code)
  }
}

const DEFINITE: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME'])

const EXPLANATIONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name does not exist',
  ENODATA: 'the name has no such records',
  EBADNAME: 'this cannot be a name',
  ETIMEDOUT: 'no DNS server has answered in time',
  ESERVFAIL: 'the DNS server has failed (SERVFAIL)',
  EREFUSED: 'the DNS server refuses to answer (REFUSED)',
  EBADRESP: 'the answer of the DNS server makes no sense',
  ECONNREFUSED: 'no DNS server can be reached',
  ECANCELLED: 'the look-up was cancelled',
}

/** c-ares and `getaddrinfo` have names of their own for some. */
const SYNONYMS: Readonly<Record<string, string>> = {
  ETIMEOUT: 'ETIMEDOUT',
  EAI_AGAIN: 'ESERVFAIL',
}
