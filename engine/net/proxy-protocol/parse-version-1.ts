/** Version 1: one line of text, `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443`. */
import type { Address } from '../../snapshot.ts'
import { ipv4, ipv6 } from './addresses.ts'
import { malformed, PARTIAL, type ParsedProxyHeader } from './header.ts'

export const VERSION_1_START = Buffer.from('PROXY ')

/** Bytes of the longest line, with its CRLF: proxy-protocol.txt, section 2.1. Past it: malformed. */
const LINE_BYTES_MAX = 107

const UNKNOWN = 'PROXY UNKNOWN'

/** One space between its parts, decimal ports; `readEnd` says what is an address or a port. */
const ENDS = /^PROXY TCP([46]) ([^ ]+) ([^ ]+) (\d{1,5}) (\d{1,5})$/

/** `bytes` begin with `VERSION_1_START`, as far as they go. */
export function parseVersion1(bytes: Buffer): ParsedProxyHeader {
  const beginning = bytes.subarray(0, LINE_BYTES_MAX)
  const lineFeed = beginning.indexOf('\n')
  if (lineFeed < 0) {
    return bytes.length < LINE_BYTES_MAX ? PARTIAL : malformed(`its line has more than ${LINE_BYTES_MAX} bytes`)
  }
  if (beginning[lineFeed - 1] !== 0x0d) return malformed('its line does not end with CRLF')
  return readLine(beginning.toString('latin1', 0, lineFeed - 1), lineFeed + 1)
}

function readLine(line: string, length: number): ParsedProxyHeader {
  // Whatever follows is to be ignored.
  if (line === UNKNOWN || line.startsWith(`${UNKNOWN} `)) return whole(null, null, length)
  const parts = ENDS.exec(line)
  if (parts === null) return malformed('its line is none of TCP4, TCP6 or UNKNOWN with two addresses and two ports')
  const [, family, source = '', destination = '', sourcePort = '', destinationPort = ''] = parts
  const address = family === '4' ? ipv4 : ipv6
  const from = readEnd(address(source), sourcePort)
  const to = readEnd(address(destination), destinationPort)
  if (from === null || to === null) return malformed('an address or a port of its line is none')
  return whole(from, to, length)
}

function readEnd(host: string | null, port: string): Address | null {
  const hasLeadingZero = port.length > 1 && port.startsWith('0')
  if (host === null || hasLeadingZero || Number(port) > 65_535) return null
  return { kind: 'tcp', host, port: Number(port) }
}

function whole(source: Address | null, destination: Address | null, length: number): ParsedProxyHeader {
  return { kind: 'whole', header: { source, destination, isDatagram: false, details: null }, length }
}
