import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { waitFor } from '../../support/wait-for.ts'

const SAY_EVERY_MS = 100

/** Somebody who says a number again and again, and wants to hear it. */
export interface Talk {
  /** What it has heard so far. */
  readonly heard: number
  /** What went wrong; empty for nothing. */
  readonly problem: string
  close(): void
}

/** A flow of TCP to an echo: each line that comes back is the next one that went. */
export class TcpTalk implements Talk {
  heard = 0
  problem = ''
  readonly #socket: Socket
  readonly #timer: NodeJS.Timeout
  #said = 0
  #text = ''
  #isOver = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => this.#hear(text))
    socket.on('error', error => this.#fail(error.message))
    socket.on('close', () => this.#fail('the connection ended'))
    this.#timer = setInterval(() => {
      socket.write(`${this.#said}\n`)
      this.#said += 1
    }, SAY_EVERY_MS)
  }

  static async open(port: number): Promise<TcpTalk> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new TcpTalk(socket)
  }

  #hear(text: string): void {
    const lines = (this.#text + text).split('\n')
    this.#text = lines.pop() ?? ''
    for (const line of lines) {
      if (line !== String(this.heard)) this.#fail(`${line} instead of ${this.heard}`)
      this.heard += 1
    }
  }

  #fail(problem: string): void {
    clearInterval(this.#timer)
    if (!this.#isOver && this.problem === '') this.problem = problem
  }

  close(): void {
    this.#isOver = true
    clearInterval(this.#timer)
    this.#socket.destroy()
  }
}

/** A flow of UDP to an echo that says from which port each datagram came: always the same one, as the flow is. */
export class UdpTalk implements Talk {
  heard = 0
  problem = ''
  readonly #socket: DatagramSocket
  readonly #timer: NodeJS.Timeout
  #said = 0
  #port = ''

  private constructor(socket: DatagramSocket) {
    this.#socket = socket
    socket.on('message', message => this.#hear(message.toString()))
    socket.on('error', error => this.#fail(error.message))
    this.#timer = setInterval(() => {
      socket.send(String(this.#said))
      this.#said += 1
    }, SAY_EVERY_MS)
  }

  static async open(port: number): Promise<UdpTalk> {
    const socket = createSocket('udp4')
    socket.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new UdpTalk(socket)
  }

  #hear(message: string): void {
    const [port = '', said] = message.split(' ')
    if (this.#port === '') this.#port = port
    if (port !== this.#port) this.#fail(`a flow from port ${port} instead of ${this.#port}`)
    if (said !== String(this.heard)) this.#fail(`${said} instead of ${this.heard}`)
    this.heard += 1
  }

  #fail(problem: string): void {
    if (this.problem === '') this.problem = problem
  }

  close(): void {
    clearInterval(this.#timer)
    this.#socket.close()
  }
}

/** Every one of them says one more number, and hears it. */
export async function hearOneMore(talks: readonly Talk[]): Promise<void> {
  const heard = talks.map(talk => talk.heard)
  const problems = () => talks.map(({ problem }) => problem).filter(problem => problem !== '')
  await waitFor(
    () => problems().length > 0 || talks.every((talk, index) => talk.heard > (heard[index] ?? 0)),
    'every talk to go on',
    10_000,
  )
}
