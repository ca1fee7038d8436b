/** What an encrypted connection adds to a read and a write; OpenSSL's part and the kernel's left out. */

import { memory } from '../../../../engine/http1/llhttp.ts'
import { Connection, type ConnectionOwner } from '../../../../engine/net/connection.ts'
import { Dial } from '../../../../engine/net/dial.ts'
import type { StreamHandle } from '../../../../engine/net/handles.ts'
import { Listener } from '../../../../engine/net/listener.ts'
import { ClientTls } from '../../../../engine/net/tls/client-tls.ts'
import { Handshakes } from '../../../../engine/net/tls/handshakes.ts'
import { loadTls } from '../../../../engine/net/tls/load.ts'
import { ServerTls } from '../../../../engine/net/tls/server-tls.ts'
import { TicketKeys } from '../../../../engine/net/tls/ticket-keys.ts'
import type { TlsConnection } from '../../../../engine/net/tls/tls-connection.ts'
import type { TlsProfile } from '../../../../engine/snapshot.ts'
import { createSelfSigned } from '../../../../src/certificates/create.ts'
import { bench, cycle, runIfMain } from '../../harness.ts'
import { bytesWritten, mute, netContext } from '../muted-handle.ts'

const PROFILE: TlsProfile = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256',
  curves: 'X25519',
}

const nothing = (): void => {}

/** Writes back what it reads. */
class Echo implements ConnectionOwner {
  onConnectError = nothing
  onReadEnd = nothing
  onDrain = nothing
  onDeadline = nothing
  onClose = nothing

  onConnect(connection: Connection): void {
    connection.transport.unref()
  }

  onRead(connection: Connection, start: number, end: number): void {
    connection.write(memory, start, end, null)
  }
}

const context = netContext()

async function serverTls(): Promise<ServerTls> {
  const { certificate, key } = await createSelfSigned({
    names: ['localhost'],
    notAfter: new Date(Date.now() + 86_400_000),
  })
  return new ServerTls({
    listener: 'bench',
    settings: {
      ...PROFILE,
      certificates: [{ chain: certificate, key, names: ['localhost'], keyType: 'ecdsa', ocsp: null }],
      alpn: [],
      clientAuth: { mode: 'none', ca: '', crl: '', forward: 'none' },
      handshakeMs: 10_000,
      handshakesMax: 1000,
      tickets: false,
      strictNames: false,
    },
    ticketKeys: new TicketKeys(),
    before: null,
  })
}

/** Connections with their handshakes done; from here on their handles take everything, and say that it is gone. */
async function connected(count: number): Promise<TlsConnection[]> {
  await loadTls()
  const tls = await serverTls()
  const peer = ClientTls.of({
    ...PROFILE,
    serverName: '',
    ca: '',
    crl: '',
    verify: false,
    pins: [],
    chain: '',
    key: '',
    resumes: false,
  }).peer('localhost', [])
  return await new Promise(resolve => {
    const secure: TlsConnection[] = []
    const handshakes = new Handshakes({
      tls,
      challenges: null,
      onSecure: connection => {
        connection.owner = new Echo()
        secure.push(connection)
        if (secure.length < count) return
        listener.close()
        resolve(secure)
      },
      onHandshakeFailed: (_client, error) => {
        throw new Error(error)
      },
    })
    const listener = new Listener({
      onAccept: (_listener: Listener, handle: StreamHandle) => handshakes.accept(new Connection(context, handle)),
      onReleased: nothing,
      onFull: nothing,
    })
    listener.serve(count)
    void listener.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 }, false).then(address => {
      for (let index = 0; index < count; index += 1) new Dial(context, address, 10_000, new Echo(), peer)
    })
  })
}

const connections = await connected(64)
for (const { handle, transport } of connections) {
  handle.readStop()
  mute(handle)
  handle.readStart = () => 0
  handle.readStop = () => 0
  transport.unref()
}
for (const connection of connections) connection.resume()

const next = cycle(connections)
const nextRead = cycle([90, 100, 128, 77].map(size => Buffer.alloc(size, 'x')))

bench('read and written, about 100 bytes', () => {
  const connection = next()
  const bytes = nextRead()
  memory.set(bytes, connection.slot.start)
  connection.arrived(bytes.length)
  return bytesWritten
})

await runIfMain(import.meta)
