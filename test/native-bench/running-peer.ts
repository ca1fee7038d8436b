/** A peer of the native bench as its tests start it, and the origin behind it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type Agent, createServer, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { WebSocketServer } from 'ws'
import type { Peer, ProxySetup } from '../../native-bench/frame/peer.ts'
import { peers } from '../../native-bench/peers/index.ts'
import { SOURCE_MAIN, sluicePeer } from '../../native-bench/peers/sluice/peer.ts'
import { within } from '../support/bell.ts'
import { freePort } from '../support/free-port.ts'
import { type Listening, listenOn } from '../support/listen.ts'
import { turns } from '../support/turns.ts'

export const MEBIBYTE: Buffer = Buffer.alloc(1 << 20, 'the content of a mebibyte, ')
const STARTED_WITHIN_MS = 15_000
const ENDED_WITHIN_MS = 10_000

/** All of them; Sluice runs from its sources, since tests come before anything is built. */
export const peersFromSources: readonly Peer[] = peers.map(peer =>
  peer.name === 'sluice' ? sluicePeer(SOURCE_MAIN) : peer,
)

interface Seen {
  readonly headers: IncomingHttpHeaders
  readonly connection: number
}

export interface Origin extends Listening {
  /** The requests so far. */
  readonly seen: readonly Seen[]
}

/** `/mebibyte` is a MiB; an upload is answered with its digest; every WebSocket is an echo. */
export async function startOrigin(): Promise<Origin> {
  const seen: Seen[] = []
  const connections = new Map<unknown, number>()
  const server = createServer((message, response) => {
    const connection = connections.get(message.socket) ?? connections.size
    connections.set(message.socket, connection)
    seen.push({ headers: message.headers, connection })
    if (message.method === 'POST') void contentOf(message).then(content => response.end(digest(content)))
    else response.end(message.url === '/mebibyte' ? MEBIBYTE : `hello ${message.url}`)
  })
  const echo = new WebSocketServer({ server })
  echo.on('connection', socket => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
    socket.on('error', () => {})
  })
  return { ...(await listenOn(server)), seen }
}

async function contentOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

export function digest(content: Buffer): string {
  return `${content.length} ${createHash('sha256').update(content).digest('hex')}`
}

export interface Running extends AsyncDisposable {
  readonly port: number
  /** Ends it by SIGTERM; resolves once its process has ended and its port is free again. */
  end(): Promise<void>
}

/** `isReady` resolves when it does its work; by default it answers requests. */
export async function start(
  peer: Peer,
  setup: Pick<ProxySetup, 'originPort' | 'folder'> & Partial<ProxySetup>,
  isReady: (port: number) => Promise<void> = answers,
) {
  const port = await freePort()
  const whole: ProxySetup = {
    port,
    workers: 1,
    pipelining: 1,
    endpoints: 1,
    listens: 'http1',
    certificate: null,
    responses: null,
    originSpeaks: 'http1',
    accessLogPath: null,
    connections: 1_000,
    ...setup,
  }
  const { executable, args, environment } = peer.command(whole)
  const child: ChildProcess = spawn(executable, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...environment },
  })
  let errors = ''
  child.stderr?.on('data', chunk => {
    errors += chunk
  })
  const exited = once(child, 'exit')
  const early = exited.then(([code]) => Promise.reject(new Error(`${peer.name} ended with ${code}: ${errors}`)))
  early.catch(() => {})
  const ready = Promise.race([isReady(port), early])
  await within(ready, STARTED_WITHIN_MS, () => `${peer.name} to answer: ${errors}`).catch(error => {
    child.kill('SIGKILL')
    throw error
  })
  const end = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await within(exited, ENDED_WITHIN_MS, () => `the end of ${peer.name}: ${errors}`)
    await within(refuses(port), ENDED_WITHIN_MS, () => `the end of ${peer.name}'s workers`)
  }
  return { port, end, [Symbol.asyncDispose]: end } satisfies Running
}

/** An open port is not enough: with several workers, some peers open it once to see whether it is free. */
async function answers(port: number): Promise<void> {
  while (!(await ask(port, '/').catch(() => null))) await turns()
}

async function refuses(port: number): Promise<void> {
  for (let isOpen = true; isOpen; await turns()) {
    const socket = connect({ host: '127.0.0.1', port })
    isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
  }
}

interface Answer {
  readonly status: number | undefined
  readonly content: Buffer
}

/** One request on a connection of its own, or the agent's. */
export async function ask(port: number, path: string, content?: Buffer, agent?: Agent): Promise<Answer> {
  const headers = content === undefined ? {} : { 'content-length': content.length }
  const method = content === undefined ? 'GET' : 'POST'
  const message = request({ host: '127.0.0.1', port, path, method, headers, agent: agent ?? false })
  message.end(content)
  const [response] = (await once(message, 'response')) as [IncomingMessage]
  return { status: response.statusCode, content: await contentOf(response) }
}
