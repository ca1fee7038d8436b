import { isIPv4, isIPv6 } from 'node:net'
import type { Address, ServiceName } from '../../engine/snapshot.ts'
import { checkHostName } from './host.ts'
import { canonicalIp } from './ip.ts'
import { accepted, type Parsed, quote, refusalsAs } from './parsed.ts'

/**
 * Addresses as the configuration writes them: `host:port`, `[::1]:80`, `:8080`, `unix:/path`; those of services and of
 * name servers.
 */

const refused = refusalsAs('wrong-address')

/** A listener may leave its host out (every address) and ask for port 0 (any free one); an endpoint may not. */
export type AddressRole = 'listener' | 'endpoint'

/** Bytes that `sockaddr_un.sun_path` holds on Linux, without its final NUL; 103 on macOS and the BSDs. */
const UNIX_PATH_BYTES_MAX = process.platform === 'linux' ? 107 : 103

export function parseAddress(text: string, role: AddressRole): Parsed<Address> {
  if (text === '') return refused('must not be empty')
  if (text.startsWith('unix:')) return parseUnixPath(text.slice('unix:'.length))
  const url = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(text)
  if (url !== null) return refused(`${quote(text)} is a URL`, `write its host and port alone: ${quote(url[1] ?? '')}`)
  if (text.startsWith('/')) return refused(`${quote(text)} is a path`, `did you mean ${quote(`unix:${text}`)}?`)
  if (isIPv6(text)) return refused(`${quote(text)} has no port`, `write [${text}]:PORT`)

  const split = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(text)
  if (split === null)
    return refused(`${quote(text)} is not an address such as 127.0.0.1:8080, [::1]:8080 or unix:/path`)
  const [, bracketed, plain = '', port] = split
  if (port === undefined) {
    return refused(`${quote(text)} has no port`, /^[0-9]+$/.test(plain) ? `did you mean ":${plain}"?` : '')
  }
  if (bracketed !== undefined && !isIPv6(bracketed)) return refused(`${quote(bracketed)} is not an IPv6 address`)
  const host = bracketed ?? plain
  const problem = checkHost(host, port, role)
  if (problem !== null) return problem
  const portProblem = checkPort(port, role)
  if (portProblem !== null) return portProblem
  return accepted({ kind: 'tcp', host: host === '' ? '::' : canonicalIp(host), port: Number(port) })
}

function checkHost(host: string, port: string, role: AddressRole): Parsed<never> | null {
  if (host === '*') return refused('"*" is not a host', role === 'listener' ? `did you mean ":${port}"?` : '')
  if (host === '') return role === 'listener' ? null : refused('an endpoint needs a host in front of its port')
  if (isIPv4(host) || isIPv6(host)) return null
  return checkHostName(host)
}

function checkPort(port: string, role: AddressRole): Parsed<never> | null {
  const lowest = role === 'listener' ? 0 : 1
  if (/^[0-9]{1,5}$/.test(port) && Number(port) >= lowest && Number(port) <= 65535) return null
  return refused(`${quote(port)} is not a port; it is a number from ${lowest} to 65535`)
}

function parseUnixPath(path: string): Parsed<Address> {
  if (!path.startsWith('/')) return refused('the path of a unix socket must be absolute, such as unix:/run/sluice.sock')
  if (path.endsWith('/')) return refused('the path of a unix socket must name a file, not a folder')
  if (path.includes('\0')) return refused('the path of a unix socket must not contain NUL')
  if (Buffer.byteLength(path) > UNIX_PATH_BYTES_MAX) {
    return refused(`the path of a unix socket must be at most ${UNIX_PATH_BYTES_MAX} bytes`)
  }
  return accepted({ kind: 'unix', path })
}

/** A name with SRV records (RFC 2782), e.g. `_http._tcp.api.internal`. */
export function parseService(text: string): Parsed<ServiceName> {
  if (!/^_[^.]+\._(tcp|udp)\../i.test(text)) {
    return refused(
      `${quote(text)} is not a service such as _http._tcp.api.internal`,
      'a host and its port are an "address"',
    )
  }
  return checkHostName(text) ?? accepted({ kind: 'srv', service: text.toLowerCase() })
}

/** A name server, by IP address: `10.0.0.2`, `10.0.0.2:5353`, `fd00::2`, `[fd00::2]:53`. Comes back with its port. */
export function parseResolverAddress(text: string): Parsed<string> {
  const bare = isIPv4(text) || isIPv6(text)
  const split = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(text)
  const host = bare ? text : (split?.[1] ?? split?.[2] ?? '')
  const port = (bare ? undefined : split?.[3]) ?? DNS_PORT
  if (isIPv6(host) && !host.includes('%') && (bare || split?.[1] !== undefined)) {
    return checkPort(port, 'endpoint') ?? accepted(`[${canonicalIp(host)}]:${Number(port)}`)
  }
  if (isIPv4(host) && split?.[1] === undefined) {
    return checkPort(port, 'endpoint') ?? accepted(`${host}:${Number(port)}`)
  }
  const hint = /[a-z]/i.test(host) && checkHostName(host) === null ? 'a name server cannot be looked up by name' : ''
  return refused(`${quote(text)} is not an IP address such as 10.0.0.2, 10.0.0.2:53 or [fd00::2]:53`, hint)
}

const DNS_PORT = '53'

/**
 * Whether two listeners would accept the same connections. `::` takes IPv4 too, so it covers `0.0.0.0`; a single address
 * beside a wildcard is fine (the kernel prefers the exact one), and port 0 is a different port each time.
 */
export function sameListenerAddress(one: Address, other: Address): boolean {
  if (one.kind === 'unix' || other.kind === 'unix') {
    return one.kind === 'unix' && other.kind === 'unix' && one.path === other.path
  }
  if (one.port !== other.port || one.port === 0) return false
  return one.host === other.host || (isWildcard(one.host) && isWildcard(other.host))
}

/** Whether one listener is for a single address of those that the other is for. */
export function overlapsListenerAddress(one: Address, other: Address): boolean {
  if (one.kind === 'unix' || other.kind === 'unix' || one.port !== other.port || one.port === 0) return false
  const [wide, single] = isWildcard(one.host) ? [one.host, other.host] : [other.host, one.host]
  if (!isWildcard(wide) || isWildcard(single)) return false
  return wide === '::' || !single.includes(':')
}

function isWildcard(host: string): boolean {
  return host === '::' || host === '0.0.0.0'
}
