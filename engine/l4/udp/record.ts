/** What the log says of a flow of UDP. */
import { formatAddress } from '../../net/address.ts'
import { plainAddress } from '../../net/ends.ts'
import { FLOW_ERRORS } from '../errors.ts'
import type { FlowRecord } from '../flow-record.ts'
import type { UdpFlow } from './udp-flow.ts'

export class UdpFlowRecord implements FlowRecord {
  readonly protocol = 'udp'
  readonly connectUs = 0
  readonly serverName = ''
  readonly tlsVersion = ''
  readonly tlsCipher = ''
  readonly totalUs: number
  readonly #flow: UdpFlow

  constructor(flow: UdpFlow, totalUs: number) {
    this.#flow = flow
    this.totalUs = totalUs
  }

  get startedAtMs(): number {
    return performance.timeOrigin + this.#flow.startedAt
  }

  get listener(): string {
    return this.#flow.terms.settings.name
  }

  get client(): string {
    return formatAddress(this.#flow.client)
  }

  get proxy(): string {
    const { source, header } = this.#flow
    if (header === null) return ''
    return formatAddress({ kind: 'tcp', host: plainAddress(source.address), port: source.port })
  }

  get upstream(): string {
    return this.#flow.terms.upstream.name
  }

  get endpoint(): string {
    return this.#flow.tries.latest?.endpoint.name ?? ''
  }

  get bytesIn(): number {
    return this.#flow.bytesIn
  }

  get bytesOut(): number {
    return this.#flow.bytesOut
  }

  get datagramsIn(): number {
    return this.#flow.datagramsIn
  }

  get datagramsOut(): number {
    return this.#flow.datagramsOut
  }

  get firstByteUs(): number {
    const { answeredAt, startedAt } = this.#flow
    return answeredAt === 0 ? -1 : (answeredAt - startedAt) * 1000
  }

  get retries(): number {
    return this.#flow.tries.retries
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
