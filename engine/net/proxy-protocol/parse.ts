/**
 * The PROXY protocol as it comes (HAProxy's proxy-protocol.txt, versions 1 and 2): bytes in, a header or what is wrong with it out.
 * It may be asked again with each piece that comes; what is malformed is told as soon as it shows.
 */
import { malformed, PARTIAL, type ParsedProxyHeader } from './header.ts'
import { parseVersion1, VERSION_1_START } from './parse-version-1.ts'
import { parseVersion2, VERSION_2_START } from './parse-version-2.ts'

/** What does not even begin like one. */
export const MISSING: ParsedProxyHeader = malformed('the connection does not begin with a header of the PROXY protocol')

export function parseProxyHeader(bytes: Buffer): ParsedProxyHeader {
  if (bytes.length === 0) return PARTIAL
  if (beginsLike(bytes, VERSION_2_START)) return parseVersion2(bytes)
  return beginsLike(bytes, VERSION_1_START) ? parseVersion1(bytes) : MISSING
}

/** As far as there is something to compare. */
function beginsLike(bytes: Buffer, start: Buffer): boolean {
  const known = Math.min(bytes.length, start.length)
  return start.compare(bytes, 0, known, 0, known) === 0
}
