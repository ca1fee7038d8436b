/** A trailer section (RFC 9113, section 8.1): no pseudo-fields, and of the fields those that may stand there. */
import { CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, TRANSFER_ENCODING, UPGRADE } from '../http/field-names.ts'
import { isForbiddenTrailer } from '../http/trailers.ts'
import { BAD_NAME, KIND_MASK, METHOD, UNKNOWN_PSEUDO } from './field-kinds.ts'
import type { HeadLimits } from './head-words.ts'
import type { FieldSink, HpackDecoder } from './hpack-decoder.ts'

class TrailerSink implements FieldSink {
  /** '' or what is wrong with it, for people to read. */
  malformed = ''
  /** It is larger than a head may be, or has more lines. */
  tooLarge = false
  /** Name, value, name, value ...; `null` where none is left. */
  trailers: string[] | null = null
  #bytesLeft = 0
  #linesLeft = 0

  begin(limits: HeadLimits): void {
    this.malformed = ''
    this.tooLarge = false
    this.trailers = null
    this.#bytesLeft = limits.headBytesMax
    this.#linesLeft = limits.fieldLinesMax
  }

  onMove(): void {}

  onField(bytes: Buffer, start: number, nameLength: number, valueLength: number, kind: number): void {
    if (this.malformed !== '' || this.tooLarge) return
    const what = kind & KIND_MASK
    if (kind >= BAD_NAME) this.malformed = 'a field of the trailer section is not valid'
    else if (what >= METHOD && what <= UNKNOWN_PSEUDO) this.malformed = 'a pseudo-field stands in the trailer section'
    else if (isConnectionField(what)) this.malformed = 'a field is of a connection of HTTP/1.1'
    this.#bytesLeft -= nameLength + valueLength + 4
    this.#linesLeft -= 1
    this.tooLarge = this.#bytesLeft < 0 || this.#linesLeft < 0
    if (this.malformed !== '' || this.tooLarge) return
    const name = bytes.latin1Slice(start, start + nameLength)
    if (isForbiddenTrailer(name)) return
    const valueStart = start + nameLength + 2
    this.trailers ??= []
    this.trailers.push(name, bytes.latin1Slice(valueStart, valueStart + valueLength))
  }
}

function isConnectionField(kind: number): boolean {
  return (
    kind === CONNECTION ||
    kind === KEEP_ALIVE ||
    kind === PROXY_CONNECTION ||
    kind === TRANSFER_ENCODING ||
    kind === UPGRADE
  )
}

/** What the last `decodeTrailers` found: shared by all connections of the thread. */
export const decodedTrailers: TrailerSink = new TrailerSink()

/** Fills `decodedTrailers`. Gives 0, or the error that ends the connection. */
export function decodeTrailers(
  hpack: HpackDecoder,
  bytes: Buffer,
  start: number,
  end: number,
  limits: HeadLimits,
): number {
  decodedTrailers.begin(limits)
  return hpack.decode(bytes, start, end, decodedTrailers)
}
