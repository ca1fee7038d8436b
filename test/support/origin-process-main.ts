/** The process of an `OriginProcess`: an HTTP/1.1 server that does as it is told over IPC, and counts what it sees. */
import { createServer, type Socket } from 'node:net'
import {
  CHECK_PATH,
  type FromOrigin,
  type OriginBehaviour,
  type OriginCounts,
  originContent,
  type ToOrigin,
} from './origin-process.ts'

let name = ''
let behaviour: OriginBehaviour = { delayMs: 0, errorShare: 0, errorStatus: 500, answer: 'whole' }
/** Of the response that is to be the next error: it is one when this reaches 1. */
let errorsDue = 0
let isStopping = false
const connections = new Set<OriginConnection>()
const held = new Set<OriginConnection>()
const counts = { requests: 0, checks: 0, checksBefore: -1, active: 0, activeMost: 0, openMost: 0, accepted: 0 }

const tell = (message: FromOrigin) => process.send?.(message)

class OriginConnection {
  readonly #socket: Socket
  #received = ''
  /** The target of the request under way; empty for none. */
  #target = ''

  constructor(socket: Socket) {
    this.#socket = socket
    connections.add(this)
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.#received += text
      this.#next()
    })
    // The other side's FIN is the end of it, and the first to be heard of it.
    socket.on('end', () => this.#end())
    socket.on('error', () => this.#end())
    socket.on('close', () => this.#end())
  }

  get isIdle(): boolean {
    return this.#target === ''
  }

  close(): void {
    this.#socket.end()
    this.#end()
  }

  #end(): void {
    connections.delete(this)
    held.delete(this)
    this.#finish()
  }

  #finish(): void {
    if (this.#target !== '' && this.#target !== CHECK_PATH) counts.active -= 1
    this.#target = ''
  }

  #next(): void {
    const end = this.#received.indexOf('\r\n\r\n')
    if (this.#target !== '' || end < 0) return
    this.#target = this.#received.split(' ', 2)[1] ?? '/'
    this.#received = this.#received.slice(end + 4)
    if (this.#target === CHECK_PATH) {
      counts.checks += 1
      this.#respond(200, 'fine')
      return
    }
    if (counts.requests === 0) counts.checksBefore = counts.checks
    counts.requests += 1
    counts.active += 1
    counts.activeMost = Math.max(counts.activeMost, counts.active)
    this.answer()
  }

  answer(): void {
    const { delayMs, answer } = behaviour
    if (answer === 'held') held.add(this)
    else if (delayMs > 0) setTimeout(() => this.#answerNow(), delayMs)
    else this.#answerNow()
  }

  #answerNow(): void {
    if (this.#target === '') return
    const content = originContent(this.#target)
    const half = content.slice(0, content.length / 2)
    switch (behaviour.answer) {
      case 'reset':
        this.#reset()
        break
      case 'reset_in_content':
        this.#socket.write(this.#head(200, `Content-Length: ${content.length}`) + half, () => this.#reset())
        break
      case 'reset_in_chunks':
        this.#socket.write(this.#head(200, 'Transfer-Encoding: chunked') + chunk(half), () => this.#reset())
        break
      case 'chunked':
        this.#send(this.#head(this.#status(), 'Transfer-Encoding: chunked') + chunk(content) + chunk(''))
        break
      default:
        this.#respond(this.#status(), content)
    }
  }

  #status(): number {
    errorsDue += behaviour.errorShare
    if (errorsDue < 1) return 200
    errorsDue -= 1
    return behaviour.errorStatus
  }

  #respond(status: number, content: string): void {
    this.#send(`${this.#head(status, `Content-Length: ${content.length}`)}${content}`)
  }

  #head(status: number, framing: string): string {
    const closing = isStopping ? 'Connection: close\r\n' : ''
    return `HTTP/1.1 ${status} Some reason\r\nX-Origin: ${name}\r\n${closing}${framing}\r\n\r\n`
  }

  #send(response: string): void {
    // Whoever reads it may send the next request before this process comes to its next line.
    this.#finish()
    this.#socket.write(response)
    if (isStopping) this.close()
    else this.#next()
  }

  #reset(): void {
    this.#end()
    this.#socket.resetAndDestroy()
  }
}

function chunk(content: string): string {
  return `${content.length.toString(16)}\r\n${content}\r\n`
}

const server = createServer({ noDelay: true }, socket => {
  new OriginConnection(socket)
  counts.accepted += 1
  // Who closes one connection and opens another has both told of at once, and not in that order: the sum counts behind it.
  setImmediate(() =>
    setImmediate(() => {
      counts.openMost = Math.max(counts.openMost, connections.size)
    }),
  )
})

function stop(): void {
  isStopping = true
  server.close(() => process.exit(0))
  for (const connection of connections) if (connection.isIdle) connection.close()
}

function behave(next: OriginBehaviour): void {
  behaviour = next
  errorsDue = 0
  if (next.answer === 'held') return
  const waiting = [...held]
  held.clear()
  for (const connection of waiting) connection.answer()
}

process.on('message', (message: ToOrigin) => {
  switch (message.kind) {
    case 'listen':
      name = message.name
      server.once('error', (error: NodeJS.ErrnoException) => tell({ kind: 'refused', code: error.code ?? '' }))
      server.listen({ host: message.host, port: message.port, backlog: 1024 }, () => tell({ kind: 'listening' }))
      break
    case 'behave':
      behave(message.behaviour)
      tell({ kind: 'behaving' })
      break
    case 'count':
      tell({ kind: 'counts', counts: { ...counts, open: connections.size } satisfies OriginCounts })
      break
    case 'stop':
      stop()
  }
})
// The test has ended, in whatever way.
process.on('disconnect', () => process.exit(0))
