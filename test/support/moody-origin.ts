import { existsSync, unlinkSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import type { Address } from '../../engine/snapshot.ts'
import { ok } from './heads.ts'
import { waitFor } from './wait-for.ts'

/**
 * How it treats requests: answers with its name, answers with a status, cuts the connection instead, cuts it in the middle
 * of the response, or says nothing before it is told to. To those for `/held/` and its name it says nothing in any mood.
 */
export type Mood = 'good' | 'cut' | 'half' | 'silent' | number

interface Held {
  readonly socket: Socket
  readonly target: string
}

/** An origin whose behaviour changes while it runs; it may not listen at all for a while. */
export class MoodyOrigin implements AsyncDisposable {
  readonly name: string
  readonly address: Address
  mood: Mood
  /** Requests so far, in whatever mood, but for those of checks: they ask for `/check`. */
  requests = 0
  checks = 0
  /** What checks are answered with. */
  checkStatus = 200
  readonly #open = new Set<Socket>()
  readonly #held: Held[] = []
  #server: Server | null = null

  constructor(name: string, address: Address, mood: Mood = 'good') {
    this.name = name
    this.address = address
    this.mood = mood
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#open.size
  }

  /** Requests that wait for an answer. */
  get held(): number {
    return this.#held.length
  }

  async listen(): Promise<this> {
    const server = createServer({ noDelay: true }, socket => this.#serve(socket))
    const { address } = this
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      if (address.kind === 'unix') server.listen(address.path, resolve)
      else server.listen(address.port, address.host, resolve)
    })
    this.#server = server
    return this
  }

  /** From here on connections are refused; those that are open are cut. */
  async leave(): Promise<void> {
    const server = this.#server
    this.#server = null
    if (server === null) return
    for (const socket of this.#open) socket.destroy()
    await new Promise<void>(resolve => server.close(() => resolve()))
    if (this.address.kind === 'unix' && existsSync(this.address.path)) unlinkSync(this.address.path)
  }

  /** Answers what it has held back. */
  release(): void {
    for (const { socket, target } of this.#held.splice(0)) socket.write(ok(`${this.name} ${target}`))
  }

  async reached(requests: number): Promise<void> {
    await waitFor(
      () => this.requests >= requests,
      () => `${requests} requests at ${this.name}; ${this.requests} so far`,
    )
  }

  async checked(more: number): Promise<void> {
    const wanted = this.checks + more
    await waitFor(
      () => this.checks >= wanted,
      () => `${wanted} checks at ${this.name}; ${this.checks} so far`,
    )
  }

  #serve(socket: Socket): void {
    this.#open.add(socket)
    socket.on('close', () => this.#open.delete(socket))
    socket.on('error', () => undefined)
    let received = ''
    socket.on('data', chunk => {
      received += chunk
      for (let end = received.indexOf('\r\n\r\n'); end >= 0; end = received.indexOf('\r\n\r\n')) {
        const [, target = ''] = received.split(' ', 2)
        received = received.slice(end + 4)
        this.#answer(socket, target)
      }
    })
  }

  #answer(socket: Socket, target: string): void {
    if (target === '/check') {
      this.checks += 1
      socket.write(`HTTP/1.1 ${this.checkStatus} x\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    this.requests += 1
    if (this.mood === 'silent' || target === `/held/${this.name}`) this.#held.push({ socket, target })
    else if (this.mood === 'cut') socket.destroy()
    else if (this.mood === 'half') socket.write(ok('0123456789').slice(0, -5), () => socket.destroy())
    else if (this.mood === 'good') socket.write(ok(`${this.name} ${target}`))
    else socket.write(`HTTP/1.1 ${this.mood} x\r\nContent-Length: ${this.name.length}\r\n\r\n${this.name}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave()
  }
}
