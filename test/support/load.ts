import { connect, type Socket } from 'node:net'
import { within } from './bell.ts'
import { originContent, originTarget } from './origin-process.ts'

/** How many of the answers that are not what they should be are told of in full. */
const WRONG_MAX = 10

/** What came of a number of requests. */
export class LoadReport {
  ended = 0
  /** Whole responses, by status. */
  readonly statuses = new Map<number, number>()
  /** Whole responses, by what `X-Origin` says; those without are not here. */
  readonly origins = new Map<string, number>()
  /** Connections that ended before the response was whole, by whether its head had come. */
  cutBeforeHead = 0
  cutBehindHead = 0
  /** Responses that are not what an origin says to that request, or not HTTP: the first few of them. */
  readonly wrong: string[] = []
  slowestMs = 0

  /** Whole responses of a status. */
  of(status: number): number {
    return this.statuses.get(status) ?? 0
  }

  /** Share of the whole responses that an origin gave, 0 to 1. */
  share(origin: string): number {
    return (this.origins.get(origin) ?? 0) / this.ended
  }

  /** Everything but whole, right responses of 200, in words: empty where there was nothing else. */
  get failures(): string[] {
    const failures = [...this.statuses]
      .filter(([status]) => status !== 200)
      .map(([status, count]) => `${count} x ${status}`)
    if (this.cutBeforeHead > 0) failures.push(`${this.cutBeforeHead} x cut before the head`)
    if (this.cutBehindHead > 0) failures.push(`${this.cutBehindHead} x cut behind the head`)
    return [...failures, ...this.wrong]
  }

  /** @internal */
  add(answer: Answer): void {
    const { status, origin, problem, ms } = answer
    this.ended += 1
    this.slowestMs = Math.max(this.slowestMs, ms)
    if (problem === 'cut') {
      if (status === 0) this.cutBeforeHead += 1
      else this.cutBehindHead += 1
      return
    }
    if (problem !== '' && this.wrong.length < WRONG_MAX) this.wrong.push(problem)
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
    if (origin !== '') this.origins.set(origin, (this.origins.get(origin) ?? 0) + 1)
  }
}

export interface Answer {
  /** The connection that asked, from 0. */
  readonly connection: number
  /** 0 where no head has come. */
  readonly status: number
  readonly origin: string
  /** `cut`, or what is wrong with it; empty where nothing is. */
  readonly problem: string
  readonly ms: number
}

export interface LoadOptions {
  readonly port: number
  readonly connections: number
  /** Of each response's content; 100 unless it is said. */
  readonly bytes?: number
  readonly onAnswer?: (answer: Answer) => void
}

interface Phase {
  readonly report: LoadReport
  /** Requests before that number are not its own. */
  readonly from: number
  readonly count: number
  readonly resolve: (report: LoadReport) => void
}

/**
 * Clients on keep-alive connections, each of which asks again as soon as it has its answer. A connection that ends is
 * opened again. Every answer is held against what an origin says to that request.
 */
export class Load implements Disposable {
  readonly options: Required<LoadOptions>
  /** Of everything since the start. */
  readonly total = new LoadReport()
  readonly #connections: LoadConnection[]
  readonly #phases = new Set<Phase>()
  readonly #conditions = new Set<() => void>()
  #asked = 0
  #active = 0
  #stopping = false

  constructor(options: LoadOptions) {
    this.options = { bytes: 100, onAnswer: () => undefined, ...options }
    this.#connections = Array.from({ length: options.connections }, (_, index) => new LoadConnection(this, index))
  }

  /** The report of the next `count` answers to requests that have not been sent yet. */
  next(count: number, deadlineMs = 15_000): Promise<LoadReport> {
    const report = new LoadReport()
    const ended = new Promise<LoadReport>(resolve => {
      this.#phases.add({ report, from: this.#asked, count, resolve })
    })
    return within(ended, deadlineMs, () => `${count} answers; so far ${report.ended}`)
  }

  /** Resolves when the condition holds; it is looked at with each answer. */
  async until(condition: () => boolean, what: string, deadlineMs = 10_000): Promise<void> {
    if (condition()) return
    let look: () => void = () => undefined
    const held = new Promise<void>(resolve => {
      look = () => {
        if (condition()) resolve()
      }
      this.#conditions.add(look)
    })
    try {
      await within(held, deadlineMs, () => what)
    } finally {
      this.#conditions.delete(look)
    }
  }

  /** Asks no more; resolves with the report of everything when the last answer is there. */
  async stop(): Promise<LoadReport> {
    this.#stopping = true
    await this.until(() => this.#active === 0, 'the last answers')
    this[Symbol.dispose]()
    return this.total
  }

  [Symbol.dispose](): void {
    this.#stopping = true
    for (const connection of this.#connections) connection.close()
  }

  /** The number of the next request; -1 when there is to be none. @internal */
  take(): number {
    if (this.#stopping) return -1
    this.#active += 1
    return this.#asked++
  }

  /** @internal */
  ended(number: number, answer: Answer): void {
    this.#active -= 1
    this.total.add(answer)
    for (const phase of this.#phases) {
      if (number < phase.from) continue
      phase.report.add(answer)
      if (phase.report.ended < phase.count) continue
      this.#phases.delete(phase)
      phase.resolve(phase.report)
    }
    this.options.onAnswer(answer)
    for (const look of this.#conditions) look()
  }
}

class LoadConnection {
  readonly #load: Load
  readonly #index: number
  #socket: Socket
  #received = ''
  /** Of the request under way; -1 for none. */
  #number = -1
  #target = ''
  #startedAt = 0
  #closed = false

  constructor(load: Load, index: number) {
    this.#load = load
    this.#index = index
    this.#socket = this.#open()
    this.#ask()
  }

  #open(): Socket {
    const socket = connect({ host: '127.0.0.1', port: this.#load.options.port, noDelay: true })
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      if (socket === this.#socket) this.#onData(text)
    })
    const ended = () => {
      if (socket === this.#socket) this.#onEnd()
    }
    socket.on('end', ended)
    socket.on('error', ended)
    socket.on('close', ended)
    return socket
  }

  close(): void {
    this.#closed = true
    this.#socket.destroy()
  }

  #ask(): void {
    this.#number = this.#load.take()
    if (this.#number < 0) return
    this.#target = originTarget(this.#load.options.bytes, this.#number)
    this.#startedAt = performance.now()
    this.#socket.write(`GET ${this.#target} HTTP/1.1\r\nHost: load\r\n\r\n`)
  }

  #onData(text: string): void {
    this.#received += text
    if (this.#number < 0) {
      this.#received = ''
      this.#load.total.wrong.push(`unasked: ${text.slice(0, 100)}`)
      return
    }
    const response = parse(this.#received)
    if (response === null) return
    const rest = this.#received.slice(response.end)
    this.#received = ''
    this.#answer(
      response.status,
      response.origin,
      rest === '' ? this.#judge(response) : `too much: ${rest.slice(0, 100)}`,
    )
    if (response.closes) this.#reopen()
    this.#ask()
  }

  #judge({ origin, content, problem }: Response): string {
    if (problem !== '') return problem
    // What has no origin's name on it is the proxy's own.
    if (origin === '' || content === originContent(this.#target)) return ''
    return `${this.#target} was answered with ${content.slice(0, 100)}`
  }

  #answer(status: number, origin: string, problem: string): void {
    const number = this.#number
    this.#number = -1
    const ms = performance.now() - this.#startedAt
    this.#load.ended(number, { connection: this.#index, status, origin, problem, ms })
  }

  #onEnd(): void {
    if (this.#closed) return
    const wasAsking = this.#number >= 0
    const status = statusOf(this.#received)
    this.#received = ''
    this.#reopen()
    if (!wasAsking) return
    this.#answer(status, '', 'cut')
    this.#ask()
  }

  #reopen(): void {
    const old = this.#socket
    this.#socket = this.#open()
    old.destroy()
  }
}

interface Response {
  readonly status: number
  readonly origin: string
  readonly content: string
  readonly closes: boolean
  /** Where it ends in what was received. */
  readonly end: number
  readonly problem: string
}

function statusOf(text: string): number {
  return Number(/^HTTP\/1\.1 ([0-9]{3}) [^\r\n]*\r\n(?:.*\r\n)*?\r\n/.exec(text)?.[1] ?? 0)
}

/** `null` for what is not whole yet. */
function parse(text: string): Response | null {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd < 0) return null
  const head = text.slice(0, headEnd + 2)
  const status = Number(/^HTTP\/1\.1 ([0-9]{3}) /.exec(head)?.[1] ?? 0)
  const origin = fieldOf(head, 'X-Origin')
  const closes = fieldOf(head, 'Connection') === 'close'
  const facts = { status, origin, closes }
  if (status === 0) return { ...facts, content: '', end: text.length, problem: `no response: ${head.slice(0, 100)}` }
  const from = headEnd + 4
  if (fieldOf(head, 'Transfer-Encoding') === 'chunked') {
    const chunks = parseChunks(text, from)
    return chunks && { ...facts, ...chunks }
  }
  const end = from + Number(fieldOf(head, 'Content-Length') || 0)
  return text.length < end ? null : { ...facts, content: text.slice(from, end), end, problem: '' }
}

function fieldOf(head: string, name: string): string {
  return new RegExp(`\r\n${name}: ([^\r\n]*)\r\n`, 'i').exec(head)?.[1] ?? ''
}

function parseChunks(text: string, from: number): Pick<Response, 'content' | 'end' | 'problem'> | null {
  let content = ''
  for (let at = from; ; ) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd < 0) return null
    const size = Number.parseInt(text.slice(at, lineEnd), 16)
    if (Number.isNaN(size)) return { content, end: text.length, problem: `no chunk: ${text.slice(at, at + 100)}` }
    const end = lineEnd + 2 + size + 2
    if (text.length < end) return null
    content += text.slice(lineEnd + 2, end - 2)
    at = end
    if (size === 0) return { content, end, problem: '' }
  }
}
