import { connect } from 'node:net'
import type { Address } from '../../engine/snapshot.ts'
import { Bell, within } from './bell.ts'
import { type Bytes, toBuffer } from './bytes.ts'
import { connectOptions } from './listen.ts'

export interface SlowReader extends Disposable {
  /** Bytes taken out of the kernel so far. */
  readonly bytesRead: number
  readonly ended: boolean
  /** Reads at least `count` bytes more (at most 4 KiB beyond) and stops again; fewer when the connection ends. */
  take(count: number, deadlineMs?: number): Promise<Buffer>
  close(): void
}

/** A client that sends `request` and then reads only when it is told to. */
export async function slowReader(address: Address | number, request: Bytes): Promise<SlowReader> {
  const bell = new Bell()
  const chunks: Buffer[] = []
  let bytesRead = 0
  let wanted = 0
  let ended = false
  const socket = connect({
    ...connectOptions(address),
    onread: {
      buffer: Buffer.alloc(4096),
      callback: (count: number, buffer: Uint8Array) => {
        chunks.push(Buffer.from(buffer.subarray(0, count)))
        bytesRead += count
        bell.ring()
        return bytesRead < wanted
      },
    },
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.once('connect', resolve)
  })
  socket.on('error', () => {})
  socket.pause()
  const over = () => {
    ended = true
    bell.ring()
  }
  socket.on('end', over)
  socket.on('close', over)
  socket.write(toBuffer(request))

  return {
    get bytesRead() {
      return bytesRead
    },
    get ended() {
      return ended
    },
    async take(count, deadlineMs = 5_000) {
      wanted = bytesRead + count
      socket.resume()
      const read = async () => {
        while (bytesRead < wanted && !ended) await bell.wait()
      }
      await within(read(), deadlineMs, () => `${count} bytes; ${bytesRead} in all so far`)
      return Buffer.concat(chunks.splice(0))
    },
    close: () => socket.destroy(),
    [Symbol.dispose]: () => {
      socket.destroy()
    },
  }
}
