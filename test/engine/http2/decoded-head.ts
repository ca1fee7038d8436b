/** Field blocks read as heads, and all that was found of them written down. */
import { Head } from '../../../engine/http/head.ts'
import { type RequestFacts, request } from '../../../engine/http/request-facts.ts'
import { type ResponseFacts, response } from '../../../engine/http/response-facts.ts'
import type { HeadLimits } from '../../../engine/http2/head-words.ts'
import { HpackDecoder } from '../../../engine/http2/hpack-decoder.ts'
import { decodedRequest, decodeRequest } from '../../../engine/http2/request-decoder.ts'
import { decodedResponse, decodeResponse, type ResponseQuery } from '../../../engine/http2/response-decoder.ts'
import { block, type Line } from './wire.ts'

export const HEAD_LIMITS: HeadLimits = { headBytesMax: 32_768, fieldLinesMax: 100, targetBytesMax: 8192 }

export function openHpack(): HpackDecoder {
  return new HpackDecoder(1024 * 1024)
}

/** What a head says, read by its spans. */
export interface HeadText {
  readonly words: string
  readonly target: string
  readonly lines: readonly Line[]
  /** Positions of each line: name, value unless it is empty, the next line. */
  readonly spans: readonly (readonly number[])[]
  readonly ids: readonly number[]
}

export function textOf(head: Head): HeadText {
  const indexes = Array.from({ length: head.fieldCount }, (_, index) => index)
  return {
    words: head.text(0, head.length),
    target: head.text(head.targetStart, head.targetEnd),
    lines: indexes.map(index => [head.name(index), head.value(index)]),
    spans: indexes.map(index => [
      head.nameStart(index),
      head.nameEnd(index),
      ...(head.valueEnd(index) > head.valueStart(index) ? [head.valueStart(index), head.valueEnd(index)] : []),
      head.lineEnd(index),
    ]),
    ids: [...head.ids.subarray(0, head.fieldCount)],
  }
}

export interface ReadRequest {
  /** Of the connection; 0 for none. */
  readonly error: number
  readonly refusal: string
  readonly reason: string
  /** Only of a request that is not refused. */
  readonly head: HeadText | null
  readonly host: string
  readonly facts: RequestFacts
  readonly contentLength: number
  readonly priority: number
  readonly webSocket: boolean
}

export interface RequestOptions {
  readonly endStream?: boolean
  readonly limits?: Partial<HeadLimits>
  readonly extendedConnect?: boolean
  readonly hpack?: HpackDecoder
}

const sharedHead = new Head(Buffer.alloc(0))

export function readRequestBlock(bytes: Buffer, options: RequestOptions = {}): ReadRequest {
  const { endStream = true, extendedConnect = true, hpack = openHpack() } = options
  const limits = { ...HEAD_LIMITS, ...options.limits }
  const error = decodeRequest(hpack, bytes, 0, bytes.length, endStream, sharedHead, limits, extendedConnect)
  const { refusal, reason, contentLength, priority, webSocket } = decodedRequest
  const head = error === 0 && refusal === '' ? textOf(sharedHead) : null
  const host = head === null ? '' : sharedHead.text(request.hostStart, request.hostEnd)
  return { error, refusal, reason, head, host, facts: { ...request }, contentLength, priority, webSocket }
}

export function readRequestLines(lines: readonly Line[], options: RequestOptions = {}): ReadRequest {
  return readRequestBlock(block(lines), options)
}

export interface ReadResponse {
  readonly error: number
  readonly malformed: string
  readonly head: HeadText | null
  readonly facts: ResponseFacts
  readonly contentLength: number
}

export interface ResponseOptions extends Partial<ResponseQuery> {
  readonly endStream?: boolean
  readonly limits?: Partial<HeadLimits>
}

export function readResponseLines(lines: readonly Line[], options: ResponseOptions = {}): ReadResponse {
  const { endStream = false, skipContent = false, webSocketKey = null } = options
  const bytes = block(lines)
  const limits = { ...HEAD_LIMITS, ...options.limits }
  const query = { skipContent, webSocketKey }
  const error = decodeResponse(openHpack(), bytes, 0, bytes.length, endStream, sharedHead, limits, query)
  const { malformed, contentLength } = decodedResponse
  const head = error === 0 && malformed === '' ? textOf(sharedHead) : null
  return { error, malformed, head, facts: { ...response }, contentLength }
}
