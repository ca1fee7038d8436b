import { createHash, randomBytes } from 'node:crypto'
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import { WebSocket, WebSocketServer } from 'ws'
import type { Address } from '../../../engine/snapshot.ts'
import { within } from '../../support/bell.ts'
import { listenOn } from '../../support/listen.ts'

const PIECE_BYTES = 16 * 1024
const PIECE_EVERY_MS = 100
const SAY_EVERY_MS = 250

/** An origin of responses that end when they are told to, and of WebSockets that say what they hear. */
export interface StreamOrigin extends AsyncDisposable {
  readonly address: Address
  /** Ends all downloads; they are whole then. */
  finish(): void
}

export async function streamOrigin(): Promise<StreamOrigin> {
  const downloads = new Set<{ response: ServerResponse; hash: ReturnType<typeof createHash> }>()
  const server = createServer((_, response) => {
    response.writeHead(200, { Trailer: 'X-Sha256' })
    response.flushHeaders()
    downloads.add({ response, hash: createHash('sha256') })
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', socket => socket.on('message', message => socket.send(message)))
  const timer = setInterval(() => {
    const piece = randomBytes(PIECE_BYTES)
    for (const { response, hash } of downloads) {
      hash.update(piece)
      response.write(piece)
    }
  }, PIECE_EVERY_MS)
  const { address, close } = await listenOn(server)
  return {
    address,
    finish() {
      for (const { response, hash } of downloads) {
        response.addTrailers({ 'X-Sha256': hash.digest('hex') })
        response.end()
      }
      downloads.clear()
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      for (const client of sockets.clients) client.terminate()
      await close()
    },
  }
}

/** A response that goes on until the origin ends it. */
export interface Download {
  /** Bytes so far. */
  readonly bytes: number
  /** Empty when every byte has come as it was sent; else what is wrong. */
  readonly ended: Promise<string>
}

export async function startDownload(port: number): Promise<Download> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/streams/download', agent: false }, resolve).on('error', reject)
  })
  const hash = createHash('sha256')
  const download = {
    bytes: 0,
    ended: new Promise<string>(resolve => {
      response.on('error', error => resolve(error.message))
      response.on('end', () => {
        const isWhole = response.complete && response.trailers['x-sha256'] === hash.digest('hex')
        resolve(isWhole ? '' : `not what was sent: ${download.bytes} bytes`)
      })
    }),
  }
  response.on('data', (piece: Buffer) => {
    hash.update(piece)
    download.bytes += piece.length
  })
  return download
}

/** A WebSocket that says a number again and again, and wants to hear it. */
export class Talk {
  /** What it has heard. */
  heard = 0
  /** What went wrong; empty for nothing. */
  problem = ''
  readonly #socket: WebSocket
  #said = 0
  #timer: NodeJS.Timeout | null = null
  #closing = false

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', message => this.#hear(String(message)))
    socket.on('error', error => this.#fail(error.message))
    socket.on('close', code => {
      if (!this.#closing) this.#fail(`closed with ${code}`)
    })
  }

  static async open(port: number): Promise<Talk> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/streams/talk`)
    const talk = new Talk(socket)
    await within(new Promise(resolve => socket.once('open', resolve)), 10_000, () => `a WebSocket; ${talk.problem}`)
    talk.#timer = setInterval(() => talk.#say(), SAY_EVERY_MS)
    return talk
  }

  #say(): void {
    // The one before it has not been heard yet: the machine is busy.
    if (this.#said > this.heard) return
    this.#said += 1
    this.#socket.send(String(this.#said))
  }

  #hear(message: string): void {
    this.heard += 1
    if (message !== String(this.heard)) this.#fail(`${message} in place of ${this.heard}`)
  }

  #fail(problem: string): void {
    this.problem ||= problem
  }

  /** What it has said is heard, and it ends. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#closing = true
    const closed = new Promise(resolve => this.#socket.once('close', resolve))
    this.#socket.close()
    if (this.#socket.readyState !== WebSocket.CLOSED) await within(closed, 10_000, () => 'the end of a WebSocket')
  }
}
