import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { Address } from '../../engine/snapshot.ts'
import { Bell } from './bell.ts'

export interface ReceivedDatagram {
  readonly bytes: Buffer
  readonly text: string
  /** Of whoever has sent it. */
  readonly port: number
  readonly host: string
}

/** A socket of UDP on a port of its own: a client, or an endpoint. */
export class DatagramPeer implements AsyncDisposable {
  readonly port: number
  readonly address: Address
  /** All that has come, in order. */
  readonly received: ReceivedDatagram[] = []
  readonly #socket: Socket
  readonly #came = new Bell()
  #taken = 0
  #closed: Promise<void> | null = null

  private constructor(socket: Socket, answer: ((datagram: ReceivedDatagram) => readonly Uint8Array[]) | null) {
    this.#socket = socket
    const { address, port } = socket.address()
    this.port = port
    this.address = { kind: 'tcp', host: address, port }
    socket.on('message', (bytes: Buffer, source: RemoteInfo) => {
      const datagram = { bytes, text: bytes.toString('latin1'), port: source.port, host: source.address }
      this.received.push(datagram)
      this.#came.ring()
      for (const reply of answer?.(datagram) ?? []) socket.send(reply, source.port, source.address)
    })
    socket.on('error', () => undefined)
  }

  /** `answer` gives what each datagram is answered with; `null` for nothing. */
  static async open(
    answer: ((datagram: ReceivedDatagram) => readonly Uint8Array[]) | null = null,
    host = '127.0.0.1',
    port = 0,
  ): Promise<DatagramPeer> {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    socket.bind(port, host)
    await once(socket, 'listening')
    return new DatagramPeer(socket, answer)
  }

  send(content: string | Uint8Array, port: number, host = '127.0.0.1'): void {
    this.#socket.send(content, port, host)
  }

  /** The next one that has not been asked for yet. */
  async next(): Promise<ReceivedDatagram> {
    while (this.received.length <= this.#taken) await this.#came.wait()
    this.#taken += 1
    return this.received[this.#taken - 1] as ReceivedDatagram
  }

  /** Sends, and gives what comes next. */
  async ask(content: string | Uint8Array, port: number, host?: string): Promise<string> {
    this.send(content, port, host)
    return (await this.next()).text
  }

  close(): Promise<void> {
    this.#closed ??= new Promise<void>(resolve => this.#socket.close(resolve))
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** An endpoint that says its name in front of whatever it is sent. */
export function namedEcho(name = '', host?: string, port?: number): Promise<DatagramPeer> {
  return DatagramPeer.open(({ bytes }) => [Buffer.concat([Buffer.from(name), bytes])], host, port)
}

/** A port that is taken, and whose datagrams the system sends back as unreachable: its socket is for one other peer alone. */
export async function unreachableDatagrams(): Promise<AsyncDisposable & { readonly address: Address }> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.connect(9, '127.0.0.1')
  await once(socket, 'connect')
  return {
    address: { kind: 'tcp', host: '127.0.0.1', port },
    [Symbol.asyncDispose]: () => new Promise<void>(resolve => socket.close(resolve)),
  }
}
