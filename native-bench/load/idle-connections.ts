/** Connections that have made one request and stay open. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { MessageReader, statusOf } from '../frame/http-message.ts'
import { GET, renderRequest } from '../frame/http-request.ts'

/** Opened at once: few enough for any queue of connections to accept. */
const BATCH = 100

/** For one request, in ms. */
const TIMEOUT_MS = 20_000

export class IdleConnections {
  readonly #sockets: Socket[] = []
  #closedCount = 0

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
      const reader = new MessageReader(({ head }) => {
        socket.setTimeout(0)
        if (statusOf(head) === 200) resolve()
        else reject(new Error(`status ${statusOf(head)} instead of 200`))
      })
      socket.setTimeout(TIMEOUT_MS, () => reject(new Error(`no answer in ${TIMEOUT_MS / 1000} s`)))
      socket.on('error', reject)
      socket.once('close', () => {
        this.#closedCount += 1
        reject(new Error('a connection was closed before its answer'))
      })
      socket.on('data', (bytes: Buffer) => {
        try {
          reader.read(bytes)
        } catch (error) {
          reject(error)
        }
      })
      socket.write(renderRequest(GET, port))
    })
  }
}
