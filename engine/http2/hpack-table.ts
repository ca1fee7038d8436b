/**
 * The dynamic table of HPACK (RFC 7541, section 2.3.2) on bytes: no string and no object for an entry.
 *
 * Each entry lies as a line of HTTP/1.1, `name: value CRLF`, right behind the one that was added before it. So a head
 * whose fields are read from the table in the order in which they once came is copied in few runs. New lines are put
 * at the end; when there is no more room, the lines that live are moved to the beginning, which happens at most once
 * for as many bytes as the table may hold.
 */

/** What an entry counts for beside its bytes (RFC 7541, section 4.1). */
export const ENTRY_OVERHEAD = 32

/** What stands in a line beside name and value: a colon, a space, CR and LF. */
export const LINE_OVERHEAD = 4

const FIELDS = 4
const NO_BYTES: Buffer = Buffer.alloc(0)
const FIRST_ENTRIES = 32
const FIRST_BYTES = 1024

export class FieldTable {
  /** Where the lines lie. */
  bytes: Buffer = NO_BYTES
  /** Behind the last line: where the next one is put together. */
  tail = 0
  /** Sum of the entries' sizes, as RFC 7541, section 4.1, counts them. */
  size = 0
  sizeMax: number
  count = 0
  /** Number of the next entry; numbers go on and on, and wrap at 32 bits. */
  next = 0
  /** Start of the line, length of the name, length of the value, kind. The place of an entry is its number's. */
  #entries: number[] = []
  #mask = -1

  constructor(sizeMax: number) {
    this.sizeMax = sizeMax
  }

  /** The place of the entry with this index, the newest being 1; its fields are asked for by it. */
  placeOf(index: number): number {
    return ((this.next - index) & this.#mask) * FIELDS
  }

  start(place: number): number {
    return this.#entries[place] as number
  }

  nameLength(place: number): number {
    return this.#entries[place + 1] as number
  }

  valueLength(place: number): number {
    return this.#entries[place + 2] as number
  }

  kind(place: number): number {
    return this.#entries[place + 3] as number
  }

  /** Whether `count` more bytes can only be had by moving the lines that live. */
  mustMove(count: number): boolean {
    return this.tail + count > this.bytes.length
  }

  /**
   * Makes room for a line of `count` bytes at `tail`; `count` is at most `sizeMax`. Lines that live may come to lie elsewhere;
   * what lay there before is overwritten only where `bytes` stays the same buffer.
   */
  reserve(count: number): void {
    if (!this.mustMove(count)) return
    const from = this.count === 0 ? this.tail : this.start(this.placeOf(this.count))
    const live = this.tail - from
    const bytesMax = this.sizeMax * 2
    if (this.bytes.length >= bytesMax || (live + count) * 2 <= this.bytes.length) {
      this.bytes.copyWithin(0, from, this.tail)
    } else {
      const larger = Buffer.allocUnsafeSlow(Math.min(bytesMax, Math.max(FIRST_BYTES, (live + count) * 2)))
      this.bytes.copy(larger, 0, from, this.tail)
      this.bytes = larger
    }
    this.tail = live
    for (let index = 1; index <= this.count; index += 1) {
      const place = this.placeOf(index)
      this.#entries[place] = (this.#entries[place] as number) - from
    }
  }

  /**
   * Adds the line that has been put together at `tail`. Entries go as it needs room; where it counts for more than the whole
   * table, all of them, and it becomes none either (RFC 7541, section 4.4). It stays where it lies in any case.
   */
  add(nameLength: number, valueLength: number, kind: number): void {
    const size = nameLength + valueLength + ENTRY_OVERHEAD
    this.evict(this.sizeMax - size)
    const start = this.tail
    this.tail += nameLength + valueLength + LINE_OVERHEAD
    if (size > this.sizeMax) return
    if (this.count === this.#entries.length / FIELDS) this.#growEntries()
    const place = (this.next & this.#mask) * FIELDS
    this.#entries[place] = start
    this.#entries[place + 1] = nameLength
    this.#entries[place + 2] = valueLength
    this.#entries[place + 3] = kind
    this.next = (this.next + 1) | 0
    this.count += 1
    this.size += size
  }

  /** Takes out the oldest entries until what is left counts for no more than `size`. */
  evict(size: number): void {
    while (this.size > size && this.count > 0) {
      const place = this.placeOf(this.count)
      this.size -= this.nameLength(place) + this.valueLength(place) + ENTRY_OVERHEAD
      this.count -= 1
    }
  }

  resize(sizeMax: number): void {
    this.evict(sizeMax)
    this.sizeMax = sizeMax
  }

  #growEntries(): void {
    const larger = new Array<number>(Math.max(FIRST_ENTRIES * FIELDS, this.#entries.length * 2)).fill(0)
    const mask = larger.length / FIELDS - 1
    for (let index = 1; index <= this.count; index += 1) {
      const from = this.placeOf(index)
      const to = ((this.next - index) & mask) * FIELDS
      for (let field = 0; field < FIELDS; field += 1) larger[to + field] = this.#entries[from + field] as number
    }
    this.#entries = larger
    this.#mask = mask
  }
}
