import { createServer, type Socket } from 'node:net'
import { Bell, within } from './bell.ts'
import { type Listening, listenOn } from './listen.ts'
import { valuesOf } from './strict-head.ts'
import { parseRequest, parseRequestHead, type StrictRequest } from './strict-request.ts'

export interface RecordedRequest extends StrictRequest {
  /** Number of the connection it came on, from 0. */
  readonly connection: number
}

/** One connection that the origin accepted. */
export interface RecordedConnection {
  readonly index: number
  /** Every byte that came. */
  readonly bytes: Buffer
  /** Sizes of the reads, in order. */
  readonly reads: readonly number[]
  readonly requests: readonly RecordedRequest[]
  /** Why the strict parser gave up on it; empty while it has not. */
  readonly malformed: string
  /** Whether nothing of a further request has come since the last whole one. */
  readonly betweenRequests: boolean
  readonly open: boolean
}

export interface RecordingOrigin extends Listening {
  readonly connections: readonly RecordedConnection[]
  /** Whole requests in the order they were completed. */
  readonly requests: readonly RecordedRequest[]
  /** What the strict parser refused, with the bytes' connection; empty when all was well. */
  readonly malformed: readonly string[]
  /** Resolves when at least `count` whole requests have come. */
  requestsReach(count: number, deadlineMs?: number): Promise<readonly RecordedRequest[]>
  /** Resolves when no open connection is within a request. */
  quiet(deadlineMs?: number): Promise<void>
  /** Forgets what closed connections sent and all requests so far. */
  forget(): void
}

export interface RecordingOriginOptions {
  /** The whole response to a request, as bytes. The default is a 200 whose content is `METHOD target`. */
  readonly answer?: (request: RecordedRequest) => string
  /** Listens here instead of on a free port. */
  readonly unixPath?: string
}

class Connection implements RecordedConnection {
  readonly index: number
  readonly reads: number[] = []
  readonly requests: RecordedRequest[] = []
  malformed = ''
  open = true
  #chunks: Buffer[] = []
  /** What has not become a whole request yet. */
  rest: Buffer = Buffer.alloc(0)
  continued = false

  constructor(index: number) {
    this.index = index
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get betweenRequests(): boolean {
    return this.rest.length === 0
  }

  take(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.reads.push(chunk.length)
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
  }
}

/** Answers 200 with `METHOD target` as content, so that a client can tell which request an answer belongs to. */
export function plainAnswer(request: RecordedRequest): string {
  const content = `${request.method} ${request.target}`
  const head = `HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`
  return request.method === 'HEAD' ? head : head + content
}

/**
 * An origin that records every byte, reads requests with the strict parser and answers each whole one, in order.
 * What the parser refuses is recorded and the connection cut. `Expect: 100-continue` is answered with 100 at the head.
 */
export async function recordingOrigin(options: RecordingOriginOptions = {}): Promise<RecordingOrigin> {
  const answer = options.answer ?? plainAnswer
  const bell = new Bell()
  let connections: Connection[] = []
  let requests: RecordedRequest[] = []
  let malformed: string[] = []
  let accepted = 0

  function parse(connection: Connection, socket: Socket): void {
    while (connection.rest.length > 0 && connection.malformed === '') {
      const step = parseRequest(connection.rest)
      if (step.kind === 'incomplete') {
        continueIfExpected(connection, socket)
        return
      }
      if (step.kind === 'malformed') {
        connection.malformed = step.reason
        malformed.push(`connection ${connection.index}: ${step.reason}`)
        socket.destroy()
        return
      }
      const request: RecordedRequest = { ...step.value, connection: connection.index }
      connection.rest = connection.rest.subarray(step.value.end)
      connection.continued = false
      connection.requests.push(request)
      requests.push(request)
      if (socket.writable) socket.write(answer(request), 'latin1')
    }
  }

  function continueIfExpected(connection: Connection, socket: Socket): void {
    if (connection.continued) return
    const head = parseRequestHead(connection.rest)
    if (head.kind !== 'complete') return
    connection.continued = true
    if (valuesOf(head.value.fields, 'expect').some(value => value.toLowerCase() === '100-continue')) {
      socket.write('HTTP/1.1 100 Continue\r\n\r\n')
    }
  }

  const server = createServer({ noDelay: true }, socket => {
    const connection = new Connection(accepted++)
    connections.push(connection)
    socket.on('error', () => {})
    socket.on('data', chunk => {
      connection.take(chunk as Buffer)
      parse(connection, socket)
      bell.ring()
    })
    socket.on('close', () => {
      connection.open = false
      bell.ring()
    })
  })
  const listening = await listenOn(server, options.unixPath)

  async function until(condition: () => boolean, deadlineMs: number, what: string): Promise<void> {
    const loop = async () => {
      while (!condition()) await bell.wait()
    }
    if (!condition()) await within(loop(), deadlineMs, () => `${what}; ${requests.length} whole requests so far`)
  }

  return {
    ...listening,
    get connections() {
      return connections
    },
    get requests() {
      return requests
    },
    get malformed() {
      return malformed
    },
    async requestsReach(count, deadlineMs = 5_000) {
      await until(() => requests.length >= count, deadlineMs, `${count} requests at the origin`)
      return requests
    },
    async quiet(deadlineMs = 5_000) {
      const settled = () => connections.every(connection => !connection.open || connection.betweenRequests)
      await until(settled, deadlineMs, 'an origin without a request half received')
    },
    forget() {
      connections = connections.filter(connection => connection.open)
      requests = []
      malformed = []
    },
  }
}
