/**
 * A head in the words of HTTP/1.1, put together from lines that lie elsewhere. Lines that lie one behind the other there are
 * copied as one run.
 */
import { FIELD_LINES_MAX, type Head } from '../http/head.ts'
import { ByteBuffer } from '../net/byte-buffer.ts'

export interface HeadLimits {
  /** Of the head in the words of HTTP/1.1, its empty line included. */
  readonly headBytesMax: number
  /** What became of several `cookie` lines counts as one. */
  readonly fieldLinesMax: number
  readonly targetBytesMax: number
}

const LINE_END = Buffer.from('\r\n', 'latin1')

export class HeadWords {
  readonly #out = new ByteBuffer(4096)
  #head: Head
  /** Bytes so far, those of the run included. */
  length = 0
  #run: Buffer = LINE_END
  #runStart = 0
  #runEnd = 0

  constructor(head: Head) {
    this.#head = head
  }

  begin(head: Head): void {
    head.clear()
    this.#head = head
    this.#out.length = 0
    this.length = 0
    this.#runEnd = this.#runStart
  }

  /** @hotpath */
  add(bytes: Buffer, start: number, end: number): void {
    if (bytes === this.#run && start === this.#runEnd) {
      this.#runEnd = end
    } else {
      this.settle()
      this.#run = bytes
      this.#runStart = start
      this.#runEnd = end
    }
    this.length += end - start
  }

  /** A line `name: value CRLF` that lies at `start`. False where the head has as many as it may. @hotpath */
  addLine(
    bytes: Buffer,
    start: number,
    nameLength: number,
    valueLength: number,
    id: number,
    fieldLinesMax: number,
  ): boolean {
    const head = this.#head
    if (head.fieldCount >= fieldLinesMax || head.fieldCount >= FIELD_LINES_MAX) return false
    const at = this.length
    const valueStart = at + nameLength + 2
    head.addLine(at, at + nameLength, valueStart, valueStart + valueLength, id)
    this.add(bytes, start, start + nameLength + valueLength + 4)
    return true
  }

  /** Copies the run, whose bytes are about to change. @hotpath */
  settle(): void {
    this.#out.copy(this.#run, this.#runStart, this.#runEnd)
    this.#runEnd = this.#runStart
  }

  /** The head is whole: the empty line, and where it all lies. @hotpath */
  finish(): void {
    this.add(LINE_END, 0, 2)
    this.settle()
    // What tables held must not be held on to.
    this.#run = LINE_END
    this.#runStart = 0
    this.#runEnd = 0
    const head = this.#head
    head.bytes = this.#out.bytes
    head.base = 0
    head.length = this.length
  }
}
