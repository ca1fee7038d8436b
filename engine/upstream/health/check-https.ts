/** A check over HTTPS: the same as over HTTP, on a connection with TLS, in the version that the upstream speaks. */
import type { TLSSocket } from 'node:tls'
import { HttpProbe } from './check-http.ts'
import { Http2Probe } from './check-http2.ts'
import { type CheckPlan, failure, type Probe, type ProbeEnd, type ProbeOutcome } from './check-probe.ts'
import { CLOSED_EARLY, ignore } from './check-socket.ts'
import { openTls, pinFailure, tlsReasonOf } from './check-tls.ts'

const ALPN = {
  http: ['http/1.1'],
  auto: ['h2', 'http/1.1'],
  h2: ['h2'],
  h2c: ['h2'],
}

export function openHttpsProbe(plan: CheckPlan, onEnd: ProbeEnd): Probe {
  return new HttpsProbe(plan, onEnd)
}

/** Waits for the handshake, and leaves the rest to the probe of the version that was agreed on. */
class HttpsProbe implements Probe {
  readonly #plan: CheckPlan
  readonly #socket: TLSSocket
  readonly #onEnd: ProbeEnd
  #probe: Probe | null = null
  #done = false

  constructor(plan: CheckPlan, onEnd: ProbeEnd) {
    this.#plan = plan
    this.#onEnd = onEnd
    const socket = openTls(plan, ALPN[plan.settings.protocol])
    this.#socket = socket
    socket.on('error', ignore)
    socket.once('error', error => this.#fail(tlsReasonOf(error, socket)))
    socket.once('close', () => this.#fail(CLOSED_EARLY))
    socket.once('secureConnect', () => this.#begin())
  }

  cancel(): void {
    this.#done = true
    this.#probe?.cancel()
    this.#socket.destroy()
  }

  #begin(): void {
    if (this.#done) return
    const { settings } = this.#plan
    const socket = this.#socket
    const pinned = pinFailure(this.#plan, socket)
    if (pinned !== '') {
      this.#fail(pinned)
      return
    }
    const isHttp2 = socket.alpnProtocol === 'h2'
    if (!isHttp2 && settings.protocol !== 'http' && settings.protocol !== 'auto') {
      this.#fail('the endpoint does not offer HTTP/2')
      return
    }
    const reason = (error: NodeJS.ErrnoException) => tlsReasonOf(error, socket)
    const end = (outcome: ProbeOutcome) => this.#finish(outcome)
    this.#probe = isHttp2
      ? new Http2Probe(this.#plan, socket, 'https', reason, end)
      : new HttpProbe(this.#plan, socket, reason, end)
  }

  #fail(reason: string): void {
    // From here on the probe tells what becomes of the connection.
    if (this.#probe === null) this.#finish(failure(reason))
  }

  #finish(outcome: ProbeOutcome): void {
    if (this.#done) return
    this.cancel()
    this.#onEnd(outcome)
  }
}
