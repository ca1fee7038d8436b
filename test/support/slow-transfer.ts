import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { get, head } from './heads.ts'
import { connectionTable, kernelQueues } from './kernel-queues.ts'
import { type Listening, listenOn } from './listen.ts'
import { waitFor } from './wait-for.ts'

const PIECE = Buffer.alloc(16 * 1024, 'x')

export interface EagerOrigin extends Listening {
  /** The connections on which content is being sent, in the order in which they came. */
  readonly sending: readonly Socket[]
}

/** Answers one request on each connection with `size` bytes, written as fast as the kernel takes them. */
export async function eagerOrigin(size: number): Promise<EagerOrigin> {
  const sending: Socket[] = []
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', () => {
      sending.push(socket)
      let left = size
      const write = () => {
        while (left > 0) {
          const piece = PIECE.subarray(0, Math.min(PIECE.length, left))
          left -= piece.length
          if (!socket.write(piece)) return
        }
      }
      socket.write(head('HTTP/1.1 200 OK', `Content-Length: ${size}`))
      socket.on('drain', write)
      write()
    })
  })
  return { ...(await listenOn(server)), sending }
}

export interface PacedReader extends Disposable {
  readonly bytesRead: number
  /**
   * Bytes in the proxy's own memory: neither read by the client nor in a kernel's buffer of either connection. Up to a
   * piece too many, since of the piece that the origin is writing it is not known how much the kernel has taken.
   */
  heldByProxy(): Promise<number>
}

/** How often a paced reader reads. */
const PACE_MS = 20

/**
 * Milliseconds of looks at the kernel's buffers, all alike, after which nothing is taken to move any more: longer than an
 * acknowledgement may be put off, until which bytes count on both sides.
 */
const REST_MS = 250

/**
 * Bytes in the memory of a proxy of whom one socket is written to, and the other one read from: neither taken from it nor in a
 * kernel's buffer of either connection. Resolves when nothing moves any more. Up to a piece of the writer's too many, since of the
 * piece that it is writing it is not known how much the kernel has taken.
 */
export async function heldBetween(
  writer: Socket,
  reader: Socket,
  pieceBytes: number,
  bytesRead: () => number,
): Promise<number> {
  const [writerPort, fromPort] = [writer.localPort ?? 0, writer.remotePort ?? 0]
  const [readerPort, toPort] = [reader.localPort ?? 0, reader.remotePort ?? 0]
  const held = () => {
    const table = connectionTable()
    const inKernel =
      kernelQueues(table, writerPort, fromPort).unacknowledged +
      kernelQueues(table, fromPort, writerPort).unread +
      kernelQueues(table, toPort, readerPort).unacknowledged +
      kernelQueues(table, readerPort, toPort).unread
    return writer.bytesWritten - writer.writableLength + pieceBytes - bytesRead() - inKernel
  }
  let since = 0
  let last = Number.NaN
  await waitFor(
    () => {
      const now = held()
      if (now !== last) since = performance.now()
      last = now
      return performance.now() - since > REST_MS
    },
    'connections at rest',
    30_000,
  )
  return last
}

/** A client of the proxy at `port` that reads so many bytes a second for so many seconds, and then no more. */
export async function readAtPace(
  port: number,
  origin: EagerOrigin,
  bytesPerSecond: number,
  seconds: number,
): Promise<PacedReader> {
  const index = origin.sending.length
  let bytesRead = 0
  let due = 0
  const buffer = Buffer.alloc(2048)
  const callback = (count: number) => {
    bytesRead += count
    return bytesRead < due
  }
  const client = connect({ host: '127.0.0.1', port, onread: { buffer, callback } })
  client.on('error', () => {})
  await once(client, 'connect')
  client.pause()
  client.write(get())
  const upstream = await waitFor(() => origin.sending[index], 'a request at the origin')
  const started = performance.now()
  await new Promise<void>(resolve => {
    const interval = setInterval(() => {
      const elapsed = (performance.now() - started) / 1_000
      due = Math.min(elapsed, seconds) * bytesPerSecond
      if (bytesRead < due) client.resume()
      if (elapsed < seconds || bytesRead < due) return
      clearInterval(interval)
      resolve()
    }, PACE_MS)
  })

  return {
    get bytesRead() {
      return bytesRead
    },
    heldByProxy: () => heldBetween(upstream, client, PIECE.length, () => bytesRead),
    [Symbol.dispose]: () => {
      client.destroy()
    },
  }
}
