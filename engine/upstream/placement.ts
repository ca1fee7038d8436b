/** Where an endpoint of an upstream is now: what the supervisor tells the workers, as plain data. */
import { formatAddress } from '../net/address.ts'
import type { Address, EndpointSnapshot } from '../snapshot.ts'

export interface EndpointPlacement {
  /** Its column in the state page; the endpoint's identity as long as it lives. */
  readonly column: number
  /** An IP literal or a path: no name is looked up by a worker. */
  readonly address: Address
  /** The name in logs: as configured, and for an address of a name the address. */
  readonly name: string
  /** What the configuration has, e.g. `api.internal:80`: the same for all addresses of a name. */
  readonly server: string
  /** What `Host` says where the route asks for the endpoint's own. */
  readonly host: string
  readonly weight: number
  /** 0 for no limit. */
  readonly connectionsMax: number
  readonly backup: boolean
  readonly priority: number
  readonly route: string
  /** The value of our sticky cookie; empty where there is none. */
  readonly token: string
}

/** Where an upstream is: its cells in the state page, and its endpoints. */
export interface UpstreamPlacement {
  /** Its place among the upstreams of the state page, for as long as it lives. */
  readonly slot: number
  /** The generation that has brought it as it is now: with the same number it is the same. */
  readonly since: number
  readonly endpoints: readonly EndpointPlacement[]
}

/** The placement of an endpoint at one address, and with what a service says of it. */
export function placementOf(
  endpoint: EndpointSnapshot,
  column: number,
  address: Address,
  details: Partial<EndpointPlacement> = {},
): EndpointPlacement {
  const { name, weight, connectionsMax, backup, priority, route } = endpoint
  return {
    column,
    address,
    name,
    server: name,
    host: hostOf(endpoint.address.kind === 'srv' ? address : endpoint.address),
    weight,
    connectionsMax,
    backup,
    priority,
    route,
    token: '',
    ...details,
  }
}

/** What `Host` says for an address: without the port that http implies. */
export function hostOf(address: Address): string {
  if (address.kind === 'unix') return 'localhost'
  const text = formatAddress(address)
  return address.port === 80 ? text.slice(0, -3) : text
}
