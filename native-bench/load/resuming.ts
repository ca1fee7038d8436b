/**
 * Closed-loop load of TLS connections that take up an earlier session: each makes one request, is closed, and the next one
 * takes its place. Sessions are those of a connection at the beginning; one that is not taken up is a failure.
 *
 * The class is the runner's side; the program below does the work:
 *
 *     node native-bench/load/resuming.ts PORT MILLISECONDS CONNECTIONS
 */
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { pinned } from '../frame/cores.ts'
import { MessageReader, statusOf } from '../frame/http-message.ts'
import { GET, renderRequest } from '../frame/http-request.ts'
import { Program, type Stage } from '../frame/stage.ts'
import { outputOf } from './output.ts'
import type { LoadReport } from './wrk.ts'

const REQUEST = { ...GET, fields: ['Connection: close'] }

export class ResumingLoad {
  readonly #connections: number
  readonly #stage: Stage

  constructor(connections: number, stage: Stage) {
    this.#connections = connections
    this.#stage = stage
  }

  /** Throws where a connection failed, or did not take up its session. */
  async run(port: number, seconds: number): Promise<LoadReport> {
    const args = [import.meta.filename, String(port), String(Math.round(seconds * 1000)), String(this.#connections)]
    const program = new Program(pinned(this.#stage.settings.cores.others, process.execPath, args), 'pipe')
    this.#stage.atEnd(program.kill)
    return JSON.parse(await outputOf(program)) as LoadReport
  }
}

function open(port: number, session: Buffer | undefined): TLSSocket {
  const known = session === undefined ? {} : { session }
  return connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'], ...known })
}

/** One request on a connection of its own; resolves when it has been answered and closed. */
function request(port: number, session: Buffer | undefined): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = open(port, session)
    const reader = new MessageReader(({ head }) => {
      if (statusOf(head) !== 200) reject(new Error(`status ${statusOf(head)} instead of 200`))
      else if (session !== undefined && !socket.isSessionReused()) reject(new Error('a session was not taken up'))
      socket.destroy()
    })
    socket.on('error', reject)
    socket.on('data', (bytes: Buffer) => reader.read(bytes))
    socket.on('close', () => resolve(socket))
    socket.write(renderRequest(REQUEST, port))
  })
}

/** The session that a server offers. */
async function firstSession(port: number): Promise<Buffer> {
  const socket = open(port, undefined)
  const session = once(socket, 'session')
  socket.on('data', () => {})
  socket.write(renderRequest(REQUEST, port))
  const [first] = (await session) as [Buffer]
  socket.destroy()
  return first
}

async function work(port: number, milliseconds: number, connections: number): Promise<LoadReport> {
  const session = await firstSession(port)
  const startedAt = performance.now()
  let units = 0
  const lane = async () => {
    while (performance.now() - startedAt < milliseconds) {
      await request(port, session)
      units += 1
    }
  }
  await Promise.all(Array.from({ length: connections }, lane))
  return { units, seconds: (performance.now() - startedAt) / 1000 }
}

if (import.meta.main) {
  const [port = 0, milliseconds = 0, connections = 0] = process.argv.slice(2).map(Number)
  console.log(JSON.stringify(await work(port, milliseconds, connections)))
}
