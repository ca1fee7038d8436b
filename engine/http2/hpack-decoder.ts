/**
 * HPACK (RFC 7541): a field block in, field lines out, as bytes. One decoder per connection and direction; it must be given
 * every block that comes, in order, whatever becomes of it: the table is the connection's.
 */
import { ByteBuffer } from '../net/byte-buffer.ts'
import { kindOfField } from './field-kinds.ts'
import {
  STATIC_COUNT,
  staticBytes,
  staticKinds,
  staticNameLengths,
  staticStarts,
  staticValueLengths,
} from './hpack-static.ts'
import { ENTRY_OVERHEAD, FieldTable, LINE_OVERHEAD } from './hpack-table.ts'
import { decodedBytesMax, decodeHuffman } from './huffman.ts'
import { COMPRESSION_ERROR, DEFAULT_TABLE_BYTES, ENHANCE_YOUR_CALM } from './protocol.ts'

export interface FieldSink {
  /**
   * A field line. It lies at `start` of `bytes` as `name: value CRLF`, and stays there until `onMove` or the end of the block.
   * `kind` is what `field-kinds.ts` makes of it.
   */
  onField(bytes: Buffer, start: number, nameLength: number, valueLength: number, kind: number): void
  /** Lines that were given are about to be overwritten. */
  onMove(): void
}

/** Sees nothing of a block that is of no use; its table is kept right all the same. */
const nobody: FieldSink = { onField() {}, onMove() {} }

/** Lines that enter no table are put together here, one behind the other, for as long as their block is read. */
const loose = new ByteBuffer(4096)

/** Integers past it are refused (RFC 7541, section 5.1); no block is as long. */
const INTEGER_MAX = 0x0fffffff
const FAILED = -1

/** What the last integer was read up to. */
let position = 0

const COLON = 0x3a
const SPACE = 0x20
const CARRIAGE_RETURN = 0x0d
const LINE_FEED = 0x0a

export class HpackDecoder {
  readonly #table = new FieldTable(DEFAULT_TABLE_BYTES)
  /** What we have allowed the peer's table to be. */
  #sizeAllowed: number
  /** Our SETTINGS made the table smaller: the next block has to begin with saying so. */
  #awaitsUpdate = false
  /** What a field section may amount to, in the count of RFC 9113, section 6.5.2. */
  readonly #sectionBytesMax: number

  /**
   * Past `sectionBytesMax` a block is given up with ENHANCE_YOUR_CALM, so that a few bytes cannot be made to do the work of many
   * (each of them may stand for an entry of the table). It has to be well above what heads may have, which are refused one by one.
   * `tableBytesMax` is what our first SETTINGS say. Where that is less than what holds without them, it holds when the peer
   * has acknowledged them: `setTableBytesMax`.
   */
  constructor(sectionBytesMax: number, tableBytesMax: number = DEFAULT_TABLE_BYTES) {
    this.#sectionBytesMax = sectionBytesMax
    this.#sizeAllowed = Math.max(tableBytesMax, DEFAULT_TABLE_BYTES)
  }

  /** The peer has acknowledged our SETTINGS_HEADER_TABLE_SIZE. */
  setTableBytesMax(size: number): void {
    this.#awaitsUpdate = this.#awaitsUpdate || size < this.#table.sizeMax
    this.#sizeAllowed = size
  }

  /** What the entries of the table count for, in the count of RFC 7541, section 4.1. */
  get tableBytes(): number {
    return this.#table.size
  }

  /** Keeps the table right for a block that nobody reads. */
  skip(bytes: Buffer, start: number, end: number): number {
    return this.decode(bytes, start, end, nobody)
  }

  /** Gives 0, or the error that ends the connection: what follows cannot be read any more. @hotpath */
  decode(bytes: Buffer, start: number, end: number, sink: FieldSink): number {
    let at = start
    let first = true
    let left = this.#sectionBytesMax
    const table = this.#table
    loose.length = 0
    while (at < end) {
      const byte = bytes[at] as number
      if (byte >= 0x80) {
        let index = byte & 0x7f
        at += 1
        if (index === 0x7f) {
          index = readInteger(bytes, at, end, 0x7f)
          at = position
        }
        if (first && this.#awaitsUpdate) return COMPRESSION_ERROR
        first = false
        if (index <= 0 || index > STATIC_COUNT + table.count) return COMPRESSION_ERROR
        left -= this.#indexed(index, sink)
      } else if (byte >= 0x20 && byte < 0x40) {
        if (!first) return COMPRESSION_ERROR
        at = this.#updateSize(bytes, at, end)
        if (at === FAILED) return COMPRESSION_ERROR
      } else {
        if (first && this.#awaitsUpdate) return COMPRESSION_ERROR
        first = false
        at = this.#literal(bytes, at, end, sink)
        if (at === FAILED) return COMPRESSION_ERROR
        left -= fieldBytes
      }
      if (left < 0) return ENHANCE_YOUR_CALM
    }
    if (loose.length > LOOSE_BYTES_KEPT) {
      sink.onMove()
      loose.shrink()
    }
    return 0
  }

  /** RFC 7541, section 6.1. @hotpath */
  #indexed(index: number, sink: FieldSink): number {
    if (index <= STATIC_COUNT) {
      const nameLength = staticNameLengths[index] as number
      const valueLength = staticValueLengths[index] as number
      sink.onField(staticBytes, staticStarts[index] as number, nameLength, valueLength, staticKinds[index] as number)
      return nameLength + valueLength + ENTRY_OVERHEAD
    }
    const table = this.#table
    const place = table.placeOf(index - STATIC_COUNT)
    const nameLength = table.nameLength(place)
    const valueLength = table.valueLength(place)
    sink.onField(table.bytes, table.start(place), nameLength, valueLength, table.kind(place))
    return nameLength + valueLength + ENTRY_OVERHEAD
  }

  /** RFC 7541, section 6.2. Gives the position behind it, or `FAILED`. @hotpath */
  #literal(bytes: Buffer, start: number, end: number, sink: FieldSink): number {
    const byte = bytes[start] as number
    const indexing = byte >= 0x40
    const prefix = indexing ? 0x3f : 0x0f
    const table = this.#table
    let at = start + 1
    let index = byte & prefix
    if (index === prefix) {
      index = readInteger(bytes, at, end, prefix)
      at = position
    }
    if (index < 0 || index > STATIC_COUNT + table.count) return FAILED
    // Where the strings lie, and how much room they may need.
    let nameAt = 0
    let nameEnd = 0
    let nameCoded = false
    let nameRoom = 0
    if (index === 0) {
      nameAt = readString(bytes, at, end)
      if (nameAt === FAILED) return FAILED
      nameEnd = position
      nameCoded = (bytes[at] as number) >= 0x80
      nameRoom = nameCoded ? decodedBytesMax(nameEnd - nameAt) : nameEnd - nameAt
      at = nameEnd
    } else {
      nameRoom = this.#nameLength(index)
    }
    const valueAt = readString(bytes, at, end)
    if (valueAt === FAILED) return FAILED
    const valueEnd = position
    const valueCoded = (bytes[at] as number) >= 0x80
    const room = nameRoom + (valueCoded ? decodedBytesMax(valueEnd - valueAt) : valueEnd - valueAt) + LINE_OVERHEAD
    const inTable = indexing && room <= table.sizeMax
    const lineAt = inTable ? this.#roomInTable(room, sink) : roomOutside(room)
    const line = inTable ? table.bytes : loose.bytes
    let to = lineAt
    if (index === 0) to = putString(bytes, nameAt, nameEnd, nameCoded, line, to)
    else to = this.#putName(index, nameRoom, line, to)
    if (to === FAILED) return FAILED
    const nameLength = to - lineAt
    line[to] = COLON
    line[to + 1] = SPACE
    to += 2
    const valueStart = to
    to = putString(bytes, valueAt, valueEnd, valueCoded, line, to)
    if (to === FAILED) return FAILED
    const valueLength = to - valueStart
    line[to] = CARRIAGE_RETURN
    line[to + 1] = LINE_FEED
    const kind = kindOfField(line, lineAt, lineAt + nameLength, valueStart, to)
    fieldBytes = nameLength + valueLength + ENTRY_OVERHEAD
    if (inTable) table.add(nameLength, valueLength, kind)
    else {
      loose.length = to + 2
      if (indexing) this.#addLoose(line, lineAt, nameLength, valueLength, kind, sink)
    }
    sink.onField(line, lineAt, nameLength, valueLength, kind)
    return valueEnd
  }

  #roomInTable(room: number, sink: FieldSink): number {
    const table = this.#table
    if (table.mustMove(room)) {
      sink.onMove()
      table.reserve(room)
    }
    return table.tail
  }

  /** A line that was not known beforehand to fit the table. */
  #addLoose(line: Buffer, at: number, nameLength: number, valueLength: number, kind: number, sink: FieldSink): void {
    const table = this.#table
    const length = nameLength + valueLength + LINE_OVERHEAD
    if (length > table.sizeMax) {
      table.evict(0)
      return
    }
    const to = this.#roomInTable(length, sink)
    line.copy(table.bytes, to, at, at + length)
    table.add(nameLength, valueLength, kind)
  }

  #nameLength(index: number): number {
    if (index <= STATIC_COUNT) return staticNameLengths[index] as number
    return this.#table.nameLength(this.#table.placeOf(index - STATIC_COUNT))
  }

  /** Copies the name of an entry. It is done before an entry goes to make room: it may be that one. @hotpath */
  #putName(index: number, length: number, target: Buffer, to: number): number {
    const table = this.#table
    const source = index <= STATIC_COUNT ? staticBytes : table.bytes
    const start =
      index <= STATIC_COUNT ? (staticStarts[index] as number) : table.start(table.placeOf(index - STATIC_COUNT))
    for (let offset = 0; offset < length; offset += 1) target[to + offset] = source[start + offset] as number
    return to + length
  }

  /** RFC 7541, section 6.3: not past what our SETTINGS allow. */
  #updateSize(bytes: Buffer, start: number, end: number): number {
    let size = (bytes[start] as number) & 0x1f
    position = start + 1
    if (size === 0x1f) size = readInteger(bytes, start + 1, end, 0x1f)
    if (size < 0 || size > this.#sizeAllowed) return FAILED
    this.#awaitsUpdate = false
    this.#table.resize(size)
    return position
  }
}

/** More than that is given back after the block that needed it. */
const LOOSE_BYTES_KEPT = 32 * 1024

/** What the last literal amounts to. */
let fieldBytes = 0

function roomOutside(room: number): number {
  loose.reserve(room)
  return loose.length
}

/** RFC 7541, section 5.1, behind a full prefix. Gives -1 where it does not end, or is too large; `position` is behind it. */
function readInteger(bytes: Buffer, start: number, end: number, prefix: number): number {
  let value = prefix
  let shift = 0
  for (let at = start; at < end && shift <= 28; at += 1) {
    const byte = bytes[at] as number
    value += (byte & 0x7f) * 2 ** shift
    if (value > INTEGER_MAX) return FAILED
    if (byte < 0x80) {
      position = at + 1
      return value
    }
    shift += 7
  }
  return FAILED
}

/** RFC 7541, section 5.2: gives where the string's bytes begin, or `FAILED`; `position` is behind them. @hotpath */
function readString(bytes: Buffer, start: number, end: number): number {
  if (start >= end) return FAILED
  let length = (bytes[start] as number) & 0x7f
  let at = start + 1
  if (length === 0x7f) {
    length = readInteger(bytes, at, end, 0x7f)
    if (length < 0) return FAILED
    at = position
  }
  if (length > end - at) return FAILED
  position = at + length
  return at
}

/** @hotpath */
function putString(bytes: Buffer, start: number, end: number, coded: boolean, target: Buffer, to: number): number {
  if (coded) return decodeHuffman(bytes, start, end, target, to)
  if (end - start > LOOP_BYTES_MAX) {
    bytes.copy(target, to, start, end)
  } else {
    for (let offset = 0; offset < end - start; offset += 1) target[to + offset] = bytes[start + offset] as number
  }
  return to + end - start
}

/** Up to here a loop copies faster than a call of `Buffer.copy`: perf/micro/net/byte-buffer.bench.ts. */
const LOOP_BYTES_MAX = 24
