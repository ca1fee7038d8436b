/** Buffers in which requests are put together, for streams of HTTP/2: one for each that is under way. */
import { ByteBuffer } from '../net/byte-buffer.ts'

/** Bytes that one begins with: a head. */
const OUT_BYTES_START = 2048

/** Buffers kept for the next request; past it they are left to the garbage collector. */
const KEPT_MAX = 256

const spare: ByteBuffer[] = []

/** Stands for the buffer of a request that is over. */
const NOTHING = new ByteBuffer(0)

export const spareOutput = {
  take(): ByteBuffer {
    return spare.pop() ?? new ByteBuffer(OUT_BYTES_START)
  },

  /** Takes one back, whose bytes nobody refers to any more; gives an empty one to hold in its place. */
  exchange(buffer: ByteBuffer): ByteBuffer {
    if (buffer === NOTHING) return NOTHING
    buffer.shrink()
    if (spare.length < KEPT_MAX) spare.push(buffer)
    return NOTHING
  },
}
