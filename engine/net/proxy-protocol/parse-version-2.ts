/** Version 2: a fixed part that says how long the rest is, addresses, and details behind them as type, length and value. */
import type { Address } from '../../snapshot.ts'
import { ipv4At, ipv6At } from './addresses.ts'
import { malformed, PARTIAL, type ParsedProxyHeader, type ProxiedDetails } from './header.ts'
import { readDetails } from './parse-details.ts'

export const VERSION_2_START = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')

/** Start, version and command, family, length. */
export const FIXED_BYTES = 16

/** Bytes of a whole header. Senders have some hundreds of them, with certificates some thousands. Past it: malformed. */
const HEADER_BYTES_MAX = 16 * 1024

const VERSION = 2
const LOCAL = 0
const PROXY = 1

/** Families with their protocols that there are, and the bytes of their addresses; any other is to be refused. */
const UNSPECIFIED = 0x00
const ADDRESS_BYTES: Readonly<Record<number, number>> = {
  [UNSPECIFIED]: 0,
  17: 12,
  18: 12,
  33: 36,
  34: 36,
  49: 216,
  50: 216,
}

/** Families, without their protocols. */
const INET = 1
const INET6 = 2
const DATAGRAM = 2

const UNIX_PATH_BYTES = 108

/** `bytes` begin with `VERSION_2_START`, as far as they go. */
export function parseVersion2(bytes: Buffer): ParsedProxyHeader {
  if (bytes.length <= 12) return PARTIAL
  const versionAndCommand = bytes[12] as number
  const command = versionAndCommand & 15
  if (versionAndCommand >> 4 !== VERSION) return malformed(`its version is ${versionAndCommand >> 4}, not ${VERSION}`)
  if (command !== LOCAL && command !== PROXY) return malformed(`its command is ${command}: neither LOCAL nor PROXY`)
  if (bytes.length < FIXED_BYTES) return PARTIAL
  const length = FIXED_BYTES + bytes.readUInt16BE(14)
  if (length > HEADER_BYTES_MAX) return malformed(`it has ${length} bytes, more than ${HEADER_BYTES_MAX}`)
  if (bytes.length < length) return PARTIAL
  // Whatever else a header of the proxy's own says is to be thrown away (section 2.2).
  if (command === LOCAL) return whole(null, null, false, null, length)
  return readEnds(bytes.subarray(0, length))
}

function readEnds(header: Buffer): ParsedProxyHeader {
  const family = header[13] as number
  const addressBytes = ADDRESS_BYTES[family]
  if (addressBytes === undefined)
    return malformed(`its family and protocol are 0x${family.toString(16).padStart(2, '0')}`)
  const detailsAt = FIXED_BYTES + addressBytes
  if (detailsAt > header.length) return malformed('it is too short for its addresses')
  const details = readDetails(header, detailsAt)
  if (typeof details === 'string') return malformed(details)
  const [source, destination] = readAddresses(header, family >> 4)
  return whole(source, destination, (family & 15) === DATAGRAM, details, header.length)
}

function readAddresses(header: Buffer, family: number): readonly [Address | null, Address | null] {
  const at = FIXED_BYTES
  switch (family) {
    case 0:
      return [null, null]
    case INET:
      return [port(ipv4At(header, at), header, at + 8), port(ipv4At(header, at + 4), header, at + 10)]
    case INET6:
      return [port(ipv6At(header, at), header, at + 32), port(ipv6At(header, at + 16), header, at + 34)]
    default:
      return [unixPath(header, at), unixPath(header, at + UNIX_PATH_BYTES)]
  }
}

function port(host: string, header: Buffer, at: number): Address {
  return { kind: 'tcp', host, port: header.readUInt16BE(at) }
}

/** Ends with the first NUL; one that begins with it is a name of Linux's without a file, written `@name`, as most tools have it. */
function unixPath(header: Buffer, at: number): Address {
  const bytes = header.subarray(at, at + UNIX_PATH_BYTES)
  const isAbstract = bytes[0] === 0 && bytes[1] !== 0
  const start = isAbstract ? 1 : 0
  const end = bytes.indexOf(0, start)
  const name = bytes.toString('utf8', start, end < 0 ? bytes.length : end)
  return { kind: 'unix', path: isAbstract ? `@${name}` : name }
}

function whole(
  source: Address | null,
  destination: Address | null,
  isDatagram: boolean,
  details: ProxiedDetails | null,
  length: number,
): ParsedProxyHeader {
  return { kind: 'whole', header: { source, destination, isDatagram, details }, length }
}
