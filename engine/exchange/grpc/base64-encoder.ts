/**
 * The content of a response of gRPC-Web as base64. Messages are padded at their end, so that their last byte never waits for
 * the next one; within a message up to two bytes wait for the third.
 */
import { MessageScanner } from './message-scanner.ts'

const NO_BYTES = Buffer.alloc(0)

export class Base64Encoder {
  readonly #messages = new MessageScanner()
  /** Up to two bytes that wait for the third. */
  #rest: Buffer = NO_BYTES

  /** What of the text is ready with the bytes `start` to `end`. */
  encode(bytes: Buffer, start: number, end: number): Buffer {
    const boundary = this.#messages.lastEnd(bytes, start, end)
    const ended = boundary === start ? '' : this.#take(bytes.subarray(start, boundary)).toString('base64')
    if (boundary === end) return Buffer.from(ended, 'latin1')
    const begun = this.#take(bytes.subarray(boundary, end))
    const wholes = begun.length - (begun.length % 3)
    this.#rest = Buffer.from(begun.subarray(wholes))
    return Buffer.from(ended + begun.toString('base64', 0, wholes), 'latin1')
  }

  /** The last piece, with whatever still waits. */
  encodeLast(bytes: Buffer): Buffer {
    return Buffer.from(this.#take(bytes).toString('base64'), 'latin1')
  }

  #take(bytes: Buffer): Buffer {
    const rest = this.#rest
    if (rest.length === 0) return bytes
    this.#rest = NO_BYTES
    return Buffer.concat([rest, bytes])
  }
}
