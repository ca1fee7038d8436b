/**
 * A check over UDP: one datagram that is sent, and what must be in one of those that come back. Where nothing is expected, it passes
 * with any answer, and with none: what counts is that nobody refuses the datagram (ICMP) within the time that it has.
 */
import { createSocket, type Socket } from 'node:dgram'
import type { Address } from '../../snapshot.ts'
import { type CheckPlan, failure, type Probe, type ProbeEnd, type ProbeOutcome, success } from './check-probe.ts'
import { reasonOf } from './check-socket.ts'

/** Answers without what is expected. Past it the check has failed: it is not worth the whole of its time. */
const WRONG_ANSWERS_MAX = 64

const WRONG = failure('answer does not match')

export function openUdpProbe(plan: CheckPlan, onEnd: ProbeEnd): Probe {
  return new UdpProbe(plan, onEnd)
}

class UdpProbe implements Probe {
  readonly #plan: CheckPlan
  readonly #onEnd: ProbeEnd
  #socket: Socket | null = null
  #wrongAnswers = 0
  #done = false

  constructor(plan: CheckPlan, onEnd: ProbeEnd) {
    this.#plan = plan
    this.#onEnd = onEnd
    try {
      this.#open(plan.address)
    } catch (error) {
      process.nextTick(() => this.#finish(failure(reasonOf(error as Error))))
    }
  }

  get silence(): ProbeOutcome | null {
    if (this.#plan.expect.length === 0) return success('not refused')
    return this.#wrongAnswers > 0 ? WRONG : null
  }

  cancel(): void {
    this.#done = true
    const socket = this.#socket
    this.#socket = null
    socket?.close()
  }

  /** @throws {Error} where datagrams cannot be sent there, or no socket is to be had. */
  #open(address: Address): void {
    if (address.kind === 'unix') throw new Error('a unix socket takes no datagrams')
    const { host, port } = address
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    this.#socket = socket
    socket.on('error', error => this.#finish(failure(reasonOf(error))))
    socket.on('message', bytes => this.#onAnswer(bytes))
    socket.once('connect', () => this.#send())
    // Connected: nobody else's datagrams arrive, and what ICMP says of ours is told.
    socket.connect(port, host)
  }

  #send(): void {
    const { opening, send } = this.#plan
    this.#socket?.send([opening, send], error => {
      if (error !== null) this.#finish(failure(reasonOf(error)))
    })
  }

  #onAnswer(bytes: Buffer): void {
    const { expect } = this.#plan
    if (expect.length === 0) {
      this.#finish(success('answered'))
    } else if (bytes.includes(expect)) {
      this.#finish(success('answer matches'))
    } else {
      this.#wrongAnswers += 1
      if (this.#wrongAnswers >= WRONG_ANSWERS_MAX) this.#finish(WRONG)
    }
  }

  #finish(outcome: ProbeOutcome): void {
    if (this.#done) return
    this.cancel()
    this.#onEnd(outcome)
  }
}
