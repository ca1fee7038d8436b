/** Chunked framing (RFC 9112, section 7.1) as we write it: no extensions, one chunk around what one read brought. */
import type { ByteBuffer } from '../net/byte-buffer.ts'

export const LAST_CHUNK = '0\r\n\r\n'

const DIGITS = Buffer.from('0123456789abcdef', 'latin1')

/** Adds `size CRLF content CRLF`. @hotpath */
export function addChunk(out: ByteBuffer, source: Buffer, start: number, end: number): void {
  out.text(`${(end - start).toString(16)}\r\n`)
  out.copy(source, start, end)
  out.text('\r\n')
}

/** Position where the framed chunk begins, once `frameInPlace` has written around it. */
export let framedStart = 0

/**
 * Writes the size line before `start` and CRLF at `end`, in place; gives the end and leaves the start in `framedStart`.
 * The caller owns the bytes around (a slot's head and tail room, or framing that has been read). @hotpath
 */
export function frameInPlace(bytes: Buffer, start: number, end: number): number {
  let at = start
  bytes[--at] = 0x0a
  bytes[--at] = 0x0d
  let size = end - start
  do {
    bytes[--at] = DIGITS[size & 15] as number
    size >>>= 4
  } while (size !== 0)
  framedStart = at
  bytes[end] = 0x0d
  bytes[end + 1] = 0x0a
  return end + 2
}

/** The last chunk with a trailer section: name, value, name, value ... */
export function lastChunk(trailers: readonly string[] | null): string {
  if (trailers === null) return LAST_CHUNK
  let text = '0\r\n'
  for (let index = 0; index + 1 < trailers.length; index += 2) text += `${trailers[index]}: ${trailers[index + 1]}\r\n`
  return `${text}\r\n`
}
