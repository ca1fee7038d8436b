/** Connections that have made one request and stay open, whatever they speak. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Opened at once: few enough for any queue of connections to accept. */
const BATCH = 100

/** For one request, in ms. */
const TIMEOUT_MS = 20_000

/** What becomes of the one request of a connection. */
export interface Outcome {
  answered(): void
  failed(error: unknown): void
}

export abstract class HeldConnections {
  readonly #sockets: Socket[] = []
  #closedCount = 0

  /** Sends the request, and reads until `outcome` is told. */
  protected abstract ask(socket: Socket, port: number, outcome: Outcome): void

  /** Resolves when all of them are open and have had their answer; rejects where one has not. */
  async hold(port: number, count: number): Promise<void> {
    this.#closedCount = 0
    for (let opened = 0; opened < count; opened += BATCH) {
      const batch = Array.from({ length: Math.min(BATCH, count - opened) }, () => this.#open(port))
      await Promise.all(batch)
    }
    if (this.#closedCount > 0) throw new Error(`${this.#closedCount} of ${count} connections did not stay open`)
  }

  async release(): Promise<void> {
    const open = this.#sockets.splice(0).filter(socket => !socket.closed)
    const closed = Promise.all(open.map(socket => once(socket, 'close')))
    for (const socket of open) socket.destroy()
    await closed
  }

  #open(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      this.#sockets.push(socket)
      socket.setTimeout(TIMEOUT_MS, () => reject(new Error(`no answer in ${TIMEOUT_MS / 1000} s`)))
      socket.on('error', reject)
      socket.once('close', () => {
        this.#closedCount += 1
        reject(new Error('a connection was closed before its answer'))
      })
      const answered = () => {
        socket.setTimeout(0)
        resolve()
      }
      this.ask(socket, port, { answered, failed: reject })
    })
  }
}
