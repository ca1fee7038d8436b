import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { Agent, createServer, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { Peer, ProxySetup } from '../../native-bench/frame/peer.ts'
import { peers } from '../../native-bench/peers/index.ts'
import { probeCommand } from '../../native-bench/peers/native-command.ts'
import { probePackage } from '../../native-bench/peers/npm-package.ts'
import { SOURCE_MAIN, sluicePeer } from '../../native-bench/peers/sluice/peer.ts'
import { within } from '../support/bell.ts'
import { freePort } from '../support/free-port.ts'
import { type Listening, listenOn } from '../support/listen.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import { turns } from '../support/turns.ts'

const MEBIBYTE = Buffer.alloc(1 << 20, 'the content of a mebibyte, ')
const STARTED_WITHIN_MS = 15_000
const ENDED_WITHIN_MS = 10_000

interface Seen {
  readonly headers: IncomingHttpHeaders
  readonly connection: number
}

interface Origin extends Listening {
  /** The requests so far. */
  readonly seen: readonly Seen[]
}

/** `/mebibyte` is a MiB; an upload is answered with its digest; every WebSocket is an echo. */
async function startOrigin(): Promise<Origin> {
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

function digest(content: Buffer): string {
  return `${content.length} ${createHash('sha256').update(content).digest('hex')}`
}

interface Running extends AsyncDisposable {
  readonly port: number
  /** Ends it by SIGTERM; resolves once its process has ended and its port is free again. */
  end(): Promise<void>
}

async function start(peer: Peer, setup: Pick<ProxySetup, 'originPort' | 'folder'> & Partial<ProxySetup>) {
  const port = await freePort()
  const whole: ProxySetup = {
    port,
    workers: 1,
    pipelining: 1,
    endpoints: 1,
    listens: 'http1',
    certificate: null,
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
  const ready = Promise.race([answers(port), early])
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
async function ask(port: number, path: string, content?: Buffer, agent?: Agent): Promise<Answer> {
  const headers = content === undefined ? {} : { 'content-length': content.length }
  const method = content === undefined ? 'GET' : 'POST'
  const message = request({ host: '127.0.0.1', port, path, method, headers, agent: agent ?? false })
  message.end(content)
  const [response] = (await once(message, 'response')) as [IncomingMessage]
  return { status: response.statusCode, content: await contentOf(response) }
}

/** Those that add all the fields that Sluice adds; the others add the first three. */
const ADDING_ALL = new Set(['sluice', 'nginx', 'haproxy', 'caddy'])

/** Those that can do the least that is asked of most. */
const tested = peers
  .filter(({ capabilities }) => capabilities.has('http1'))
  .map(peer => (peer.name === 'sluice' ? sluicePeer(SOURCE_MAIN) : peer))

describe('the peers', () => {
  it('come in the order of the reports, each with a name of its own', () => {
    const names = 'sluice nginx haproxy caddy bun fast-proxy httpxy http-proxy fastify-http-proxy node-http2'
    expect(peers.map(peer => peer.name)).toEqual(names.split(' '))
  })

  it('say what to install where they are not there', () => {
    expect(probeCommand('no-such-proxy', ['-v'], /(.+)/)).toEqual({
      absent: expect.stringContaining('apt-get install no-such-proxy'),
    })
    expect(probePackage('no-such-package')).toEqual({ absent: expect.stringContaining('npm run bench:install') })
    expect(sluicePeer('no/such/main.js').probe()).toEqual({ absent: expect.stringContaining('npm run build') })
  })
})

for (const peer of tested) {
  const presence = peer.probe()
  const name = 'version' in presence ? peer.name : `${peer.name} (absent: ${presence.absent})`

  describe.skipIf('absent' in presence)(name, () => {
    let origin: Origin
    let folder: TemporaryFolder
    let proxy: Running

    beforeAll(async () => {
      origin = await startOrigin()
      folder = await temporaryFolder()
      proxy = await start(peer, { originPort: origin.port, folder: folder.path })
    })
    afterAll(async () => {
      await proxy?.end()
      await folder?.[Symbol.asyncDispose]()
      await origin?.close()
    })

    it('forwards requests, and tells the origin for whom', async () => {
      const { status, content } = await ask(proxy.port, '/there?a=b')
      expect([status, String(content)]).toEqual([200, 'hello /there?a=b'])
      expect(origin.seen.at(-1)?.headers).toMatchObject({
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-proto': 'http',
        'x-forwarded-host': `127.0.0.1:${proxy.port}`,
      })
    })

    it.runIf(ADDING_ALL.has(peer.name))('adds the other fields that Sluice adds', async () => {
      await ask(proxy.port, '/')
      expect(origin.seen.at(-1)?.headers).toMatchObject({
        'x-forwarded-port': String(proxy.port),
        'x-request-id': expect.stringMatching(/^[\w-]{16,}$/),
        via: expect.stringMatching(/^1\.1 \w+$/),
      })
    })

    it('keeps connections open on both sides', async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      const first = origin.seen.length
      const before = new Set(origin.seen.map(({ connection }) => connection))
      for (let turn = 0; turn < 6; turn += 1) expect((await ask(proxy.port, '/', undefined, agent)).status).toBe(200)
      const used = new Set(origin.seen.slice(first).map(({ connection }) => connection))
      // One, and one more should a connection not be back in the pool when the next request comes.
      expect(used.size).toBeLessThanOrEqual(2)
      expect(used.difference(before).size).toBeLessThanOrEqual(1)
      expect(Object.values(agent.freeSockets).flat().length).toBe(1)
      agent.destroy()
    })

    it('takes a MiB whole in both directions', async () => {
      const upload = await ask(proxy.port, '/upload', MEBIBYTE)
      expect([upload.status, String(upload.content)]).toEqual([200, digest(MEBIBYTE)])
      const download = await ask(proxy.port, '/mebibyte')
      expect([download.status, digest(download.content)]).toEqual([200, digest(MEBIBYTE)])
    })

    it.runIf(peer.capabilities.has('websocket'))('joins WebSockets', async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/echo`)
      const received: [string, boolean][] = []
      socket.on('message', (data, isBinary) => received.push([String(data), isBinary]))
      await once(socket, 'open')
      const binary = Buffer.alloc(1 << 16, 'b')
      socket.send('text')
      socket.send(binary)
      await expect
        .poll(() => received)
        .toEqual([
          ['text', false],
          [String(binary), true],
        ])
      socket.close()
      await once(socket, 'close')
    })

    it('ends with all its workers by SIGTERM, and has written its access log by then', async () => {
      await using own = await temporaryFolder()
      const accessLogPath = peer.capabilities.has('access-log') ? own.file('access.log') : null
      const setup = { originPort: origin.port, folder: own.path, workers: 2, accessLogPath }
      await using running = await start(peer, setup)
      expect((await ask(running.port, '/logged')).status).toBe(200)
      await running.end()
      if (accessLogPath !== null) expect(await readFile(accessLogPath, 'utf8')).toContain('/logged')
    })
  })
}
