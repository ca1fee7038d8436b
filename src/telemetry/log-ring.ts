/**
 * A byte ring in shared memory: one thread writes whole lines into it, one thread reads them out. No lock, no waiting:
 * a line for which there is no room is dropped and counted.
 *
 *     | write position | read position | dropped lines | bytes ... (capacity, a power of two) |
 *
 * Positions count bytes since the ring was made, modulo 2^32. Bytes are written first and published after them by an
 * atomic store of the write position, which only ever stands at the end of a line. So a writer that dies in the middle
 * of a line leaves nothing half-written behind, and the next writer begins where the last whole line ended.
 *
 * Each header word has a cache line of its own, so that the reader's progress does not slow the writer.
 */

/** Bytes of one thread's ring: at 400 bytes a line, a second's worth of 2,600 lines while the log is stalled. */
export const LOG_RING_BYTES = 1024 * 1024

const HEADER_BYTES = 192
const WRITE_POSITION = 0
const READ_POSITION = 16
const DROPPED = 32

const NEWLINE = 10

/** @param capacityBytes a power of two, 64 or more. */
export function allocateLogRing(capacityBytes: number = LOG_RING_BYTES): SharedArrayBuffer {
  if (capacityBytes < 64 || capacityBytes > 2 ** 30 || (capacityBytes & (capacityBytes - 1)) !== 0) {
    throw new RangeError(`a log ring's capacity is a power of two from 64 to 2^30, not ${capacityBytes}`)
  }
  return new SharedArrayBuffer(HEADER_BYTES + capacityBytes)
}

/** Lines that were dropped because the ring was full, since it was made. */
export function droppedLines(memory: SharedArrayBuffer): number {
  return Atomics.load(new Int32Array(memory, 0, HEADER_BYTES / 4), DROPPED) >>> 0
}

/** The writing end. One at a time for a ring: a thread makes its own, after the thread before it has ended. */
export class LogRingWriter {
  readonly #header: Int32Array
  readonly #bytes: Buffer
  readonly #capacity: number
  /** Holds a line that would cross the end of the ring, until it is copied in two parts. */
  #scratch: Buffer
  #writePosition: number

  constructor(memory: SharedArrayBuffer) {
    this.#header = new Int32Array(memory, 0, HEADER_BYTES / 4)
    this.#bytes = Buffer.from(memory, HEADER_BYTES)
    this.#capacity = this.#bytes.length
    this.#scratch = Buffer.allocUnsafeSlow(Math.min(4096, this.#capacity))
    this.#writePosition = Atomics.load(this.#header, WRITE_POSITION)
  }

  /** Bytes that wait to be read. */
  get usedBytes(): number {
    return (this.#writePosition - Atomics.load(this.#header, READ_POSITION)) >>> 0
  }

  /**
   * Adds a line that holds ASCII characters only and ends in a newline. False if it was dropped.
   *
   * @hotpath
   */
  writeAscii(line: string): boolean {
    const length = line.length
    if (!this.#hasRoom(length)) return this.#drop()
    const index = this.#writePosition & (this.#capacity - 1)
    if (index + length <= this.#capacity) {
      this.#bytes.latin1Write(line, index)
    } else {
      this.#ensureScratch(length)
      this.#scratch.write(line, 0, length, 'latin1')
      this.#copyFromScratch(index, length)
    }
    this.#publish(length)
    return true
  }

  /** Adds a line of any characters that ends in a newline, as UTF-8. False if it was dropped. */
  write(line: string): boolean {
    const length = Buffer.byteLength(line, 'utf8')
    if (length === line.length) return this.writeAscii(line)
    if (!this.#hasRoom(length)) return this.#drop()
    this.#ensureScratch(length)
    this.#scratch.write(line, 0, length, 'utf8')
    this.#copyFromScratch(this.#writePosition & (this.#capacity - 1), length)
    this.#publish(length)
    return true
  }

  #hasRoom(length: number): boolean {
    return length <= this.#capacity - this.usedBytes
  }

  #drop(): false {
    Atomics.add(this.#header, DROPPED, 1)
    return false
  }

  #publish(length: number): void {
    this.#writePosition = (this.#writePosition + length) | 0
    Atomics.store(this.#header, WRITE_POSITION, this.#writePosition)
  }

  #copyFromScratch(index: number, length: number): void {
    const head = Math.min(length, this.#capacity - index)
    this.#scratch.copy(this.#bytes, index, 0, head)
    this.#scratch.copy(this.#bytes, 0, head, length)
  }

  /** Never past the ring's capacity: a longer line has been dropped by then. */
  #ensureScratch(length: number): void {
    if (this.#scratch.length >= length) return
    this.#scratch = Buffer.allocUnsafeSlow(Math.min(this.#capacity, 2 ** Math.ceil(Math.log2(length))))
  }
}

/** The reading end. One at a time for a ring. */
export class LogRingReader {
  readonly #header: Int32Array
  readonly #bytes: Uint8Array
  readonly #capacity: number

  constructor(memory: SharedArrayBuffer) {
    this.#header = new Int32Array(memory, 0, HEADER_BYTES / 4)
    this.#bytes = new Uint8Array(memory, HEADER_BYTES)
    this.#capacity = this.#bytes.length
  }

  get capacityBytes(): number {
    return this.#capacity
  }

  get availableBytes(): number {
    return (Atomics.load(this.#header, WRITE_POSITION) - Atomics.load(this.#header, READ_POSITION)) >>> 0
  }

  get dropped(): number {
    return Atomics.load(this.#header, DROPPED) >>> 0
  }

  /**
   * Moves as many whole lines as fit into `target` from `offset` on, and gives their room back to the writer.
   * Returns the number of bytes moved. A target with room for the ring's capacity takes everything there is.
   */
  read(target: Uint8Array, offset: number): number {
    const position = Atomics.load(this.#header, READ_POSITION)
    const available = (Atomics.load(this.#header, WRITE_POSITION) - position) >>> 0
    const index = position & (this.#capacity - 1)
    const length = this.#wholeLines(index, available, target.length - offset)
    if (length === 0) return 0
    const head = Math.min(length, this.#capacity - index)
    target.set(this.#bytes.subarray(index, index + head), offset)
    if (length > head) target.set(this.#bytes.subarray(0, length - head), offset + head)
    Atomics.store(this.#header, READ_POSITION, (position + length) | 0)
    return length
  }

  #wholeLines(index: number, available: number, room: number): number {
    if (available <= room) return available
    let length = room
    while (length > 0 && this.#bytes[(index + length - 1) & (this.#capacity - 1)] !== NEWLINE) length--
    return length
  }
}
