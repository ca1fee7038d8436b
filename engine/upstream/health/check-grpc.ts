/**
 * A check by `grpc.health.v1.Health/Check`, over HTTP/2 on a connection of its own: with TLS where the upstream has it, else
 * without. It passes when the service says SERVING. The request has one text in it and the response one number, so that their
 * messages are put together and taken apart here.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { ANSWER_BYTES_MAX, type CheckPlan, failure, type Probe, type ProbeEnd, success } from './check-probe.ts'
import { CLOSED_EARLY, ignore, openSocket, reasonOf } from './check-socket.ts'
import { openTls, pinFailure, tlsReasonOf } from './check-tls.ts'

const PATH = '/grpc.health.v1.Health/Check'
const STATUS_OK = 200
/** `ServingStatus` by its numbers. */
const SERVING_STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']
const SERVING = 1

/** Byte of flags, four bytes of length. */
const PREFIX_BYTES = 5
/** Field 1 of both messages: a text in the request, a number in the response. */
const SERVICE_TAG = 0x0a
const STATUS_TAG = 0x08

export function openGrpcProbe(plan: CheckPlan, onEnd: ProbeEnd): Probe {
  return new GrpcProbe(plan, onEnd)
}

class GrpcProbe implements Probe {
  readonly #plan: CheckPlan
  readonly #onEnd: ProbeEnd
  readonly #socket: Socket
  readonly #reasonOf: (error: NodeJS.ErrnoException) => string
  #session: ClientHttp2Session | null = null
  #httpStatus = 0
  /** Of the call; empty as long as none has come. */
  #status = ''
  #message = ''
  #content: Buffer[] = []
  #contentBytes = 0
  #done = false

  constructor(plan: CheckPlan, onEnd: ProbeEnd) {
    this.#plan = plan
    this.#onEnd = onEnd
    if (plan.tls === null) {
      this.#socket = openSocket(plan).once('connect', () => this.#begin('http'))
      this.#reasonOf = reasonOf
    } else {
      const socket = openTls(plan, ['h2'])
      socket.once('secureConnect', () => this.#onSecure(socket))
      this.#socket = socket
      this.#reasonOf = error => tlsReasonOf(error, socket)
    }
    this.#socket.on('error', ignore)
    this.#socket.once('error', error => this.#fail(this.#reasonOf(error)))
    this.#socket.once('close', () => this.#fail(CLOSED_EARLY))
  }

  cancel(): void {
    this.#done = true
    this.#session?.destroy()
    this.#socket.destroy()
  }

  #onSecure(socket: TLSSocket): void {
    const pinned = pinFailure(this.#plan, socket)
    if (pinned !== '') this.#fail(pinned)
    else if (socket.alpnProtocol !== 'h2') this.#fail('the endpoint does not offer HTTP/2')
    else this.#begin('https')
  }

  #begin(scheme: 'http' | 'https'): void {
    if (this.#done) return
    const session = connectHttp2(`${scheme}://check.invalid`, {
      createConnection: () => this.#socket,
      settings: { enablePush: false },
      maxSessionMemory: 1,
    })
    this.#session = session
    session.on('error', error => this.#fail(this.#reasonOf(error)))
    session.on('close', () => this.#fail(CLOSED_EARLY))
    const { host, settings } = this.#plan
    const stream = session.request({
      ':method': 'POST',
      ':path': PATH,
      ':scheme': scheme,
      ':authority': host,
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'sluice-check',
    })
    this.#listen(stream)
    stream.end(checkRequest(settings.service))
  }

  #listen(stream: ClientHttp2Stream): void {
    stream.on('response', fields => {
      this.#httpStatus = fields[':status'] ?? 0
      this.#readStatus(fields)
    })
    stream.on('trailers', fields => this.#readStatus(fields))
    stream.on('data', (bytes: Buffer) => {
      this.#contentBytes += bytes.length
      this.#content.push(bytes)
      if (this.#contentBytes > ANSWER_BYTES_MAX) this.#fail('the answer is too long')
    })
    stream.on('error', error => this.#fail(this.#reasonOf(error)))
    // Behind the trailers.
    stream.on('close', () => this.#judge())
  }

  #readStatus(fields: Record<string, unknown>): void {
    if (fields['grpc-status'] === undefined) return
    this.#status = String(fields['grpc-status'])
    this.#message = String(fields['grpc-message'] ?? '')
  }

  #judge(): void {
    if (this.#httpStatus === 0) this.#fail(CLOSED_EARLY)
    else if (this.#httpStatus !== STATUS_OK) this.#fail(`status ${this.#httpStatus}`)
    else if (this.#status === '') this.#fail('no grpc-status')
    else if (this.#status !== '0') this.#fail(`grpc-status ${this.#status} ${this.#message}`.trimEnd())
    else this.#judgeHealth(servingStatusIn(Buffer.concat(this.#content)))
  }

  #judgeHealth(status: number): void {
    if (this.#done) return
    const word = SERVING_STATUSES[status]
    if (word === undefined) {
      this.#fail('the answer is no HealthCheckResponse')
      return
    }
    this.cancel()
    this.#onEnd(status === SERVING ? success(word) : failure(word))
  }

  #fail(reason: string): void {
    if (this.#done) return
    this.cancel()
    this.#onEnd(failure(reason))
  }
}

/** `HealthCheckRequest { string service = 1 }` behind its prefix. Their lengths have one byte or two. */
function checkRequest(service: string): Buffer {
  const text = Buffer.from(service, 'utf8')
  const length = text.length < 0x80 ? [text.length] : [(text.length & 0x7f) | 0x80, text.length >> 7]
  const message = text.length === 0 ? text : Buffer.concat([Buffer.from([SERVICE_TAG, ...length]), text])
  const prefix = Buffer.alloc(PREFIX_BYTES)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** Of `HealthCheckResponse { ServingStatus status = 1 }`, whose 0 need not be written; -1 for anything else. */
function servingStatusIn(content: Buffer): number {
  if (content.length < PREFIX_BYTES || content[0] !== 0) return -1
  const message = content.subarray(PREFIX_BYTES)
  if (message.length !== content.readUInt32BE(1)) return -1
  if (message.length === 0) return 0
  return message.length === 2 && message[0] === STATUS_TAG ? (message[1] as number) : -1
}
