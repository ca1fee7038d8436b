/**
 * A check over HTTP/2: one request on a connection of its own, judged as over HTTP/1.1. Without TLS the endpoint is known to
 * speak it (`h2c`); with TLS it has to say so by ALPN.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2, constants } from 'node:http2'
import type { Socket } from 'node:net'
import { CheckAnswer, fieldsOf, HEAD_BYTES_MAX, USER_AGENT } from './check-answer.ts'
import { type CheckPlan, failure, type Probe, type ProbeEnd, type ProbeOutcome } from './check-probe.ts'
import { CLOSED_EARLY, openSocket, reasonOf } from './check-socket.ts'

const { HTTP2_HEADER_AUTHORITY, HTTP2_HEADER_METHOD, HTTP2_HEADER_PATH, HTTP2_HEADER_SCHEME } = constants

export function openHttp2Probe(plan: CheckPlan, onEnd: ProbeEnd): Probe {
  return new Http2Probe(plan, openSocket(plan), 'http', reasonOf, onEnd)
}

export class Http2Probe implements Probe {
  readonly #plan: CheckPlan
  readonly #socket: Socket
  readonly #reasonOf: (error: NodeJS.ErrnoException) => string
  readonly #onEnd: ProbeEnd
  readonly #answer: CheckAnswer
  #session: ClientHttp2Session | null = null
  #done = false

  /** `socket` is being opened, or is with TLS when ALPN has been agreed on; `reason` names the errors of its kind. */
  constructor(
    plan: CheckPlan,
    socket: Socket,
    scheme: 'http' | 'https',
    reason: (error: NodeJS.ErrnoException) => string,
    onEnd: ProbeEnd,
  ) {
    this.#plan = plan
    this.#socket = socket
    // Before the session, which calls what becomes of its stream by another name.
    socket.on('error', error => this.#fail(reason(error)))
    this.#reasonOf = reason
    this.#onEnd = onEnd
    this.#answer = new CheckAnswer(plan)
    try {
      this.#session = this.#send(scheme)
    } catch (error) {
      // A field, method or path that Node refuses to send.
      process.nextTick(() => this.#fail((error as Error).message))
    }
  }

  cancel(): void {
    this.#done = true
    this.#session?.destroy()
    this.#socket.destroy()
  }

  #send(scheme: string): ClientHttp2Session {
    const { host, settings } = this.#plan
    const session = connectHttp2(`${scheme}://check.invalid`, {
      createConnection: () => this.#socket,
      settings: { enablePush: false, maxHeaderListSize: HEAD_BYTES_MAX },
      maxSessionMemory: 1,
    })
    this.#session = session
    session.on('error', error => this.#fail(this.#reasonOf(error)))
    session.on('goaway', code => {
      if (code !== constants.NGHTTP2_NO_ERROR) this.#fail(`GOAWAY with code ${code}`)
    })
    session.on('close', () => this.#fail(CLOSED_EARLY))
    const fields = Object.fromEntries(
      fieldsOf(this.#plan, [['User-Agent', USER_AGENT]]).map(([name, value]) => [name.toLowerCase(), value]),
    )
    const { host: authority = host, ...others } = fields
    const pseudo = {
      [HTTP2_HEADER_METHOD]: settings.method,
      [HTTP2_HEADER_PATH]: settings.path,
      [HTTP2_HEADER_SCHEME]: scheme,
      [HTTP2_HEADER_AUTHORITY]: authority,
    }
    this.#listen(session.request({ ...pseudo, ...others }, { endStream: true }))
    return session
  }

  #listen(stream: ClientHttp2Stream): void {
    let status = 0
    stream.on('headers', () => {
      const reason = this.#answer.addInterim()
      if (reason !== '') this.#fail(reason)
    })
    stream.on('response', fields => {
      status = fields[':status'] ?? 0
      if (!this.#answer.isExpected(status)) this.#judge(status)
    })
    stream.on('data', (bytes: Buffer) => {
      if (this.#answer.add(bytes)) this.#judge(status)
    })
    stream.on('error', error => this.#fail(this.#reasonOf(error)))
    stream.on('end', () => (status === 0 ? this.#fail(CLOSED_EARLY) : this.#judge(status)))
    stream.on('close', () => this.#fail(CLOSED_EARLY))
  }

  #judge(status: number): void {
    if (!this.#done) this.#finish(this.#answer.judge(status))
  }

  #fail(reason: string): void {
    this.#finish(failure(reason))
  }

  #finish(outcome: ProbeOutcome): void {
    if (this.#done) return
    this.cancel()
    this.#onEnd(outcome)
  }
}
