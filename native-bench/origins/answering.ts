/**
 * The origin that runs in the process of the load (see load/station.ts): it reads every request to its last byte before
 * it answers, which ready-made ones do not, and becomes an echo where a WebSocket is asked for. It trusts what proxies
 * send; it is nothing to put on a network.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { ENDPOINTS_MAX, endpointHosts } from '../frame/endpoints.ts'
import { type Message, MessageReader } from '../frame/http-message.ts'
import { FrameReader, renderFrame } from '../frame/websocket-frame.ts'
import { CONTENTS, contentOf } from './content.ts'

/** Appended to the key of a client's handshake, RFC 6455 section 1.3. */
const HANDSHAKE_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** Bytes that the answer to an upload has in any case. */
const RECEIPT_BYTES = 100

/** Ready to be written: on a connection that stays, and on one that ends with it. */
interface Answers {
  readonly usual: Buffer
  readonly last: Buffer
}

const ANSWERS: ReadonlyMap<string, Answers> = new Map(
  CONTENTS.map(content => [content.path, answersOf('200 OK', contentOf(content))]),
)
const NOT_FOUND = answersOf('404 Not Found', Buffer.from('no such path\n'))

export class AnsweringOrigin {
  /** One for each address that proxies may know it by. */
  readonly #servers: Server[] = []
  /** Bytes of content that came with requests which came in full. */
  receivedBytes = 0

  /** Resolves with the port, on all addresses of an origin; 0 takes a free one. */
  async listen(port: number): Promise<number> {
    const [first, ...others] = endpointHosts(ENDPOINTS_MAX)
    const taken = await this.#listenOn(first ?? '127.0.0.1', port)
    for (const host of others) await this.#listenOn(host, taken)
    return taken
  }

  async #listenOn(host: string, port: number): Promise<number> {
    const server = createServer({ noDelay: true }, socket => this.#accept(socket))
    this.#servers.push(server)
    server.listen({ host, port, backlog: 4096 })
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the origin listens on no port')
    return address.port
  }

  /** Takes no more connections; those that are open stay until their clients close them. */
  close(): void {
    for (const server of this.#servers) server.close()
  }

  #accept(socket: Socket): void {
    const reader = new MessageReader(message => this.#answer(socket, message))
    socket.on('data', (bytes: Buffer) => readOrClose(socket, reader, bytes))
    // The load ends by closing whatever is open.
    socket.on('error', () => socket.destroy())
  }

  #answer(socket: Socket, { head, contentBytes }: Message): void {
    const key = /\r\nsec-websocket-key:[ \t]*(\S+)/i.exec(head)?.[1]
    if (key !== undefined) {
      becomeEcho(socket, key)
      return
    }
    const path = head.slice(head.indexOf(' ') + 1, head.indexOf(' HTTP/1.1'))
    this.receivedBytes += contentBytes
    const answers = contentBytes > 0 ? receiptsOf(contentBytes) : (ANSWERS.get(path) ?? NOT_FOUND)
    if (/\r\nconnection:[ \t]*close/i.test(head)) socket.end(answers.last)
    else socket.write(answers.usual)
  }
}

/** What an upload of so many bytes is answered with. */
export function receiptContent(contentBytes: number): Buffer {
  return Buffer.from(`received ${contentBytes} bytes`.padEnd(RECEIPT_BYTES - 1).concat('\n'))
}

const receipts = new Map<number, Answers>()

function receiptsOf(contentBytes: number): Answers {
  const known = receipts.get(contentBytes)
  if (known !== undefined) return known
  const made = answersOf('200 OK', receiptContent(contentBytes))
  receipts.set(contentBytes, made)
  return made
}

function becomeEcho(socket: Socket, key: string): void {
  const accept = createHash('sha1')
    .update(key + HANDSHAKE_SUFFIX)
    .digest('base64')
  const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}`
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`)
  const reader = new FrameReader((opcode, payload) => socket.write(renderFrame(opcode, payload)))
  socket.removeAllListeners('data')
  socket.on('data', (bytes: Buffer) => readOrClose(socket, reader, bytes))
}

/** What cannot be read ends the connection: the proxy answers for it, and its row says so. */
function readOrClose(socket: Socket, reader: MessageReader | FrameReader, bytes: Buffer): void {
  try {
    reader.read(bytes)
  } catch {
    socket.destroy()
  }
}

function answersOf(status: string, content: Buffer): Answers {
  const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${content.length}\r\n`
  return {
    usual: Buffer.concat([Buffer.from(`${head}\r\n`), content]),
    last: Buffer.concat([Buffer.from(`${head}Connection: close\r\n\r\n`), content]),
  }
}
