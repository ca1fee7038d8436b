import type { Socket } from 'node:net'
import { type Bytes, piecesAt, toBuffer } from './bytes.ts'
import { turns } from './turns.ts'

/** Writes and waits until the kernel has taken it. A peer that has gone away is no error here: readers see that. */
export function write(socket: Socket, bytes: Bytes): Promise<void> {
  return new Promise(resolve => {
    if (!socket.writable) resolve()
    else socket.write(toBuffer(bytes), () => resolve())
  })
}

/**
 * Writes `bytes` cut at `offsets`, each piece in a segment of its own: the next piece follows when the kernel has taken
 * the one before and the event loop has gone round, so that a peer in this process reads them one by one.
 * Stops early when the peer has ended the connection.
 */
export async function sendSplit(socket: Socket, bytes: Bytes, offsets: readonly number[]): Promise<void> {
  socket.setNoDelay(true)
  for (const [index, piece] of piecesAt(toBuffer(bytes), offsets).entries()) {
    if (index > 0) await turns()
    if (!socket.writable || socket.readableEnded) return
    await write(socket, piece)
  }
}
