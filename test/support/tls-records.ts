/** Peers of TLS 1.3 that write their records themselves, once Node has made the handshake: what no library would send. */
import { createCipheriv, createHmac } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { turns } from './turns.ts'

/** Kinds of content (RFC 8446, section 5.1). */
export const ALERT = 21
export const HANDSHAKE = 22
export const DATA = 23

/** Handshake messages that may follow a handshake (RFC 8446, section 4.6). */
export const NEW_SESSION_TICKET = 4
export const KEY_UPDATE = 24

const CIPHER = 'TLS_AES_128_GCM_SHA256'
const TAG_BYTES = 16

/** RFC 8446, section 7.1, of a length that one block of SHA-256 has. */
function expandLabel(secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`)
  const info = Buffer.from([0, length, name.length, ...name, 0, 1])
  return createHmac('sha256', secret).update(info).digest().subarray(0, length)
}

/** Protects records (RFC 8446, section 5.2). */
export class RecordWriter {
  readonly #key: Buffer
  readonly #iv: Buffer
  #sequence: bigint

  /** `sequence` is how many records have gone out under this secret. */
  constructor(secret: Buffer, sequence: bigint) {
    this.#key = expandLabel(secret, 'key', 16)
    this.#iv = expandLabel(secret, 'iv', 12)
    this.#sequence = sequence
  }

  record(type: number, content: Uint8Array | string): Buffer {
    const nonce = Buffer.from(this.#iv)
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ this.#sequence, 4)
    this.#sequence += 1n
    const inner = Buffer.concat([Buffer.from(content), Buffer.from([type])])
    const header = Buffer.from([DATA, 3, 3, 0, 0])
    header.writeUInt16BE(inner.length + TAG_BYTES, 3)
    const cipher = createCipheriv('aes-128-gcm', this.#key, nonce)
    cipher.setAAD(header)
    return Buffer.concat([header, cipher.update(inner), cipher.final(), cipher.getAuthTag()])
  }
}

export interface RecordPeer extends Disposable {
  /** What is written here is on the wire as it is. */
  readonly socket: net.Socket
  /** Reads what comes. */
  readonly secure: tls.TLSSocket
  record(type: number, content: Uint8Array | string): Buffer
}

function secretIn(line: Buffer, wanted: string): Buffer | null {
  const [label, , value = ''] = line.toString().trim().split(' ')
  return label === wanted ? Buffer.from(value, 'hex') : null
}

function peerOf(socket: net.Socket, secure: tls.TLSSocket, records: RecordWriter): RecordPeer {
  return {
    socket,
    secure,
    record: (type, content) => records.record(type, content),
    [Symbol.dispose]: () => socket.destroy(),
  }
}

/** A client, with the handshake done. */
export async function recordClient(port: number, options: tls.ConnectionOptions = {}): Promise<RecordPeer> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  const secure = tls.connect({
    socket,
    servername: 'localhost',
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    ciphers: CIPHER,
    ...options,
  })
  for (const end of [socket, secure]) end.on('error', () => undefined)
  let secret: Buffer | null = null
  secure.on('keylog', (line: Buffer) => {
    secret ??= secretIn(line, 'CLIENT_TRAFFIC_SECRET_0')
  })
  await once(secure, 'secureConnect')
  // Its last message goes out behind this.
  await turns(1)
  return peerOf(socket, secure, new RecordWriter(secret ?? Buffer.alloc(0), 0n))
}

/** Tickets that Node's server sends behind a handshake, each in a record. */
const TICKETS = 2n

export interface RecordOrigin extends AsyncDisposable {
  readonly port: number
  /** The next connection, with the handshake done. */
  accept(): Promise<RecordPeer>
}

export async function recordOrigin(options: tls.TlsOptions): Promise<RecordOrigin> {
  const peers: RecordPeer[] = []
  const waiting: ((peer: RecordPeer) => void)[] = []
  const secrets = new Map<tls.TLSSocket, Buffer>()
  const server = tls.createServer({ minVersion: 'TLSv1.3', ciphers: CIPHER, ...options })
  server.on('keylog', (line: Buffer, secure: tls.TLSSocket) => {
    const secret = secretIn(line, 'SERVER_TRAFFIC_SECRET_0')
    if (secret !== null) secrets.set(secure, secret)
  })
  const sockets: net.Socket[] = []
  server.on('connection', (socket: net.Socket) => sockets.push(socket.on('error', () => undefined)))
  server.on('tlsClientError', () => undefined)
  server.on('secureConnection', (secure: tls.TLSSocket) => {
    secure.on('error', () => undefined)
    // The tickets go out behind this.
    setImmediate(() => {
      const socket = sockets.find(({ remotePort }) => remotePort === secure.remotePort)
      const secret = secrets.get(secure)
      if (socket === undefined || secret === undefined) return
      const peer = peerOf(socket, secure, new RecordWriter(secret, TICKETS))
      const next = waiting.shift()
      if (next === undefined) peers.push(peer)
      else next(peer)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as net.AddressInfo).port,
    accept: () => {
      const peer = peers.shift()
      return peer === undefined ? new Promise(resolve => waiting.push(resolve)) : Promise.resolve(peer)
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
