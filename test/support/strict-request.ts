import { type DeclaredFraming, declaredFraming, readChunked, readLength } from './strict-content.ts'
import { complete, type Field, malformed, readHead, type Step, token, valuesOf } from './strict-head.ts'

export interface RequestHead {
  readonly method: string
  readonly target: string
  readonly version: string
  readonly fields: readonly Field[]
  readonly framing: DeclaredFraming
  /** Offset of the first byte after the head. */
  readonly end: number
}

export interface StrictRequest extends RequestHead {
  readonly content: Buffer
  readonly trailers: readonly Field[]
  readonly chunkExtensions: readonly string[]
}

const requestLine = new RegExp(`^(${token}) ([\\x21-\\x22\\x24-\\x7e]+) HTTP/(1\\.[01])$`)

/** A request head as an origin server behind a gateway expects it: origin-form or `*`, exactly one `Host` (RFC 9112 3). */
export function parseRequestHead(bytes: Buffer, from = 0): Step<RequestHead> {
  const head = readHead(bytes, from)
  if (head.kind !== 'complete') return head
  const { startLine, fields, end } = head.value
  const match = requestLine.exec(startLine)
  if (!match) return malformed(`not a request line: ${JSON.stringify(startLine)}`)
  const [, method = '', target = '', version = ''] = match
  if (!target.startsWith('/') && !(target === '*' && method === 'OPTIONS')) return malformed(`request target ${target}`)
  const hosts = valuesOf(fields, 'host')
  if (hosts.length > 1 || (hosts.length === 0 && version === '1.1'))
    return malformed(`${hosts.length} Host field lines`)
  if (/[^\x21-\x7e]|[/?#@\\,]/.test(hosts[0] ?? '')) return malformed(`Host: ${hosts[0]}`)
  const framing = declaredFraming(fields, version)
  if (framing.kind !== 'complete') return framing
  return complete({ method, target, version, fields, framing: framing.value, end })
}

/** One whole request from offset `from`. */
export function parseRequest(bytes: Buffer, from = 0): Step<StrictRequest> {
  const head = parseRequestHead(bytes, from)
  if (head.kind !== 'complete') return head
  const { framing, end } = head.value
  const content =
    framing.kind === 'chunked'
      ? readChunked(bytes, end)
      : readLength(bytes, end, framing.kind === 'content-length' ? framing.length : 0)
  if (content.kind !== 'complete') return content
  return complete({ ...head.value, ...content.value })
}
