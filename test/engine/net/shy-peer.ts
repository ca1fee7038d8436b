import { connect, type Socket } from 'node:net'
import { expect } from 'vitest'
import type { Connection } from '../../../engine/net/connection.ts'
import type { Address } from '../../../engine/snapshot.ts'
import { connectOptions } from '../../support/listen.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type Acceptor, pattern, type Recorder } from './sockets.ts'

/** More than the kernel takes for a peer that does not read. */
export const FLOOD_BYTES = 12 * 1024 * 1024

/** A peer that reads only when it is told to, and keeps what it has read. */
export class ShyPeer implements Disposable {
  readonly socket: Socket
  readonly #chunks: Buffer[] = []
  ended = false
  failure = ''

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', chunk => this.#chunks.push(chunk as Buffer))
    socket.on('end', () => {
      this.ended = true
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.failure = error.code ?? 'unknown'
    })
    socket.pause()
  }

  static async connect(address: Address): Promise<ShyPeer> {
    const socket = connect({ ...connectOptions(address), allowHalfOpen: true, noDelay: true })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new ShyPeer(socket)
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get receivedBytes(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  }

  read(): void {
    this.socket.resume()
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}

/** A connection of ours to a peer that does not read yet. */
export async function openShy(acceptor: Acceptor & { address: Address }): Promise<[Connection, Recorder, ShyPeer]> {
  const index = acceptor.connections.length
  const peer = await ShyPeer.connect(acceptor.address)
  await waitFor(() => acceptor.connections.length > index)
  return [acceptor.connections[index]!, acceptor.recorders[index]!, peer]
}

/** Bytes that the handle has read, whether anybody was told of them or not. */
export function bytesRead(connection: Connection): number {
  return (connection.handle as unknown as { readonly bytesRead: number }).bytesRead
}

/** Fills the kernel's buffers until a write of ours has to wait; gives what was written. */
export function flood(connection: Connection, count = FLOOD_BYTES): Buffer {
  const bytes = pattern(count, 99)
  expect(connection.write(bytes, 0, bytes.length, null)).toBe(false)
  return bytes
}
