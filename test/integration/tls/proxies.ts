import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import type { Engine, EngineEvent, EngineOptions } from '../../../engine/threads/api.ts'
import { startEngine } from '../../../engine/threads/supervisor.ts'
import { createAuthority, type TestAuthority, type TestCertificate } from '../../support/certificates.ts'
import { type TestProxyOptions, testSnapshot } from '../../support/snapshot.ts'
import { workerModule } from '../../support/worker-module.ts'

let made: Promise<{ authority: TestAuthority; leaf: TestCertificate }> | null = null

/** An authority, and a certificate of it for `localhost` and 127.0.0.1: of all tests of a file. */
export function trust(): Promise<{ authority: TestAuthority; leaf: TestCertificate }> {
  made ??= createAuthority().then(async authority => ({
    authority,
    leaf: await authority.issue({ names: ['localhost', '127.0.0.1'] }),
  }))
  return made
}

export interface RunningEngine extends AsyncDisposable {
  readonly engine: Engine
  readonly port: number
  readonly events: readonly EngineEvent[]
}

export async function runEngine(
  options: TestProxyOptions,
  more: Partial<Pick<EngineOptions, 'workers' | 'ticketRotationMs'>> = {},
): Promise<RunningEngine> {
  const events: EngineEvent[] = []
  const engine = await startEngine({
    snapshot: testSnapshot(options),
    workers: 1,
    shutdownGraceMs: 500,
    workerModule: workerModule('engine-worker'),
    onEvent: event => events.push(event),
    ...more,
  })
  const { address } = engine.listeners[0]!
  return {
    engine,
    port: address.kind === 'tcp' ? address.port : 0,
    events,
    [Symbol.asyncDispose]: () => engine.stop(),
  }
}

/** Node's client, connected and verified; what it has been given to resume by is in `sessions`. */
export interface Visitor extends Disposable {
  readonly socket: tls.TLSSocket
  readonly sessions: Buffer[]
  /** Sends a request, and resolves with its whole response of known length. */
  ask(request: string): Promise<string>
}

export async function visitor(port: number, options: tls.ConnectionOptions = {}): Promise<Visitor> {
  const { authority } = await trust()
  const ca = authority.certificate
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca, ...options })
  const sessions: Buffer[] = []
  socket.on('session', (session: Buffer) => sessions.push(session))
  await once(socket, 'secureConnect')
  return {
    socket,
    sessions,
    async ask(request) {
      socket.write(request)
      let text = ''
      for (;;) {
        const [chunk] = (await once(socket, 'data')) as [Buffer]
        text += chunk.toString('latin1')
        const end = text.indexOf('\r\n\r\n')
        const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
        if (end >= 0 && text.length >= end + 4 + length) return text
      }
    },
    [Symbol.dispose]: () => socket.destroy(),
  }
}

/** A server of Node's that is told of each connection. */
export async function secureOrigin(
  onSocket: (socket: tls.TLSSocket) => void,
  options: tls.TlsOptions = {},
): Promise<{ readonly port: number; readonly sockets: ReadonlySet<tls.TLSSocket> } & AsyncDisposable> {
  const { leaf } = await trust()
  const sockets = new Set<tls.TLSSocket>()
  const server = tls.createServer(
    { cert: leaf.chain, key: leaf.key, ALPNProtocols: ['http/1.1'], ...options },
    socket => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      onSocket(socket)
    },
  )
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
