/** Content of a request as HTTP/1.1 frames it and as it is kept, taken apart again for HTTP/2. What lies there is our own writing. */
import type { ByteBuffer } from '../net/byte-buffer.ts'

const CR = 0x0d
const LINE_END = Buffer.from('\r\n', 'latin1')
const CHUNKED_LINE = Buffer.from('\r\nTransfer-Encoding: chunked\r\n', 'latin1')
const HEAD_END = Buffer.from('\r\n\r\n', 'latin1')

/** Where the head that begins at `start` ends: past its empty line. */
export function headEnd({ bytes, length }: ByteBuffer, start: number): number {
  const at = bytes.indexOf(HEAD_END, start)
  // Past `length` lies what some earlier request has left.
  return at < 0 ? length : Math.min(length, at + HEAD_END.length)
}

/** Whether content behind the head comes in chunks: `writeRequestHead` says so in these words and no others. */
export function isChunked({ bytes }: ByteBuffer, start: number, end: number): boolean {
  return bytes.subarray(start, end).includes(CHUNKED_LINE)
}

/** Whoever takes the content. */
export interface ContentTaker {
  content(bytes: Buffer, start: number, end: number): void
  /** The last chunk was there; `trailers`: name, value, name, value ... */
  contentEnd(trailers: readonly string[] | null): void
}

/** Hands over what the chunks from `start` to the end of `out` bear. They are whole: each was written in one piece. */
export function readChunks({ bytes, length }: ByteBuffer, start: number, taker: ContentTaker): void {
  let at = start
  while (at < length) {
    const lineEnd = bytes.indexOf(LINE_END, at)
    const size = Number.parseInt(bytes.latin1Slice(at, lineEnd), 16)
    const contentStart = lineEnd + LINE_END.length
    if (size === 0) {
      taker.contentEnd(readTrailers(bytes, contentStart))
      return
    }
    taker.content(bytes, contentStart, contentStart + size)
    at = contentStart + size + LINE_END.length
  }
}

/** Each line is `name: value`, as `lastChunk` writes it. */
function readTrailers(bytes: Buffer, start: number): readonly string[] | null {
  if (bytes[start] === CR) return null
  const end = bytes.indexOf(HEAD_END, start)
  const lines = bytes.latin1Slice(start, end).split('\r\n')
  return lines.flatMap(line => {
    const colon = line.indexOf(': ')
    return [line.slice(0, colon), line.slice(colon + 2)]
  })
}
