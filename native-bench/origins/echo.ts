/** The origin of datagrams, in the process of the load: each goes back to where it came from. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'

export class DatagramEcho {
  readonly #socket = createSocket('udp4')

  /** On 127.0.0.1; rejects where somebody has the port. */
  async listen(port: number): Promise<void> {
    this.#socket.on('message', (bytes, { port: from, address }) => this.#socket.send(bytes, from, address))
    this.#socket.bind(port, '127.0.0.1')
    await once(this.#socket, 'listening')
  }

  close(): void {
    this.#socket.close()
  }
}
