import { formatAddress } from '../net/address.ts'
import type { Address, EndpointSnapshot } from '../snapshot.ts'

/** One address of an upstream, as a worker sees it. */
export class Endpoint {
  readonly name: string
  readonly address: Address
  /** Its column in the state page. */
  readonly column: number
  /** Its place in its upstream. */
  readonly index: number
  /** What `Host` says where the route asks for the endpoint's own, or the request had none. */
  readonly host: string

  constructor(snapshot: EndpointSnapshot, index: number, column: number) {
    this.name = snapshot.name
    this.address = snapshot.address
    this.index = index
    this.column = column
    this.host = hostOf(snapshot.address)
  }
}

/** Without the port that http implies. */
function hostOf(address: Address): string {
  if (address.kind === 'unix') return 'localhost'
  const text = formatAddress(address)
  return address.port === 80 ? text.slice(0, -3) : text
}
