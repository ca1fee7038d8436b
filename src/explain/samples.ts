/** Requests that were, or may be: a line each, as somebody writes them, or as access logs have them. */
import type { ExplainRequest } from '../../engine/explain/explanation.ts'
import { parseFieldLine, parseRequestLine, RequestSpecError, readDescription } from './request-spec.ts'

/** What a line of a file of samples is. */
export type SampleLine =
  | { readonly kind: 'request'; readonly request: ExplainRequest }
  /** Not a request, and nobody's mistake: empty, a comment, a line of the log about something else. */
  | { readonly kind: 'other' }
  | { readonly kind: 'wrong'; readonly reason: string }

/** nginx's and Apache's common and combined formats; a virtual host may stand first. */
const COMBINED = /^(?:(\S+) )?(\S+) \S+ \S+ \[[^\]]*\] "([A-Z-]+) (\S+) HTTP\/[\d.]+"/

const OTHER: SampleLine = { kind: 'other' }

/**
 * `authority` is for lines that have no host.
 *
 * ```
 * GET https://api.example.com/v1/users/7
 * POST http://api.example.com/v1/users x-version: 2; x-debug: 1
 * {"msg":"access","method":"GET","host":"api.example.com","target":"/v1/users/7","client":"10.0.0.1:5000"}
 * 10.0.0.1 - - [21/Nov/2026:16:00:00 +0000] "GET /v1/users/7 HTTP/1.1" 200 2 "-" "curl"
 * ```
 */
export function readSample(line: string, authority: string): SampleLine {
  const written = line.trim()
  if (written === '' || written.startsWith('#')) return OTHER
  try {
    const request = written.startsWith('{') ? ofJson(written, authority) : ofText(written, authority)
    return request === null ? OTHER : { kind: 'request', request }
  } catch (error) {
    if (!(error instanceof RequestSpecError)) throw error
    return { kind: 'wrong', reason: error.message }
  }
}

/** @throws {RequestSpecError} */
function ofText(line: string, authority: string): ExplainRequest {
  const combined = COMBINED.exec(line)
  if (combined !== null) {
    const [, host, client = '', method = '', target = ''] = combined
    return ofParts({ method, host: host ?? '', target, client, listener: '' }, authority)
  }
  const [, request = '', fields = ''] = /^((?:\S+ )?\S+:\/\/\S+)(?: (.*))?$/.exec(line) ?? []
  if (request === '') throw new RequestSpecError('neither METHOD URL nor a line of an access log')
  const headers = fields === '' ? [] : fields.split(';').map(parseFieldLine)
  return readDescription({ ...parseRequestLine(request), headers })
}

/** `null` for a line of the log that is about no request. @throws {RequestSpecError} */
function ofJson(line: string, authority: string): ExplainRequest | null {
  let record: Readonly<Record<string, unknown>>
  try {
    record = JSON.parse(line) as Record<string, unknown>
  } catch {
    throw new RequestSpecError('not valid JSON')
  }
  if (typeof record.msg === 'string' && record.msg !== 'access') return null
  const textOf = (key: string) => (typeof record[key] === 'string' ? record[key] : '')
  const [method, target] = [textOf('method'), textOf('target')]
  if (method === '' || target === '') throw new RequestSpecError('it has no method, or no target')
  const [host, client, listener] = [textOf('host'), textOf('client'), textOf('listener')]
  return ofParts({ method, host, target, client, listener }, authority)
}

interface LoggedRequest {
  readonly method: string
  /** Empty for none, as `client` and `listener`. */
  readonly host: string
  readonly target: string
  readonly client: string
  readonly listener: string
}

function ofParts({ method, host, target, client, listener }: LoggedRequest, authority: string): ExplainRequest {
  const isWhole = /^https?:\/\//i.test(target)
  const url = isWhole ? target : `http://${host || authority}${target.startsWith('/') ? '' : '/'}${target}`
  const from = withoutPort(client)
  return readDescription({ method, url, listener, ...(from === '' ? {} : { from }) })
}

/** Behind a unix socket nobody knows the client. */
function withoutPort(client: string): string {
  const address = client.replace(/^\[([^\]]*)\](?::\d+)?$/, '$1').replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')
  return address === 'unknown' || address === '-' ? '' : address
}
