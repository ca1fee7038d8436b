/**
 * A check over HTTP/1.1: one request on a connection of its own. It passes when the response has one of the expected
 * statuses and is whole, or long enough (64 KiB of content), and its content matches. Redirects are not followed.
 */
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import {
  ANSWER_BYTES_MAX,
  type CheckPlan,
  failure,
  type Probe,
  type ProbeEnd,
  type ProbeOutcome,
  success,
} from './check-probe.ts'
import { CLOSED_EARLY, ignore, reasonOf, targetOf } from './check-socket.ts'

/** Bytes of a response head, or of a trailer section. Past it the check has failed. */
const HEAD_BYTES_MAX = 32_768

/** Interim responses (1xx) before the final one. Past it the check has failed. */
const INTERIM_MAX = 16

export function openHttpProbe(plan: CheckPlan, onEnd: ProbeEnd): Probe {
  return new HttpProbe(plan, connect(targetOf(plan)), reasonOf, onEnd)
}

export class HttpProbe implements Probe {
  readonly #plan: CheckPlan
  readonly #socket: Socket
  readonly #reasonOf: (error: NodeJS.ErrnoException) => string
  readonly #onEnd: ProbeEnd
  #request: ClientRequest | null = null
  #interim = 0
  #content: Buffer[] = []
  #contentBytes = 0
  #done = false

  /** `socket` is being opened; `reason` names the errors of its kind. */
  constructor(plan: CheckPlan, socket: Socket, reason: (error: NodeJS.ErrnoException) => string, onEnd: ProbeEnd) {
    this.#plan = plan
    this.#socket = socket.on('error', ignore)
    this.#reasonOf = reason
    this.#onEnd = onEnd
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
      headers: fieldsOf(this.#plan),
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
    this.#interim += 1
    if (this.#interim > INTERIM_MAX) this.#fail(`more than ${INTERIM_MAX} interim responses`)
  }

  #onResponse(response: IncomingMessage): void {
    response.on('error', error => this.#fail(this.#reasonOf(error)))
    response.on('close', () => this.#fail(CLOSED_EARLY))
    if (!this.#isExpected(response.statusCode)) {
      this.#judge(response.statusCode)
      return
    }
    response.on('data', (bytes: Buffer) => {
      this.#contentBytes += bytes.length
      if (this.#plan.content !== null) this.#content.push(bytes)
      if (this.#contentBytes >= ANSWER_BYTES_MAX) this.#judge(response.statusCode)
    })
    response.on('end', () => this.#judge(response.statusCode))
  }

  #isExpected(status = 0): boolean {
    return this.#plan.settings.statuses.some(([first, last]) => status >= first && status <= last)
  }

  #judge(status = 0): void {
    if (this.#done) return
    if (!this.#isExpected(status)) this.#fail(`status ${status}`)
    else if (!this.#matches()) this.#fail('content does not match')
    else this.#finish(success(`status ${status}`))
  }

  /**
   * The expression is the configuration's own, and it is tried on 64 KiB at most; one that backtracks without end on so
   * much would hold up the thread of the checks all the same.
   */
  #matches(): boolean {
    const { content } = this.#plan
    return content === null || content.test(Buffer.concat(this.#content).toString('utf8', 0, ANSWER_BYTES_MAX))
  }

  #fail(reason: string): void {
    this.#finish(failure(reason))
  }

  #finish(outcome: ProbeOutcome): void {
    if (this.#done) return
    this.cancel()
    this.#content = []
    this.#onEnd(outcome)
  }
}

/** Field lines of the request. Those of the configuration take the place of ours. */
function fieldsOf({ host, settings }: CheckPlan): string[] {
  const named = new Set(settings.fields.map(([name]) => name.toLowerCase()))
  const own: [string, string][] = [
    ['Host', host],
    ['User-Agent', 'sluice-check'],
    ['Connection', 'close'],
  ]
  // Methods with content announce that there is none.
  if (/^(?:POST|PUT|PATCH)$/.test(settings.method)) own.push(['Content-Length', '0'])
  return [...own.filter(([name]) => !named.has(name.toLowerCase())), ...settings.fields].flat()
}
