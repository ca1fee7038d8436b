/** WebSocket frames (RFC 6455, section 5.2) of messages that one frame holds: all that a bench needs of them. */
import { randomBytes } from 'node:crypto'

export const TEXT = 1

/** Frames that are longer are an error of who sends them. */
const PAYLOAD_BYTES_MAX = 0xffff

/** Masked as clients have to, or as it is. */
export function renderFrame(opcode: number, payload: Buffer, mask: Buffer | null = null): Buffer {
  const isShort = payload.length < 126
  const head = Buffer.alloc(isShort ? 2 : 4)
  head[0] = 0x80 | opcode
  head[1] = (mask === null ? 0 : 0x80) | (isShort ? payload.length : 126)
  if (!isShort) head.writeUInt16BE(payload.length, 2)
  return mask === null ? Buffer.concat([head, payload]) : Buffer.concat([head, mask, masked(payload, mask)])
}

export function newMask(): Buffer {
  return randomBytes(4)
}

export class FrameReader {
  readonly #onFrame: (opcode: number, payload: Buffer) => void
  #pending: Buffer | null = null

  /** The payload is unmasked, and the callback's own. */
  constructor(onFrame: (opcode: number, payload: Buffer) => void) {
    this.#onFrame = onFrame
  }

  /** Throws on a frame that it does not take. */
  read(bytes: Buffer): void {
    let at = 0
    const all = this.#pending === null ? bytes : Buffer.concat([this.#pending, bytes])
    this.#pending = null
    while (at < all.length) {
      const taken = this.#readFrame(all, at)
      if (taken === 0) {
        // A copy: what was read may be overwritten by the next read.
        this.#pending = Buffer.from(all.subarray(at))
        return
      }
      at += taken
    }
  }

  /** Returns how many bytes the frame has, or 0 where it has not come in full. */
  #readFrame(bytes: Buffer, at: number): number {
    const [first, second] = [bytes[at], bytes[at + 1]]
    if (first === undefined || second === undefined) return 0
    let length = second & 0x7f
    let start = at + 2
    if (length === 127) throw new Error(`a frame of more than ${PAYLOAD_BYTES_MAX} bytes`)
    if (length === 126) {
      if (bytes.length < at + 4) return 0
      length = bytes.readUInt16BE(at + 2)
      start = at + 4
    }
    const maskBytes = (second & 0x80) === 0 ? 0 : 4
    const end = start + maskBytes + length
    if (bytes.length < end) return 0
    const payload = bytes.subarray(start + maskBytes, end)
    const own = maskBytes === 0 ? Buffer.from(payload) : masked(payload, bytes.subarray(start, start + 4))
    this.#onFrame(first & 0x0f, own)
    return end - at
  }
}

/** Masking and unmasking are the same. A copy. */
function masked(payload: Buffer, mask: Buffer): Buffer {
  const copy = Buffer.from(payload)
  for (let index = 0; index < copy.length; index += 1) copy[index] = (copy[index] ?? 0) ^ (mask[index & 3] ?? 0)
  return copy
}
