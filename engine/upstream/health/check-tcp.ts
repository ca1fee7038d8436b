/** A check over TCP or a unix socket: a connection, and if it is wished, bytes that are sent and bytes that must come. */
import type { Socket } from 'node:net'
import { ANSWER_BYTES_MAX, type CheckPlan, failure, type Probe, type ProbeEnd, success } from './check-probe.ts'
import { CLOSED_EARLY, openSocket, reasonOf } from './check-socket.ts'

export function openTcpProbe(plan: CheckPlan, onEnd: ProbeEnd): Probe {
  return new TcpProbe(plan, onEnd)
}

class TcpProbe implements Probe {
  readonly #plan: CheckPlan
  readonly #onEnd: ProbeEnd
  readonly #socket: Socket
  /** What has come so far, up to `ANSWER_BYTES_MAX`; made with the first byte. */
  #answer: Buffer | null = null
  #length = 0
  #done = false

  constructor(plan: CheckPlan, onEnd: ProbeEnd) {
    this.#plan = plan
    this.#onEnd = onEnd
    this.#socket = openSocket(plan)
      .on('connect', () => this.#onConnect())
      .on('error', error => this.#finish(false, reasonOf(error)))
      .on('close', () => this.#finish(false, CLOSED_EARLY))
  }

  cancel(): void {
    this.#done = true
    this.#socket.destroy()
  }

  #onConnect(): void {
    const { send, expect } = this.#plan
    if (expect.length > 0) {
      this.#socket.on('data', bytes => this.#onData(bytes as Buffer))
      if (send.length > 0) this.#socket.write(send)
    } else if (send.length > 0) {
      this.#socket.write(send, error => this.#finish(!error, error ? reasonOf(error) : 'sent'))
    } else {
      this.#finish(true, 'connected')
    }
  }

  #onData(bytes: Buffer): void {
    if (this.#done) return
    const { expect } = this.#plan
    this.#answer ??= Buffer.allocUnsafe(ANSWER_BYTES_MAX)
    // What is looked for may have begun in what was there before.
    const from = Math.max(0, this.#length - expect.length + 1)
    this.#length += bytes.copy(this.#answer, this.#length)
    if (this.#answer.subarray(0, this.#length).includes(expect, from)) this.#finish(true, 'answer matches')
    else if (this.#length === ANSWER_BYTES_MAX) this.#finish(false, 'answer does not match')
  }

  #finish(passed: boolean, reason: string): void {
    if (this.#done) return
    this.cancel()
    this.#onEnd(passed ? success(reason) : failure(reason))
  }
}
