import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'

const PIECE_BYTES = 64 * 1024
const NOISE = randomBytes(PIECE_BYTES)

/** Pieces of content, each other than all before it, `size` bytes in all. */
function* pieces(size: number): Generator<Buffer> {
  for (let at = 0; at < size; at += PIECE_BYTES) {
    const piece = Buffer.from(NOISE.subarray(0, Math.min(PIECE_BYTES, size - at)))
    piece.writeDoubleLE(at, 0)
    yield piece
  }
}

/** Writes `size` bytes and ends the stream; gives their SHA-256. Holds no more than the stream does. */
export async function writeBulk(stream: Writable, size: number): Promise<string> {
  const hash = createHash('sha256')
  for (const piece of pieces(size)) {
    hash.update(piece)
    if (!stream.write(piece)) await once(stream, 'drain')
  }
  stream.end()
  return hash.digest('hex')
}

/** Reads a stream to its end. */
export async function readBulk(stream: Readable): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of stream) {
    hash.update(chunk as Buffer)
    bytes += (chunk as Buffer).length
  }
  return { bytes, sha256: hash.digest('hex') }
}
