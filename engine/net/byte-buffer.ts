/** What one read can bring, and a head: the smallest of the blocks that buffers grow into. Each next size is twice as large. */
const BLOCK_BYTES = 128 * 1024

/** Sizes of blocks that are kept: 128 KiB to 1 MiB. What is larger is left to the garbage collector. */
const BLOCK_SIZES = 4

/** Bytes kept of each size for the next buffer that grows; past it blocks are left to the garbage collector. */
const BYTES_KEPT_MAX = 4 * 1024 * 1024

/** Up to here a loop copies faster than a call of `Buffer.copy`: perf/micro/net/byte-buffer.bench.ts. */
const LOOP_BYTES_MAX = 24

/**
 * Blocks that nobody uses, last in first out. A buffer that grows for each upload would otherwise cost an allocation,
 * its page faults and its collection each time: perf/micro/net/byte-buffer.bench.ts.
 */
const spareBlocks: Buffer[][] = Array.from({ length: BLOCK_SIZES }, () => [])

/** Bytes being put together for one write. Grows as needed; its owner bounds what goes in. */
export class ByteBuffer {
  bytes: Buffer
  length = 0
  /** What it had before it grew. */
  #small: Buffer
  readonly #growsUnlent: boolean

  /** `growsUnlent`: no write ever refers to its bytes while more are added, so that what it outgrows is free for others. */
  constructor(capacity: number, growsUnlent = false) {
    this.bytes = Buffer.allocUnsafeSlow(capacity)
    this.#small = this.bytes
    this.#growsUnlent = growsUnlent
  }

  /** Makes room for `count` more bytes. Bytes that a pending write refers to stay where they are. */
  reserve(count: number): void {
    const needed = this.length + count
    if (needed <= this.bytes.length) return
    const larger = enlarged(this.bytes.length, needed)
    this.bytes.copy(larger, 0, 0, this.length)
    if (this.#growsUnlent && this.bytes !== this.#small) keepBlock(this.bytes)
    this.bytes = larger
  }

  /** Starts over in a fresh buffer: the old one is lent to a write. */
  replace(capacity: number): void {
    this.bytes = Buffer.allocUnsafeSlow(capacity)
    this.#small = this.bytes
    this.length = 0
  }

  /** Starts over as small as it once was. No write may refer to its bytes. */
  shrink(): void {
    this.length = 0
    if (this.bytes === this.#small) return
    keepBlock(this.bytes)
    this.bytes = this.#small
  }

  /** Adds octets given as Latin-1. @hotpath */
  text(text: string): void {
    this.reserve(text.length)
    this.length += this.bytes.latin1Write(text, this.length)
  }

  /** CRLF. @hotpath */
  lineEnd(): void {
    this.reserve(2)
    this.bytes[this.length] = 0x0d
    this.bytes[this.length + 1] = 0x0a
    this.length += 2
  }

  /** @hotpath */
  copy(source: Buffer, start: number, end: number): void {
    if (start >= end) return
    this.reserve(end - start)
    if (end - start <= LOOP_BYTES_MAX) {
      const { bytes } = this
      let to = this.length
      for (let at = start; at < end; at += 1) {
        bytes[to] = source[at] as number
        to += 1
      }
    } else {
      source.copy(this.bytes, this.length, start, end)
    }
    this.length += end - start
  }
}

/** Doubles what is small, so that a few more bytes do not cost a block each time; the rest gets one. */
function enlarged(capacity: number, needed: number): Buffer {
  const doubled = Math.max(needed, capacity * 2)
  if (doubled < BLOCK_BYTES / 4) return Buffer.allocUnsafeSlow(doubled)
  for (let size = 0; size < BLOCK_SIZES; size += 1) {
    const bytes = BLOCK_BYTES << size
    if (needed <= bytes) return (spareBlocks[size] as Buffer[]).pop() ?? Buffer.allocUnsafeSlow(bytes)
  }
  return Buffer.allocUnsafeSlow(doubled)
}

function keepBlock(block: Buffer): void {
  for (let size = 0; size < BLOCK_SIZES; size += 1) {
    const spare = spareBlocks[size] as Buffer[]
    if (block.length === BLOCK_BYTES << size && (spare.length + 1) * block.length <= BYTES_KEPT_MAX) spare.push(block)
  }
}
