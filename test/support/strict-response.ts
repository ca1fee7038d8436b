import { type Content, declaredFraming, type Framing, readChunked, readLength } from './strict-content.ts'
import { complete, type Field, incomplete, malformed, readHead, type Step } from './strict-head.ts'

export interface InterimResponse {
  readonly status: number
  readonly fields: readonly Field[]
}

export interface ResponseHead {
  readonly status: number
  readonly version: string
  readonly reason: string
  readonly fields: readonly Field[]
  /** 1xx responses before the final one; 101 is a final one. */
  readonly interim: readonly InterimResponse[]
  readonly framing: Framing
  readonly length: number
  /** Offset of the first byte after the head. */
  readonly end: number
}

export interface StrictResponse extends ResponseHead {
  readonly content: Buffer
  readonly trailers: readonly Field[]
  readonly chunkExtensions: readonly string[]
}

export interface ResponseContext {
  /** The request's method: a response to HEAD has no content. */
  readonly method?: string
  /** The client's version: an HTTP/1.0 client must not get Transfer-Encoding or 1xx. */
  readonly clientVersion?: '1.0' | '1.1'
  /** How the connection ended, if it did: a close-delimited response is whole only after FIN. */
  readonly ended?: 'no' | 'fin' | 'reset'
}

const statusLine = /^HTTP\/(1\.[01]) ([1-5]\d\d) ([\t\x20-\x7e\x80-\xff]*)$/

/** The head of the final response from offset `from`, with the interim responses before it. */
export function parseResponseHead(bytes: Buffer, from = 0, context: ResponseContext = {}): Step<ResponseHead> {
  const { method = 'GET', clientVersion = '1.1' } = context
  const interim: InterimResponse[] = []
  let at = from
  for (;;) {
    const head = readHead(bytes, at)
    if (head.kind !== 'complete') return head
    const { startLine, fields, end } = head.value
    const match = statusLine.exec(startLine)
    if (!match) return malformed(`not a status line: ${JSON.stringify(startLine)}`)
    const [, version = '', digits = '', reason = ''] = match
    const status = Number(digits)
    const declared = declaredFraming(fields, version)
    if (declared.kind !== 'complete') return declared
    if ((status < 200 || status === 204) && declared.value.kind !== 'undeclared') {
      return malformed(`${declared.value.kind} in a ${status}`)
    }
    if (clientVersion === '1.0' && (declared.value.kind === 'chunked' || status < 200)) {
      return malformed(`${status < 200 ? status : 'chunked'} for an HTTP/1.0 client`)
    }
    at = end
    if (status < 200 && status !== 101) {
      interim.push({ status, fields })
      continue
    }
    const framing: Framing =
      method === 'HEAD' || status < 200 || status === 204 || status === 304
        ? 'none'
        : declared.value.kind === 'undeclared'
          ? 'close'
          : declared.value.kind
    const length = declared.value.kind === 'content-length' ? declared.value.length : 0
    return complete({ status, version, reason, fields, interim, framing, length, end })
  }
}

/** One whole response from offset `from`. */
export function parseResponse(bytes: Buffer, from = 0, context: ResponseContext = {}): Step<StrictResponse> {
  const head = parseResponseHead(bytes, from, context)
  if (head.kind !== 'complete') return head
  const content = readContent(bytes, head.value, context.ended ?? 'no')
  if (content.kind !== 'complete') return content
  return complete({ ...head.value, ...content.value })
}

function readContent(bytes: Buffer, head: ResponseHead, ended: 'no' | 'fin' | 'reset'): Step<Content> {
  if (head.framing === 'chunked') return readChunked(bytes, head.end)
  if (head.framing === 'content-length') return readLength(bytes, head.end, head.length)
  if (head.framing === 'none') return readLength(bytes, head.end, 0)
  return ended === 'fin' ? readLength(bytes, head.end, bytes.length - head.end) : incomplete
}
