/** Bytes being put together for one write. Grows as needed; its owner bounds what goes in. */
export class ByteBuffer {
  bytes: Buffer
  length = 0

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity)
  }

  /** Makes room for `count` more bytes. Bytes that a pending write refers to stay where they are. */
  reserve(count: number): void {
    const needed = this.length + count
    if (needed <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }

  /** Starts over in a fresh buffer: the old one is lent to a write. */
  replace(capacity: number): void {
    this.bytes = Buffer.allocUnsafeSlow(capacity)
    this.length = 0
  }

  /** Adds octets given as Latin-1. @hotpath */
  text(text: string): void {
    this.reserve(text.length)
    this.length += this.bytes.latin1Write(text, this.length)
  }

  /** @hotpath */
  copy(source: Buffer, start: number, end: number): void {
    if (start >= end) return
    this.reserve(end - start)
    source.copy(this.bytes, this.length, start, end)
    this.length += end - start
  }
}
