/**
 * A check over HTTP/1.1: one request on a connection of its own. It passes when the response has one of the expected
 * statuses and is whole, or long enough (64 KiB of content), and its content matches. Redirects are not followed.
 */
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { CheckAnswer, fieldsOf, HEAD_BYTES_MAX, USER_AGENT } from './check-answer.ts'
import { type CheckPlan, failure, type Probe, type ProbeEnd, type ProbeOutcome } from './check-probe.ts'
import { CLOSED_EARLY, ignore, openSocket, reasonOf } from './check-socket.ts'

export function openHttpProbe(plan: CheckPlan, onEnd: ProbeEnd): Probe {
  return new HttpProbe(plan, openSocket(plan), reasonOf, onEnd)
}

export class HttpProbe implements Probe {
  readonly #plan: CheckPlan
  readonly #socket: Socket
  readonly #reasonOf: (error: NodeJS.ErrnoException) => string
  readonly #onEnd: ProbeEnd
  #request: ClientRequest | null = null
  readonly #answer: CheckAnswer
  #done = false

  /** `socket` is being opened; `reason` names the errors of its kind. */
  constructor(plan: CheckPlan, socket: Socket, reason: (error: NodeJS.ErrnoException) => string, onEnd: ProbeEnd) {
    this.#plan = plan
    this.#socket = socket.on('error', ignore)
    this.#reasonOf = reason
    this.#onEnd = onEnd
    this.#answer = new CheckAnswer(plan)
    try {
      this.#request = this.#send()
    } catch (error) {
      // A field, method or path that Node refuses to send.
      process.nextTick(() => this.#fail((error as Error).message))
    }
  }

  cancel(): void {
    this.#done = true
    this.#request?.destroy()
    this.#socket.destroy()
  }

  #send(): ClientRequest {
    const { method, path } = this.#plan.settings
    const sent = request({
      createConnection: () => this.#socket,
      method,
      path,
      headers: fieldsOf(this.#plan, [
        ['Host', this.#plan.host],
        ['User-Agent', USER_AGENT],
        ['Connection', 'close'],
      ]).flat(),
      maxHeaderSize: HEAD_BYTES_MAX,
    })
    sent.on('information', () => this.#onInterim())
    sent.on('response', response => this.#onResponse(response))
    // 101, or success for CONNECT: what follows is another protocol, and none of our business.
    sent.on('upgrade', response => this.#judge(response.statusCode))
    sent.on('connect', response => this.#judge(response.statusCode))
    sent.on('error', error => this.#fail(this.#reasonOf(error)))
    sent.on('close', () => this.#fail(CLOSED_EARLY))
    return sent.end()
  }

  #onInterim(): void {
    const reason = this.#answer.addInterim()
    if (reason !== '') this.#fail(reason)
  }

  #onResponse(response: IncomingMessage): void {
    response.on('error', error => this.#fail(this.#reasonOf(error)))
    response.on('close', () => this.#fail(CLOSED_EARLY))
    if (!this.#answer.isExpected(response.statusCode ?? 0)) {
      this.#judge(response.statusCode)
      return
    }
    response.on('data', (bytes: Buffer) => {
      if (this.#answer.add(bytes)) this.#judge(response.statusCode)
    })
    response.on('end', () => this.#judge(response.statusCode))
  }

  #judge(status = 0): void {
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
