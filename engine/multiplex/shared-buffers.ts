/** Buffers for frames on their way out, and for content that waits: whoever has nothing to send holds none. */
import { ByteBuffer } from '../net/byte-buffer.ts'

/** Bytes that one begins with: an answer or two. */
const BYTES_START = 8 * 1024

/** Buffers kept for the next who needs one; past it they are left to the garbage collector. */
const KEPT_MAX = 128

const spare: ByteBuffer[] = []

export const sharedBuffers = {
  take(): ByteBuffer {
    return spare.pop() ?? new ByteBuffer(BYTES_START, true)
  },

  /** No write refers to its bytes any more. */
  give(buffer: ByteBuffer): void {
    buffer.shrink()
    if (spare.length < KEPT_MAX) spare.push(buffer)
  },
}
