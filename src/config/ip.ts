import { isIPv4, isIPv6 } from 'node:net'
import { accepted, type Parsed, quote, refusalsAs } from './parsed.ts'

/** IP addresses and CIDR blocks. */

const refused = refusalsAs('wrong-address')

/** One spelling for each address: lower case, `::` where it is longest (RFC 5952); other text comes back as it is. */
export function canonicalIp(text: string): string {
  if (!isIPv6(text) || text.includes('%')) return text.toLowerCase()
  return new URL(`http://[${text}]`).hostname.slice(1, -1)
}

/** For editors: what an address or a block is made of. */
export const CIDR_PATTERN = '^[0-9A-Fa-f.:]*[.:][0-9A-Fa-f.:]*(/[0-9]{1,3})?$'

/** A CIDR block or a plain address as a CIDR block, e.g. `10.0.0.0/8`, `127.0.0.1/32`. */
export function parseCidr(text: string): Parsed<string> {
  const slash = text.indexOf('/')
  const address = slash < 0 ? text : text.slice(0, slash)
  const bits = isIPv4(address) ? 32 : isIPv6(address) && !address.includes('%') ? 128 : 0
  if (bits === 0) return refused(`${quote(text)} is not an address or a CIDR block such as 10.0.0.0/8 or fd00::/8`)
  const canonical = canonicalIp(address)
  if (slash < 0) return accepted(`${canonical}/${bits}`)

  const length = text.slice(slash + 1)
  if (!/^(0|[1-9][0-9]{0,2})$/.test(length) || Number(length) > bits) {
    return refused(`${quote(text)} has a wrong prefix length; it is a number from 0 to ${bits}`)
  }
  // A block that names a host is a mistake with consequences: 10.1.2.3/8 would trust sixteen million addresses.
  const network = maskedIp(canonical, Number(length))
  if (network !== canonical) {
    return refused(
      `${quote(text)} has bits set behind its prefix length`,
      `did you mean ${network}/${length} or ${canonical}?`,
    )
  }
  return accepted(`${canonical}/${length}`)
}

function maskedIp(address: string, prefixLength: number): string {
  const width = isIPv4(address) ? 32 : 128
  const groups = isIPv4(address) ? address.split('.').map(Number) : ipv6Groups(address)
  const groupBits = width / groups.length
  const masked = groups.map((group, index) => {
    const kept = Math.min(Math.max(prefixLength - index * groupBits, 0), groupBits)
    const all = 2 ** groupBits - 1
    return group & (all - (2 ** (groupBits - kept) - 1))
  })
  if (width === 32) return masked.join('.')
  return canonicalIp(masked.map(group => group.toString(16)).join(':'))
}

function ipv6Groups(address: string): number[] {
  const [head = '', tail = ''] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === '' ? [] : tail.split(':')
  const zeros = new Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...zeros, ...after].map(group => Number.parseInt(group, 16))
}
