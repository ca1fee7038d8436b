import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { Connection } from '../../../../engine/net/connection.ts'
import { type StreamHandle, WriteWrap } from '../../../../engine/net/handles.ts'
import { Listener, type ListenerOwner } from '../../../../engine/net/listener.ts'
import { type ChallengeCertificate, Handshakes, type HandshakesOwner } from '../../../../engine/net/tls/handshakes.ts'
import { loadTls } from '../../../../engine/net/tls/load.ts'
import { ServerTls } from '../../../../engine/net/tls/server-tls.ts'
import { TicketKeys } from '../../../../engine/net/tls/ticket-keys.ts'
import type { TlsConnection } from '../../../../engine/net/tls/tls-connection.ts'
import type { Address, ListenerTlsSnapshot } from '../../../../engine/snapshot.ts'
import { createAuthority, type TestAuthority, type TestCertificate } from '../../../support/certificates.ts'
import { certificateSnapshot, listenerTls, type TestListenerTls } from '../../../support/tls.ts'
import { Recorder, type TestNet } from '../sockets.ts'

let madeAuthority: Promise<TestAuthority> | null = null
let madeLeaf: Promise<TestCertificate> | null = null

/** Of all tests of a file. */
export function testAuthority(): Promise<TestAuthority> {
  madeAuthority ??= createAuthority()
  return madeAuthority
}

/** For `localhost` and `127.0.0.1`. */
export function testLeaf(): Promise<TestCertificate> {
  madeLeaf ??= testAuthority().then(authority => authority.issue({ names: ['localhost', '127.0.0.1'] }))
  return madeLeaf
}

/** With the certificate of `testLeaf`, unless there are others. */
export async function testTls(more: TestListenerTls = {}): Promise<ListenerTlsSnapshot> {
  const certificates = more.certificates ?? [certificateSnapshot(await testLeaf())]
  return listenerTls({ ...more, certificates })
}

/** A listener of the engine that encrypts; its connections belong to recorders when their handshakes are done. */
export class SecureAcceptor implements ListenerOwner, HandshakesOwner, AsyncDisposable {
  readonly listener: Listener
  readonly handshakes: Handshakes
  readonly connections: TlsConnection[] = []
  readonly recorders: Recorder[] = []
  /** Handshakes that have failed: the error's name, and what it means. */
  readonly failures: string[] = []
  readonly details: string[] = []
  tls: ServerTls
  challenges: ReadonlyMap<string, ChallengeCertificate> | null = null
  address: Address & { kind: 'tcp' } = { kind: 'tcp', host: '127.0.0.1', port: 0 }
  readonly ticketKeys: TicketKeys
  readonly #net: TestNet
  readonly #makeOwner: () => Recorder

  constructor(testNet: TestNet, settings: ListenerTlsSnapshot, makeOwner: () => Recorder) {
    this.#net = testNet
    this.#makeOwner = makeOwner
    this.ticketKeys = new TicketKeys()
    this.ticketKeys.set([Buffer.alloc(48, 1)])
    this.tls = this.open(settings)
    this.listener = new Listener(this)
    this.handshakes = new Handshakes(this)
  }

  /** As a reload does. */
  open(settings: ListenerTlsSnapshot): ServerTls {
    const { ticketKeys } = this
    return new ServerTls({ listener: 'web', settings, ticketKeys, before: this.tls ?? null })
  }

  get port(): number {
    return this.address.port
  }

  onAccept(listener: Listener, handle: StreamHandle): Connection {
    const connection = new Connection(this.#net, handle)
    connection.counter = listener
    return this.handshakes.accept(connection)
  }

  onReleased(): void {}

  onFull(): void {}

  onSecure(connection: TlsConnection): void {
    const recorder = this.#makeOwner()
    recorder.connection = connection
    connection.owner = recorder
    this.connections.push(connection)
    this.recorders.push(recorder)
    connection.resume()
  }

  onHandshakeFailed(_client: string, error: string, detail: string): void {
    this.failures.push(error)
    this.details.push(detail)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.listener.close()
    for (const connection of this.listener.connections) connection.destroy()
  }
}

export async function acceptSecure(
  testNet: TestNet,
  settings: ListenerTlsSnapshot,
  makeOwner: () => Recorder = () => new Recorder(testNet),
): Promise<SecureAcceptor> {
  await loadTls()
  const acceptor = new SecureAcceptor(testNet, settings, makeOwner)
  acceptor.address = (await acceptor.listener.listen(acceptor.address, false)) as typeof acceptor.address
  acceptor.listener.serve(1000)
  return acceptor
}

export interface SecureClientOptions extends tls.ConnectionOptions {
  readonly port: number
}

/** Node's own client, which trusts `testAuthority`, with its handshake done. Rejects when that fails. */
export async function secureClient(options: SecureClientOptions): Promise<tls.TLSSocket> {
  const { certificate } = await testAuthority()
  const socket = tls.connect({ host: '127.0.0.1', servername: 'localhost', ca: certificate, ...options })
  socket.setNoDelay(true)
  await once(socket, 'secureConnect')
  return socket
}

/** What comes until the other side ends, or breaks off: then `error` is the system's name for it. */
export async function readToEnd(socket: net.Socket): Promise<{ bytes: Buffer; error: string }> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  const error = await new Promise<string>(resolve => {
    socket.once('end', () => resolve(''))
    socket.once('error', (fault: NodeJS.ErrnoException) => resolve(fault.code ?? fault.message))
    socket.once('close', () => resolve('closed'))
  })
  return { bytes: Buffer.concat(chunks), error }
}

/** Passes bytes on between a client and a port, both ways, each by itself: what they arrive in is up to `pieces`. */
export async function relayInPieces(port: number, bytesMax: number): Promise<{ port: number } & AsyncDisposable> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer({ noDelay: true }, near => {
    const far = net.connect({ port, host: '127.0.0.1', noDelay: true })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy())
      from.on('data', (chunk: Buffer) => {
        for (let at = 0; at < chunk.length; at += bytesMax) to.write(chunk.subarray(at, at + bytesMax))
      })
      from.on('end', () => to.end())
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as net.AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** Ends the socket below without a word of TLS: a FIN that may be anybody's. */
export function cutBelow(socket: tls.TLSSocket): void {
  const { _handle } = socket as unknown as { _handle: { _parent: StreamHandle } }
  const request = new WriteWrap() as unknown as { oncomplete: () => void }
  request.oncomplete = () => undefined
  _handle._parent.shutdown(request as never)
}

/** What Node's client sends first. */
export async function helloOf(options: tls.ConnectionOptions): Promise<Buffer> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const client = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  client.on('error', () => undefined)
  const [socket] = (await once(server, 'connection')) as [net.Socket]
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  client.destroy()
  socket.destroy()
  server.close()
  return bytes
}
