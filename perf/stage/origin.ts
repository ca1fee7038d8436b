/**
 * The origin behind the proxy that is measured: answers from memory, and looks at a request no more than it has to, so
 * that the proxy is what there is to wait for. It trusts what a proxy sends; it is nothing to put on a network.
 */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

export interface Origin extends AsyncDisposable {
  readonly port: number
}

const SMALL_BYTES = 100
const LARGE_BYTES = 16 * 1024
const STREAM_CHUNKS = 16
const STREAM_CHUNK_BYTES = 1024

const SMALL = answer('Content-Length: 100', 'x'.repeat(SMALL_BYTES))
const LARGE = answer(`Content-Length: ${LARGE_BYTES}`, 'x'.repeat(LARGE_BYTES))
const STREAM_HEAD = answer('Transfer-Encoding: chunked', '')
const STREAM_CHUNK = Buffer.from(`${STREAM_CHUNK_BYTES.toString(16)}\r\n${'x'.repeat(STREAM_CHUNK_BYTES)}\r\n`)
const STREAM_END = Buffer.from('0\r\n\r\n')

function answer(framing: string, content: string): Buffer {
  return Buffer.from(
    `HTTP/1.1 200 OK\r\nServer: perf\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n` +
      `Content-Type: text/plain\r\n${framing}\r\n\r\n${content}`,
  )
}

class OriginConnection {
  readonly #socket: Socket
  /** The beginning of a head whose end has not come. */
  #pending: Buffer | null = null
  #contentLeft = 0
  #target = ''

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (bytes: Buffer) => this.#read(bytes))
    // The load ends by closing whatever is open.
    socket.on('error', () => socket.destroy())
  }

  #read(read: Buffer): void {
    let bytes = read
    if (this.#pending !== null) {
      bytes = Buffer.concat([this.#pending, read])
      this.#pending = null
    }
    let at = 0
    while (at < bytes.length) {
      if (this.#contentLeft === 0) {
        const end = bytes.indexOf('\r\n\r\n', at)
        if (end < 0) {
          this.#pending = bytes.subarray(at)
          return
        }
        this.#readHead(bytes.latin1Slice(at, end + 2))
        at = end + 4
      } else {
        const taken = Math.min(this.#contentLeft, bytes.length - at)
        this.#contentLeft -= taken
        at += taken
      }
      if (this.#contentLeft === 0) this.#answer()
    }
  }

  #readHead(head: string): void {
    this.#target = head.slice(head.indexOf(' ') + 1, head.indexOf(' HTTP/1.1\r\n'))
    this.#contentLeft = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1] ?? 0)
  }

  #answer(): void {
    if (this.#target === '/large') this.#socket.write(LARGE)
    else if (this.#target === '/stream') this.#stream(STREAM_CHUNKS)
    else this.#socket.write(SMALL)
  }

  /** One chunk in each turn of the loop, as an origin does that makes its content while it sends it. */
  #stream(chunksLeft: number): void {
    if (this.#socket.destroyed) return
    if (chunksLeft === STREAM_CHUNKS) this.#socket.write(STREAM_HEAD)
    else this.#socket.write(STREAM_CHUNK)
    if (chunksLeft === 0) this.#socket.write(STREAM_END)
    else setImmediate(() => this.#stream(chunksLeft - 1))
  }
}

/** Starts an origin in this process, on a free port of the loopback interface. */
export async function startOrigin(): Promise<Origin> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    new OriginConnection(socket)
  })
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 })
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
