import {
  complete,
  type Field,
  incomplete,
  malformed,
  readFields,
  readLine,
  type Step,
  token,
  valuesOf,
} from './strict-head.ts'

export type Framing = 'none' | 'content-length' | 'chunked' | 'close'

export interface Content {
  readonly content: Buffer
  readonly trailers: readonly Field[]
  /** What stood after the size of each chunk that had an extension. */
  readonly chunkExtensions: readonly string[]
  /** Offset of the first byte after the message. */
  readonly end: number
}

const quotedString = '"(?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"'
/** RFC 9112 7.1 and 7.1.1, without the bad whitespace that recipients disagree about. */
const chunkLine = new RegExp(`^([0-9A-Fa-f]{1,12})((?:;${token}(?:=(?:${token}|${quotedString}))?)*)$`)

export type DeclaredFraming =
  | { readonly kind: 'undeclared' }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'content-length'; readonly length: number }

/** RFC 9112 6.3 with every doubtful combination refused. */
export function declaredFraming(fields: readonly Field[], version: string): Step<DeclaredFraming> {
  const codings = valuesOf(fields, 'transfer-encoding')
  const lengths = valuesOf(fields, 'content-length')
  if (codings.length > 0) {
    if (lengths.length > 0) return malformed('Content-Length beside Transfer-Encoding')
    if (version !== '1.1') return malformed('Transfer-Encoding in HTTP/1.0')
    if (codings.length > 1 || codings[0]?.toLowerCase() !== 'chunked') {
      return malformed(`Transfer-Encoding: ${codings.join(' | ')}`)
    }
    return complete({ kind: 'chunked' })
  }
  if (lengths.length === 0) return complete({ kind: 'undeclared' })
  const text = lengths.join(' | ')
  // Past 63 bits some recipients overflow; past 53 the number here is inexact, but so much never comes.
  if (!/^\d+$/.test(text) || BigInt(text) >= 2n ** 63n) return malformed(`Content-Length: ${text}`)
  return complete({ kind: 'content-length', length: Number(text) })
}

export function readLength(bytes: Buffer, from: number, length: number): Step<Content> {
  const end = from + length
  if (bytes.length < end) return incomplete
  return complete({ content: bytes.subarray(from, end), trailers: [], chunkExtensions: [], end })
}

export function readChunked(bytes: Buffer, from: number): Step<Content> {
  const chunks: Buffer[] = []
  const chunkExtensions: string[] = []
  let at = from
  for (;;) {
    const head = readLine(bytes, at)
    if (head.kind !== 'complete') return head
    const match = chunkLine.exec(head.value.line)
    if (!match) return malformed(`not a chunk's first line: ${JSON.stringify(head.value.line)}`)
    const size = Number.parseInt(match[1] ?? '', 16)
    if (match[2]) chunkExtensions.push(match[2])
    at = head.value.end
    if (size === 0) break
    const end = at + size
    if (bytes.length > end && bytes[end] !== 13) return malformed('no CRLF after a chunk')
    if (bytes.length > end + 1 && bytes[end + 1] !== 10) return malformed('no CRLF after a chunk')
    if (bytes.length < end + 2) return incomplete
    chunks.push(bytes.subarray(at, end))
    at = end + 2
  }
  const trailers = readFields(bytes, at)
  if (trailers.kind !== 'complete') return trailers
  const { fields, end } = trailers.value
  for (const name of ['transfer-encoding', 'content-length', 'host', 'connection']) {
    if (valuesOf(fields, name).length > 0) return malformed(`${name} in a trailer section`)
  }
  return complete({ content: Buffer.concat(chunks), trailers: fields, chunkExtensions, end })
}
