/** What the log says of a flow of TCP. */
import { type Ends, nameOf, proxyNameOf } from '../../net/ends.ts'
import { FLOW_ERRORS } from '../errors.ts'
import type { FlowRecord } from '../flow-record.ts'
import type { TcpFlow } from './flow.ts'

export class TcpFlowRecord implements FlowRecord {
  readonly protocol = 'tcp'
  readonly datagramsIn = 0
  readonly datagramsOut = 0
  readonly totalUs: number
  readonly #flow: TcpFlow
  readonly #ends: Ends

  constructor(flow: TcpFlow, ends: Ends, totalUs: number) {
    this.#flow = flow
    this.#ends = ends
    this.totalUs = totalUs
  }

  get startedAtMs(): number {
    return this.#flow.startedAtMs
  }

  get listener(): string {
    return this.#flow.terms.settings.name
  }

  get client(): string {
    return nameOf(this.#ends.client)
  }

  get proxy(): string {
    return proxyNameOf(this.#ends)
  }

  get upstream(): string {
    return this.#flow.tries?.upstream.name ?? ''
  }

  get endpoint(): string {
    return this.#flow.tries?.latest?.endpoint.name ?? ''
  }

  get bytesIn(): number {
    return this.#flow.pipe?.bytesIn ?? 0
  }

  get bytesOut(): number {
    return this.#flow.pipe?.bytesOut ?? 0
  }

  get connectUs(): number {
    return this.#flow.connectUs
  }

  get firstByteUs(): number {
    return this.#flow.firstByteUs
  }

  get retries(): number {
    return this.#flow.tries?.retries ?? 0
  }

  get serverName(): string {
    return this.#flow.serverName
  }

  get tlsVersion(): string {
    return this.#flow.client.tls?.version ?? ''
  }

  get tlsCipher(): string {
    return this.#flow.client.tls?.cipher ?? ''
  }

  get flag(): string {
    const { error } = this.#flow
    return error === '' ? '' : FLOW_ERRORS[error].flag
  }

  get error(): string {
    return this.#flow.error
  }

  get errorDetail(): string {
    return this.#flow.errorDetail
  }
}
