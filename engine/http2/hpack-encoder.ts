/**
 * HPACK (RFC 7541): fields in, a field block out, as bytes. One encoder per connection and direction.
 *
 * Lines are found in the tables by a hash of their bytes. Until the dynamic table is half full, every line enters it; from
 * then on, those that come a second time within a short while: what differs from message to message (lengths, dates,
 * identifiers) would only push out what does not.
 */
import { ByteBuffer } from '../net/byte-buffer.ts'
import { STATIC_COUNT, staticBytes, staticNameLengths, staticStarts, staticValueLengths } from './hpack-static.ts'
import { ENTRY_OVERHEAD, FieldTable, LINE_OVERHEAD } from './hpack-table.ts'
import { encodeHuffman, huffmanBytes } from './huffman.ts'
import { DEFAULT_TABLE_BYTES } from './protocol.ts'

/** What a table of ours may take, whatever the peer would allow: it is memory of every connection. */
export const TABLE_BYTES_MAX: number = DEFAULT_TABLE_BYTES

/** Lines that are larger do not enter the table: they would push out half of it. */
const ENTRY_BYTES_MAX = TABLE_BYTES_MAX / 2

/** Cookies that are shorter could be guessed one by one, by whoever sees how well they are compressed (RFC 7541, section 7.1.3). */
const SHORT_COOKIE_BYTES = 20

/** Places of hashes, by their lowest bits. Where two lines share one, the later line is found and the other sent as a literal. */
const PLACES = 256
const PLACE_MASK = PLACES - 1

const NOT_FOUND = -1

/** As many entries as fit the largest table. */
const ENTRIES_MAX = TABLE_BYTES_MAX / ENTRY_OVERHEAD
const ENTRY_MASK = ENTRIES_MAX - 1

/** What an encoder remembers lies in one array, in parts; where each begins. */
const LINES = 0
const NAMES = PLACES
const SEEN = 2 * PLACES
const FOLLOWERS = 3 * PLACES

/** Stands for what an encoder remembers that has sent nothing yet. */
const NOTHING: Int32Array = new Int32Array(FOLLOWERS + ENTRIES_MAX).fill(-1)

const COLON = 0x3a
const SPACE = 0x20
const CARRIAGE_RETURN = 0x0d
const LINE_FEED = 0x0a

/** ASCII capitals to small letters; other bytes as they are. */
const LOWER: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte,
)

/** A name is put here before it is encoded. */
const small = new ByteBuffer(128)

/** @hotpath */
function hashName(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ (LOWER[bytes[at] as number] as number), 0x01000193)
  return hash
}

/** @hotpath */
function hashValue(name: number, bytes: Uint8Array, start: number, end: number): number {
  let hash = name
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193)
  return hash
}

/** The highest bits of a product are the best mixed ones. */
function placeOf(hash: number): number {
  return (hash ^ (hash >>> 15) ^ (hash >>> 23)) & PLACE_MASK
}

/** Static names and lines by the place of their hash, chained where several share one; 0 ends a chain. */
const staticNames = new Uint8Array(PLACES)
const staticLines = new Uint8Array(PLACES)
const nextStaticName = new Uint8Array(STATIC_COUNT + 1)
const nextStaticLine = new Uint8Array(STATIC_COUNT + 1)

for (let index = STATIC_COUNT; index > 0; index -= 1) {
  const start = staticStarts[index] as number
  const nameEnd = start + (staticNameLengths[index] as number)
  const name = hashName(staticBytes, start, nameEnd)
  const line = hashValue(name, staticBytes, nameEnd + 2, nameEnd + 2 + (staticValueLengths[index] as number))
  nextStaticName[index] = staticNames[placeOf(name)] as number
  staticNames[placeOf(name)] = index
  nextStaticLine[index] = staticLines[placeOf(line)] as number
  staticLines[placeOf(line)] = index
}

/** How a line may be sent. */
const MAY_INDEX = 0
/** Never to be compressed by anybody on the way (RFC 7541, section 7.1.3). */
const NEVER_INDEX = 1

const SECRETS: readonly Buffer[] = ['authorization', 'proxy-authorization', 'set-cookie', 'cookie'].map(name =>
  Buffer.from(name, 'latin1'),
)
const SECRET_LENGTHS = new Set(SECRETS.map(name => name.length))

export class HpackEncoder {
  readonly #table = new FieldTable(TABLE_BYTES_MAX)
  /**
   * Numbers of the entries that were added last with a hash of this place, for lines and for names: stale ones are told by it.
   * Hashes of lines that came once. Numbers of the entries that came behind others in the block before, by the others' numbers.
   */
  #memory: Int32Array = NOTHING
  /** Number of the entry that came first in the block before. */
  #firstNumber = -1
  /** Number of the entry that stood for a line last in this block. */
  #lastNumber = 0
  #isFirst = true
  /** The table is to be changed with the next block: to this size, after having been as small as that. -1: not at all. */
  #sizeWanted = -1
  #sizeLowest = -1

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. The next block tells it of the change (RFC 7541, section 4.2). */
  setTableBytesMax(size: number): void {
    const wanted = Math.min(size, TABLE_BYTES_MAX)
    if (this.#sizeWanted < 0 && wanted === this.#table.sizeMax) return
    this.#sizeLowest = this.#sizeLowest < 0 ? wanted : Math.min(this.#sizeLowest, wanted)
    this.#sizeWanted = wanted
  }

  /** What the entries of the table count for. */
  get tableBytes(): number {
    return this.#table.size
  }

  /** Comes before the fields of a block. @hotpath */
  begin(out: ByteBuffer): void {
    this.#isFirst = true
    if (this.#sizeWanted >= 0) this.#updateSize(out)
  }

  #updateSize(out: ByteBuffer): void {
    const table = this.#table
    if (this.#sizeLowest < this.#sizeWanted) {
      table.resize(this.#sizeLowest)
      putInteger(out, 0x20, 5, this.#sizeLowest)
    }
    table.resize(this.#sizeWanted)
    putInteger(out, 0x20, 5, this.#sizeWanted)
    this.#sizeWanted = -1
    this.#sizeLowest = -1
  }

  /** One of the static table's lines, by its index. @hotpath */
  indexed(out: ByteBuffer, index: number): void {
    putInteger(out, 0x80, 7, index)
  }

  /**
   * Encodes the line of words at `at` if it is the very line that came behind the last one in the block before: heads are much
   * like those before them, and this needs neither a hash nor a search. Gives where the next line begins, or -1. @hotpath
   */
  lineAgain(out: ByteBuffer, words: Buffer, at: number): number {
    const table = this.#table
    const number = this.#isFirst
      ? this.#firstNumber
      : (this.#memory[FOLLOWERS + (this.#lastNumber & ENTRY_MASK)] as number)
    const index = this.#indexOf(number)
    if (index === NOT_FOUND) return -1
    const entry = table.placeOf(index)
    const { bytes } = table
    const start = table.start(entry)
    const nameEnd = start + table.nameLength(entry)
    const end = nameEnd + table.valueLength(entry) + LINE_OVERHEAD
    let from = at
    let to = start
    while (to < nameEnd) {
      if (LOWER[words[from] as number] !== bytes[to]) return -1
      from += 1
      to += 1
    }
    if (!isValue(words, from, from + end - to, bytes, to)) return -1
    from += end - to
    this.#lastNumber = number
    this.#isFirst = false
    putInteger(out, 0x80, 7, index + STATIC_COUNT)
    return from
  }

  /** The entry with this number stands for the line; the next block will be expected to go the same way. @hotpath */
  #follow(number: number): void {
    if (this.#isFirst) this.#firstNumber = number
    else this.#memory[FOLLOWERS + (this.#lastNumber & ENTRY_MASK)] = number
    this.#lastNumber = number
    this.#isFirst = false
  }

  /**
   * A field line whose name may have capitals in it; it is sent in lower case. Name and value may lie in different buffers.
   * @hotpath
   */
  field(
    out: ByteBuffer,
    names: Buffer,
    nameStart: number,
    nameEnd: number,
    values: Buffer,
    valueStart: number,
    valueEnd: number,
  ): void {
    const name = hashName(names, nameStart, nameEnd)
    const line = hashValue(name, values, valueStart, valueEnd)
    const secret = indexingOf(names, nameStart, nameEnd, valueEnd - valueStart) === NEVER_INDEX
    if (!secret) {
      const index = this.#findLine(line, names, nameStart, nameEnd, values, valueStart, valueEnd)
      if (index > 0) {
        if (index > STATIC_COUNT) this.#follow((this.#table.next - index + STATIC_COUNT) | 0)
        putInteger(out, 0x80, 7, index)
        return
      }
    }
    const nameIndex = this.#findName(name, names, nameStart, nameEnd)
    if (secret) putInteger(out, 0x10, 4, nameIndex)
    else if (this.#isWorthAdding(line, nameEnd - nameStart + valueEnd - valueStart)) {
      putInteger(out, 0x40, 6, nameIndex)
      this.#add(name, line, names, nameStart, nameEnd, values, valueStart, valueEnd)
    } else putInteger(out, 0, 4, nameIndex)
    if (nameIndex === 0) putName(out, names, nameStart, nameEnd)
    putString(out, values, valueStart, valueEnd)
  }

  /** Index of the line in either table, or 0. @hotpath */
  #findLine(
    hash: number,
    names: Buffer,
    nameStart: number,
    nameEnd: number,
    values: Buffer,
    valueStart: number,
    valueEnd: number,
  ): number {
    const place = placeOf(hash)
    const nameLength = nameEnd - nameStart
    const valueLength = valueEnd - valueStart
    for (let index = staticLines[place] as number; index !== 0; index = nextStaticLine[index] as number) {
      const start = staticStarts[index] as number
      if (
        staticNameLengths[index] === nameLength &&
        staticValueLengths[index] === valueLength &&
        isName(names, nameStart, nameEnd, staticBytes, start) &&
        isValue(values, valueStart, valueEnd, staticBytes, start + nameLength + 2)
      ) {
        return index
      }
    }
    const table = this.#table
    const index = this.#indexOf(this.#memory[LINES + place] as number)
    if (index === NOT_FOUND) return 0
    const entry = table.placeOf(index)
    const start = table.start(entry)
    if (table.nameLength(entry) !== nameLength || table.valueLength(entry) !== valueLength) return 0
    if (!isName(names, nameStart, nameEnd, table.bytes, start)) return 0
    return isValue(values, valueStart, valueEnd, table.bytes, start + nameLength + 2) ? index + STATIC_COUNT : 0
  }

  /** Index of an entry with the name in either table, or 0. @hotpath */
  #findName(hash: number, names: Buffer, nameStart: number, nameEnd: number): number {
    const place = placeOf(hash)
    const nameLength = nameEnd - nameStart
    for (let index = staticNames[place] as number; index !== 0; index = nextStaticName[index] as number) {
      if (staticNameLengths[index] !== nameLength) continue
      if (isName(names, nameStart, nameEnd, staticBytes, staticStarts[index] as number)) return index
    }
    const table = this.#table
    const index = this.#indexOf(this.#memory[NAMES + place] as number)
    if (index === NOT_FOUND) return 0
    const entry = table.placeOf(index)
    if (table.nameLength(entry) !== nameLength) return 0
    return isName(names, nameStart, nameEnd, table.bytes, table.start(entry)) ? index + STATIC_COUNT : 0
  }

  /** Index in the dynamic table of the entry with this number, or `NOT_FOUND` where it has gone. @hotpath */
  #indexOf(number: number): number {
    const table = this.#table
    const index = (table.next - number) | 0
    return index > 0 && index <= table.count ? index : NOT_FOUND
  }

  /** Whether a line enters the table, there being room or a line with this hash having come lately. @hotpath */
  #isWorthAdding(hash: number, bytes: number): boolean {
    const size = bytes + ENTRY_OVERHEAD
    const table = this.#table
    if (size > ENTRY_BYTES_MAX || size > table.sizeMax) return false
    if (this.#memory === NOTHING) this.#memory = NOTHING.slice()
    if ((table.size + size) * 2 <= table.sizeMax) return true
    const place = SEEN + placeOf(hash)
    if (this.#memory[place] === hash) return true
    this.#memory[place] = hash
    return false
  }

  #add(
    name: number,
    line: number,
    names: Buffer,
    nameStart: number,
    nameEnd: number,
    values: Buffer,
    valueStart: number,
    valueEnd: number,
  ): void {
    const table = this.#table
    const nameLength = nameEnd - nameStart
    const valueLength = valueEnd - valueStart
    table.reserve(nameLength + valueLength + LINE_OVERHEAD)
    const { bytes } = table
    let to = table.tail
    for (let at = nameStart; at < nameEnd; at += 1) {
      bytes[to] = LOWER[names[at] as number] as number
      to += 1
    }
    bytes[to] = COLON
    bytes[to + 1] = SPACE
    to += 2
    values.copy(bytes, to, valueStart, valueEnd)
    to += valueLength
    bytes[to] = CARRIAGE_RETURN
    bytes[to + 1] = LINE_FEED
    this.#memory[LINES + placeOf(line)] = table.next
    this.#memory[NAMES + placeOf(name)] = table.next
    this.#follow(table.next)
    table.add(nameLength, valueLength, 0)
  }
}

/** Whether a line may be found again in a table by those who watch (RFC 7541, section 7.1). */
function indexingOf(names: Buffer, start: number, end: number, valueLength: number): number {
  const length = end - start
  if (!SECRET_LENGTHS.has(length)) return MAY_INDEX
  for (const secret of SECRETS) {
    if (secret.length !== length || !isName(names, start, end, secret, 0)) continue
    return length === 6 && valueLength >= SHORT_COOKIE_BYTES ? MAY_INDEX : NEVER_INDEX
  }
  return MAY_INDEX
}

/** Up to here a loop compares faster than a call of `Buffer.compare`: perf/micro/http2/head-encoder.bench.ts. */
const LOOP_BYTES_MAX = 96

/** Whether the name is `known`, which is in lower case. @hotpath */
function isName(names: Buffer, start: number, end: number, known: Buffer, knownStart: number): boolean {
  let to = knownStart
  for (let at = start; at < end; at += 1) {
    if (LOWER[names[at] as number] !== known[to]) return false
    to += 1
  }
  return true
}

/** @hotpath */
function isValue(values: Buffer, start: number, end: number, known: Buffer, knownStart: number): boolean {
  if (end > values.length) return false
  const length = end - start
  if (length > LOOP_BYTES_MAX) return values.compare(known, knownStart, knownStart + length, start, end) === 0
  let to = knownStart
  for (let at = start; at < end; at += 1) {
    if (values[at] !== known[to]) return false
    to += 1
  }
  return true
}

/** RFC 7541, section 5.1: `first` has the bits before the prefix of `prefixBits`. @hotpath */
function putInteger(out: ByteBuffer, first: number, prefixBits: number, value: number): void {
  out.reserve(6)
  const { bytes } = out
  const full = (1 << prefixBits) - 1
  if (value < full) {
    bytes[out.length] = first | value
    out.length += 1
    return
  }
  bytes[out.length] = first | full
  let to = out.length + 1
  let rest = value - full
  while (rest >= 0x80) {
    bytes[to] = (rest & 0x7f) | 0x80
    to += 1
    rest >>>= 7
  }
  bytes[to] = rest
  out.length = to + 1
}

function putName(out: ByteBuffer, names: Buffer, start: number, end: number): void {
  small.length = 0
  small.reserve(end - start)
  for (let at = start; at < end; at += 1) {
    small.bytes[small.length] = LOWER[names[at] as number] as number
    small.length += 1
  }
  putString(out, small.bytes, 0, small.length)
}

/** RFC 7541, section 5.2: in the Huffman code where that is shorter. @hotpath */
function putString(out: ByteBuffer, bytes: Buffer, start: number, end: number): void {
  const coded = huffmanBytes(bytes, start, end)
  if (coded >= end - start) {
    putInteger(out, 0, 7, end - start)
    out.copy(bytes, start, end)
    return
  }
  putInteger(out, 0x80, 7, coded)
  out.reserve(coded)
  out.length = encodeHuffman(bytes, start, end, out.bytes, out.length)
}
