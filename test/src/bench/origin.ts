import { createServer, type RequestListener } from 'node:http'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { type Listening, listenOn } from '../../support/listen.ts'

/** Targets for load runs: they say what came, and answer however a test wants it. */

export interface BenchOrigin extends Listening {
  readonly url: string
  readonly requests: number
  /** Connections accepted so far. The load generator makes one of its own to find out whether anybody is there. */
  readonly connections: number
}

/** Node's server: well-behaved HTTP. Without a listener it answers 200 with `hello`. */
export async function httpOrigin(
  listener: RequestListener = (_, response) => response.end('hello'),
): Promise<BenchOrigin> {
  const counts = { requests: 0, connections: 0 }
  const server = createServer((request, response) => {
    counts.requests += 1
    listener(request, response)
  })
  server.on('connection', () => {
    counts.connections += 1
  })
  return withCounts(await listenOn(server), counts)
}

/** Whatever bytes a test wants: `answer` is called for each request head, numbered from 0. */
export async function rawOrigin(answer: (socket: Socket, request: number) => void): Promise<BenchOrigin> {
  const counts = { requests: 0, connections: 0 }
  const server = createTcpServer({ noDelay: true }, socket => {
    counts.connections += 1
    let unread = ''
    socket.on('error', () => {})
    socket.on('data', chunk => {
      unread += chunk.toString('latin1')
      const heads = unread.split('\r\n\r\n')
      unread = heads.pop() ?? ''
      for (const _ of heads) answer(socket, counts.requests++)
    })
  })
  return withCounts(await listenOn(server), counts)
}

function withCounts(listening: Listening, counts: { requests: number; connections: number }): BenchOrigin {
  return {
    ...listening,
    url: `http://127.0.0.1:${listening.port}/`,
    get requests() {
      return counts.requests
    },
    get connections() {
      return counts.connections
    },
  }
}
