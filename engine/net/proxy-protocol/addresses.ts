/** IP addresses as a header has them: each has one form here, so that whoever counts or hashes them takes equal ones for equal. */
import { isIPv4, isIPv6, SocketAddress } from 'node:net'

const MAPPED_IPV4 = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/

/** `null` where it is none, or has a zone: that means nothing on another machine. */
export function ipv4(text: string): string | null {
  return isIPv4(text) ? text : null
}

/** In the form of RFC 5952; IPv4 where it is mapped, as with the addresses of a dual-stack socket. */
export function ipv6(text: string): string | null {
  if (!isIPv6(text) || text.includes('%')) return null
  return new SocketAddress({ address: text, family: 'ipv6' }).address.replace(MAPPED_IPV4, '')
}

/** The 4 bytes at `at`. */
export function ipv4At(bytes: Buffer, at: number): string {
  return bytes.subarray(at, at + 4).join('.')
}

/** The 16 bytes at `at`. */
export function ipv6At(bytes: Buffer, at: number): string {
  const groups: string[] = []
  for (let group = at; group < at + 16; group += 2) groups.push(bytes.readUInt16BE(group).toString(16))
  return ipv6(groups.join(':')) as string
}
