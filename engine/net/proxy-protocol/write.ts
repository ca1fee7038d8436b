/**
 * The PROXY protocol as it is sent (HAProxy's proxy-protocol.txt, versions 1 and 2): a header in, bytes out. What the header says is
 * written as far as the version can say it; what has no place in it is left out, never bent.
 */
import { isIPv6 } from 'node:net'
import type { Address } from '../../snapshot.ts'
import { crc32c } from './crc32c.ts'
import {
  ALPN,
  AUTHORITY,
  CHECKSUM_BYTES,
  CLIENT_CERTIFICATE_EARLIER,
  CLIENT_CERTIFICATE_NOW,
  CLIENT_SSL,
  CRC32C,
  SSL,
  SSL_CIPHER,
  SSL_COMMON_NAME,
  SSL_VERSION,
  UNIQUE_ID,
  UNIQUE_ID_BYTES_MAX,
} from './detail-types.ts'
import type { ProxiedDetails, ProxiedTls, ProxyHeader } from './header.ts'
import { VERSION_2_START } from './parse-version-2.ts'

/** Bytes of a text among the details: names of hosts and protocols have less. Past it: left out. nginx 1.22 takes headers of 1 KiB at most. */
const TEXT_BYTES_MAX = 256

const UNKNOWN_LINE = Buffer.from('PROXY UNKNOWN\r\n', 'latin1')

/** Version 2 in the upper half of the byte, the command in the lower. */
const LOCAL = 0x20
const PROXY = 0x21

/** Families. */
const UNSPECIFIED = 0x00
const INET = 0x10
const INET6 = 0x20
const UNIX = 0x30

/** Protocols. */
const STREAM = 0x01
const DATAGRAM = 0x02

const UNIX_PATH_BYTES = 108

type TcpAddress = Extract<Address, { kind: 'tcp' }>

/**
 * Version 1 knows TCP alone: of anything else it says that it is unknown. Details it has none. IPv4 beside IPv6 is written as IPv6
 * (`::ffff:192.0.2.1`).
 */
export function writeVersion1({ source, destination, isDatagram }: ProxyHeader): Buffer {
  if (source?.kind !== 'tcp' || destination?.kind !== 'tcp' || isDatagram) return UNKNOWN_LINE
  const isSix = isIPv6(source.host) || isIPv6(destination.host)
  const text = isSix ? sixthVersion : (host: string) => host
  const ends = `${text(source.host)} ${text(destination.host)} ${source.port} ${destination.port}`
  return Buffer.from(`PROXY TCP${isSix ? 6 : 4} ${ends}\r\n`, 'latin1')
}

function sixthVersion(host: string): string {
  return isIPv6(host) ? host : `::ffff:${host}`
}

/**
 * Without addresses it is a connection of the proxy's own: LOCAL. `hasChecksum`: with a CRC-32C of all of it. Of the details those are
 * written that can be asked for: not what private networks call their endpoints, nor the network's namespace.
 */
export function writeVersion2(header: ProxyHeader, hasChecksum: boolean): Buffer {
  const { source, destination, isDatagram, details } = header
  const isLocal = source === null || destination === null
  const [family, addresses] = isLocal ? [UNSPECIFIED, []] : addressesOf(source, destination)
  const protocol = family === UNSPECIFIED ? 0 : isDatagram ? DATAGRAM : STREAM
  const fixed = Buffer.from([isLocal ? LOCAL : PROXY, family | protocol, 0, 0])
  const parts = details === null ? [] : detailsOf(details)
  // Last, where it is found again.
  if (hasChecksum) parts.push(detail(CRC32C, Buffer.alloc(CHECKSUM_BYTES)))
  const bytes = Buffer.concat([VERSION_2_START, fixed, ...addresses, ...parts])
  bytes.writeUInt16BE(bytes.length - VERSION_2_START.length - fixed.length, VERSION_2_START.length + 2)
  if (hasChecksum) bytes.writeUInt32BE(crc32c(bytes), bytes.length - CHECKSUM_BYTES)
  return bytes
}

/** Nobody has one end here and the other there: such a pair has no family. */
function addressesOf(source: Address, destination: Address): readonly [family: number, bytes: Buffer[]] {
  if (source.kind === 'unix' && destination.kind === 'unix') return [UNIX, [pathBytes(source), pathBytes(destination)]]
  if (source.kind === 'unix' || destination.kind === 'unix') return [UNSPECIFIED, []]
  const isSix = isIPv6(source.host) || isIPv6(destination.host)
  const bytes = isSix ? ipv6Bytes : ipv4Bytes
  return [isSix ? INET6 : INET, [bytes(source.host), bytes(destination.host), ports(source, destination)]]
}

function ports(source: TcpAddress, destination: TcpAddress): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt16BE(source.port, 0)
  bytes.writeUInt16BE(destination.port, 2)
  return bytes
}

function ipv4Bytes(host: string): Buffer {
  return Buffer.from(host.split('.').map(Number))
}

function ipv6Bytes(host: string): Buffer {
  const bytes = Buffer.alloc(16)
  if (!isIPv6(host)) {
    bytes.writeUInt16BE(0xffff, 10)
    ipv4Bytes(host).copy(bytes, 12)
    return bytes
  }
  const [head = '', tail = ''] = withoutDots(host).split('::')
  const front = groupsOf(head)
  const back = groupsOf(tail)
  for (const [index, group] of front.entries()) bytes.writeUInt16BE(group, 2 * index)
  for (const [index, group] of back.entries()) bytes.writeUInt16BE(group, 16 - 2 * (back.length - index))
  return bytes
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map(group => Number.parseInt(group, 16))
}

/** The last two groups of an address may be written as IPv4. */
function withoutDots(host: string): string {
  const dotted = /\d+\.\d+\.\d+\.\d+$/.exec(host)
  if (dotted === null) return host
  const bytes = ipv4Bytes(dotted[0])
  const groups = [bytes.readUInt16BE(0), bytes.readUInt16BE(2)].map(group => group.toString(16))
  return host.slice(0, dotted.index) + groups.join(':')
}

/** A name without a file, written `@name`, begins with NUL. */
function pathBytes({ path }: Extract<Address, { kind: 'unix' }>): Buffer {
  const bytes = Buffer.alloc(UNIX_PATH_BYTES)
  const isAbstract = path.startsWith('@')
  bytes.write(isAbstract ? path.slice(1) : path, isAbstract ? 1 : 0, 'utf8')
  return bytes
}

function detailsOf({ alpn, authority, uniqueId, tls }: ProxiedDetails): Buffer[] {
  const isIdFit = uniqueId !== null && uniqueId.length > 0 && uniqueId.length <= UNIQUE_ID_BYTES_MAX
  return [
    ...text(ALPN, alpn),
    ...text(AUTHORITY, authority),
    ...(isIdFit ? [detail(UNIQUE_ID, uniqueId)] : []),
    ...(tls === null ? [] : [detail(SSL, tlsBytes(tls))]),
  ]
}

function tlsBytes({ version, cipher, commonName, isVerified }: ProxiedTls): Buffer {
  const hasCertificate = isVerified || commonName !== ''
  const shown = CLIENT_CERTIFICATE_NOW | CLIENT_CERTIFICATE_EARLIER
  const flags = hasCertificate ? CLIENT_SSL | shown : CLIENT_SSL
  // Zero is the one that tells of a certificate that was found to be good.
  const fixed = Buffer.from([flags, 0, 0, 0, isVerified ? 0 : 1])
  const parts = [...text(SSL_VERSION, version), ...text(SSL_COMMON_NAME, commonName), ...text(SSL_CIPHER, cipher)]
  return Buffer.concat([fixed, ...parts])
}

function text(type: number, value: string): Buffer[] {
  const bytes = Buffer.from(value, 'utf8')
  return bytes.length === 0 || bytes.length > TEXT_BYTES_MAX ? [] : [detail(type, bytes)]
}

function detail(type: number, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 0xff]), value])
}
