/**
 * Node's own stream handles, the layer below `net.Socket`: one read callback into a buffer of ours, one write call,
 * no stream machinery between. This is the only file that knows Node's internals; the rest sees the types below.
 *
 * Why not `net.Socket`: a write through it costs a request object, two function layers and a tick, and its flow states
 * restart reading behind our back, which would overwrite a buffer slot that is lent. The handles and their calls are
 * the same for TCP, pipes and TLS, and have been stable since Node 12.
 */
import type { Slot } from './slots.ts'

/** `Int32Array` in which Node leaves the outcome of the last stream call. */
interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest
  readonly ShutdownWrap: new () => ShutdownRequest
  readonly streamBaseState: Int32Array
  readonly kReadBytesOrError: number
  readonly kLastWriteWasAsync: number
}

export interface WriteRequest {
  oncomplete: ((this: WriteRequest, status: number) => void) | undefined
  /** What the request belongs to; ours. */
  owner: unknown
  /** Keeps the bytes alive that the kernel has not yet taken. */
  lent: Uint8Array | undefined
  /** The slot in which those bytes lie, if they lie in one. */
  slot: Slot | null
}

export interface ShutdownRequest {
  oncomplete: (status: number) => void
}

export interface ConnectRequest {
  oncomplete: (status: number) => void
}

export interface StreamHandle {
  /** Called with `this` the handle after each read; a returned view becomes the buffer of the next read. */
  onread: (this: StreamHandle) => Uint8Array | undefined
  /** Ours: whom the callbacks serve. */
  connection: unknown
  readonly fd: number
  /** Bytes written that the kernel has not taken yet. */
  readonly writeQueueSize: number
  /** Bytes written since it was opened, those that the kernel has not taken among them. */
  readonly bytesWritten: number
  useUserBuffer(view: Uint8Array): void
  readStart(): number
  readStop(): number
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number
  shutdown(request: ShutdownRequest): number
  close(callback?: () => void): void
  ref(): void
  unref(): void
  setNoDelay?(on: boolean): number
  setKeepAlive?(on: boolean, delaySeconds: number): number
  getpeername?(out: { address?: string; port?: number; family?: string }): number
  getsockname?(out: { address?: string; port?: number; family?: string }): number
  /** TCP only: closes with RST. */
  reset?(callback?: () => void): number
}

export interface TcpHandle extends StreamHandle {
  connect(request: ConnectRequest, host: string, port: number): number
  connect6(request: ConnectRequest, host: string, port: number): number
  bind(host: string, port: number): number
  bind6(host: string, port: number, flags: number): number
}

export interface PipeHandle extends StreamHandle {
  connect(request: ConnectRequest, path: string): number | undefined
}

/** What `tls.createSecureContext(...).context` is: certificates, keys, authorities, versions, ciphers. */
export interface SecureContext {
  /** Called with a ticket's key name to open one, or to make one (`encrypts`); gives what the key is, see `TicketKeyAnswer`. */
  onticketkeycallback?: (name: Buffer, iv: Buffer, encrypts: boolean) => TicketKeyAnswer
  enableTicketKeyCallback(): void
}

/** Outcome (-1 error, 0 unknown, 1 fine, 2 fine but to be renewed), HMAC key and AES key of 16 bytes, and to encrypt: name and IV. */
export type TicketKeyAnswer = [number, Buffer, Buffer, Buffer?, Buffer?]

/** What OpenSSL says of a failure; `code` is like `ERR_SSL_NO_SHARED_CIPHER`, or `CERT_HAS_EXPIRED` of a certificate. */
export interface TlsFailure extends Error {
  readonly code?: string
  /** In words. */
  readonly reason?: string
}

/** What a ClientHello asks for. */
export interface CertificateQuestion {
  /** Empty or absent for none. */
  readonly servername?: string
  readonly OCSPRequest: boolean
}

/** A certificate as Node holds it below `X509Certificate`. */
export interface CertificateHandle {
  subject(): string
  issuer(): string
  subjectAltName(): string | undefined
  serialNumber(): string
  fingerprint256(): string
  validFrom(): string
  validTo(): string
  pem(): string
  raw(): Buffer
}

/** Encryption upon a stream, itself a stream of what lies within. One write at a time; each ends in a later phase of the loop. */
export interface TlsHandle extends StreamHandle {
  onhandshakestart: () => void
  onhandshakedone: () => void
  onerror: (error: TlsFailure) => void
  oncertcb: (question: CertificateQuestion) => void
  onnewsession: (id: Buffer, session: Buffer) => void
  /** Set before `certCbDone`: the context that serves instead of the one that it began with. */
  sni_context: SecureContext | undefined
  enableCertCb(): void
  certCbDone(): void
  enableSessionCallbacks(): void
  /** Has OpenSSL go on with what it has, in both directions; what it was made for does no harm. */
  newSessionDone(): void
  setALPNProtocols(wire: Buffer): void
  setOCSPResponse(response: Uint8Array): void
  setVerifyMode(request: boolean, require: boolean): void
  setServername(name: string): void
  setSession(session: Buffer): void
  /** Clients: sends the first flight. */
  start(): void
  /** Takes bytes as if the stream below had read them. */
  receive(bytes: Buffer): void
  destroySSL(): void
  verifyError(): TlsFailure | null
  getPeerX509Certificate(): CertificateHandle | undefined
  /** False where none was named. */
  getServername(): string | false
  getALPNNegotiatedProtocol(): string | false
  getProtocol(): string
  getCipher(): { readonly name: string; readonly standardName: string }
  isSessionReused(): boolean
  /** What both sides can sign with, in the order of preference that counts: `ECDSA+SHA256`, `RSA-PSS+SHA256` ... */
  getSharedSigalgs(): string[]
}

interface TlsBinding {
  wrap(stream: StreamHandle, context: SecureContext, isServer: boolean, hasActiveWrite: boolean): TlsHandle
}

interface HandleBinding<H> {
  readonly constants: { readonly SOCKET: number; readonly SERVER: number }
  readonly TCP: new (kind: number) => H
  readonly Pipe: new (kind: number) => H
  readonly TCPConnectWrap: new () => ConnectRequest
  readonly PipeConnectWrap: new () => ConnectRequest
}

/** One of Node's internal modules. @internal */
export function binding(name: string): unknown {
  const load = (process as unknown as { binding?: (name: string) => unknown }).binding
  if (load === undefined) {
    throw new Error(`Sluice needs Node's stream handles, which this Node (${process.version}) does not give`)
  }
  return load(name)
}

const stream = binding('stream_wrap') as StreamBinding
const tcp = binding('tcp_wrap') as HandleBinding<TcpHandle>
const pipe = binding('pipe_wrap') as HandleBinding<PipeHandle>

export const { WriteWrap, ShutdownWrap } = stream
const state = stream.streamBaseState
const readResult = stream.kReadBytesOrError
const writeWasAsync = stream.kLastWriteWasAsync

const uv = binding('uv') as {
  readonly UV_EOF: number
  readonly UV_EALREADY: number
  errname(status: number): string
}

let tls: TlsBinding | null = null

/** End of file, as a read reports it. */
export const END_OF_FILE: number = uv.UV_EOF

/** What `readStart` of a socket gives that is being read already. */
export const ALREADY_READING: number = uv.UV_EALREADY

/** Bytes of the read that is being reported, or a negative error. @hotpath */
export function lastRead(): number {
  return state[readResult] as number
}

/** Whether the write just made still refers to its bytes. @hotpath */
export function lastWriteIsPending(): boolean {
  return state[writeWasAsync] !== 0
}

/** Puts encryption upon a stream that nobody reads or writes. */
export function wrapTls(stream: StreamHandle, context: SecureContext, isServer: boolean): TlsHandle {
  tls ??= binding('tls_wrap') as TlsBinding
  return tls.wrap(stream, context, isServer, false)
}

export function openTcp(): TcpHandle {
  return new tcp.TCP(tcp.constants.SOCKET)
}

export function openPipe(): PipeHandle {
  return new pipe.Pipe(pipe.constants.SOCKET)
}

export function connectTcp(handle: TcpHandle, host: string, port: number, done: (status: number) => void): number {
  const request = new tcp.TCPConnectWrap()
  request.oncomplete = done
  return host.includes(':') ? handle.connect6(request, host, port) : handle.connect(request, host, port)
}

export function connectPipe(handle: PipeHandle, path: string, done: (status: number) => void): number {
  const request = new pipe.PipeConnectWrap()
  request.oncomplete = done
  return handle.connect(request, path) ?? 0
}

/** Binds a socket to an IP address and closes it again: 0, or the error that binding gave. It never listens. */
export function tryBind(host: string, port: number): number {
  const handle = new tcp.TCP(tcp.constants.SERVER)
  const status = host.includes(':') ? handle.bind6(host, port, 0) : handle.bind(host, port)
  // That an address is in use comes out only when the socket is asked for its name.
  const outcome = status === 0 ? (handle.getsockname?.({}) ?? 0) : status
  handle.close()
  return outcome
}

/** `ECONNRESET` and the like for a negative status of a handle call. */
export function errorName(status: number): string {
  return uv.errname(status)
}
