/** Endpoints that are added while the engine runs: what is left out is filled in, what cannot be is refused. */
import { isIP } from 'node:net'
import { formatAddress } from '../net/address.ts'
import type { EndpointSnapshot } from '../snapshot.ts'
import type { NewEndpoint } from './api.ts'

const WEIGHT_MAX = 65_535
const PORT_MAX = 65_535
const PRIORITY_MAX = 127
const CONNECTIONS_MAX = 1_000_000

/** Bytes of a socket file's path that the system takes (Linux; one less than its field has). */
const PATH_BYTES_MAX = 107

/** @throws {RangeError} that says what is wrong. */
export function completeEndpoint(added: NewEndpoint): EndpointSnapshot {
  checkAddress(added.address)
  const endpoint: EndpointSnapshot = {
    weight: 1,
    connectionsMax: 0,
    backup: false,
    priority: 0,
    route: '',
    ...added,
    name: added.name ?? nameOf(added.address),
  }
  if (endpoint.name === '')
    throw new RangeError('the name of an endpoint must not be empty; leave it out for its address')
  checkWeight(endpoint.weight)
  checkNumber('connectionsMax', endpoint.connectionsMax, 0, CONNECTIONS_MAX)
  checkNumber('priority', endpoint.priority, 0, PRIORITY_MAX)
  return endpoint
}

/** @throws {RangeError} */
export function checkWeight(weight: number): void {
  checkNumber('weight', weight, 1, WEIGHT_MAX)
}

function checkNumber(what: string, value: number, minimum: number, maximum: number): void {
  if (Number.isInteger(value) && value >= minimum && value <= maximum) return
  throw new RangeError(`${what} must be a whole number from ${minimum} to ${maximum}, not ${value}`)
}

function checkAddress(address: EndpointSnapshot['address']): void {
  switch (address.kind) {
    case 'srv':
      if (!isName(address.service)) throw new RangeError(`"${address.service}" is not the name of a service`)
      return
    case 'unix':
      checkPath(address.path)
      return
    case 'tcp':
      checkHost(address.host)
      checkNumber('port', address.port, 1, PORT_MAX)
  }
}

function checkPath(path: string): void {
  if (!path.startsWith('/')) throw new RangeError(`the path of a socket must be absolute, not "${path}"`)
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) {
    throw new RangeError(`the path of a socket must be at most ${PATH_BYTES_MAX} bytes: ${path}`)
  }
}

function checkHost(host: string): void {
  if (isIP(host) !== 0 || isName(host)) return
  const bare = /^\[(.*)\]$/.exec(host)?.[1] ?? ''
  const hint = isIP(bare) === 6 ? `: write ${bare}, without brackets` : ''
  throw new RangeError(`"${host}" is neither an IP address nor a name${hint}`)
}

/** Whether it can be asked for: the resolver knows more. */
function isName(text: string): boolean {
  return /^[^\s:/[\]@]{1,254}$/.test(text)
}

function nameOf(address: EndpointSnapshot['address']): string {
  return address.kind === 'srv' ? address.service : formatAddress(address)
}
