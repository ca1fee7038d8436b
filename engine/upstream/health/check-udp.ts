/** A check over UDP: a datagram that is sent, and what must be in one that comes back; without the latter, that nobody refuses it. */
import { createSocket, type Socket } from 'node:dgram'
import { type CheckPlan, failure, type Probe, type ProbeEnd, success } from './check-probe.ts'
import { reasonOf } from './check-socket.ts'

export function openUdpProbe(plan: CheckPlan, onEnd: ProbeEnd): Probe {
  return new UdpProbe(plan, onEnd)
}

class UdpProbe implements Probe {
  readonly #plan: CheckPlan
  readonly #onEnd: ProbeEnd
  readonly #socket: Socket
  #done = false

  constructor(plan: CheckPlan, onEnd: ProbeEnd) {
    this.#plan = plan
    this.#onEnd = onEnd
    const { address } = plan
    const host = address.kind === 'tcp' ? address.host : ''
    this.#socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
      .on('error', error => this.#finish(false, reasonOf(error)))
      .on('message', bytes => this.#onMessage(bytes))
      .on('connect', () => this.#onConnect())
    if (address.kind === 'tcp') this.#socket.connect(address.port, host)
  }

  cancel(): void {
    if (this.#done) return
    this.#done = true
    this.#socket.close()
  }

  #onConnect(): void {
    this.#socket.send(this.#plan.send)
  }

  #onMessage(bytes: Buffer): void {
    const { expect } = this.#plan
    this.#finish(bytes.includes(expect), 'answer')
  }

  #finish(passed: boolean, reason: string): void {
    if (this.#done) return
    this.cancel()
    this.#onEnd(passed ? success(reason) : failure(reason))
  }
}
