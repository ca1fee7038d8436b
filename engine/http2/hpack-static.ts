/** The static table of HPACK (RFC 7541, appendix A), each entry as a line of HTTP/1.1: `name: value CRLF`. */
import { kindOfField } from './field-kinds.ts'

/** Entries as `name` or `name=value`, in their order. */
const ENTRIES =
  ':authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|:status=200|:status=204|' +
  ':status=206|:status=304|:status=400|:status=404|:status=500|accept-charset|accept-encoding=gzip, deflate|' +
  'accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control|' +
  'content-disposition|content-encoding|content-language|content-length|content-location|content-range|content-type|' +
  'cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|' +
  'last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|' +
  'server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate'

export const STATIC_ENTRIES: readonly (readonly [name: string, value: string])[] = ENTRIES.split('|').map(entry => {
  const [name = '', value = ''] = entry.split('=')
  return [name, value]
})

export const STATIC_COUNT: number = STATIC_ENTRIES.length

/** All lines, one behind the other. */
export const staticBytes: Buffer = Buffer.from(
  STATIC_ENTRIES.map(([name, value]) => `${name}: ${value}\r\n`).join(''),
  'latin1',
)

/** Where each line begins, how long its name and its value are, and what it is, by its index of 1 to 61. */
export const staticStarts: Int32Array = new Int32Array(STATIC_COUNT + 1)
export const staticNameLengths: Int32Array = new Int32Array(STATIC_COUNT + 1)
export const staticValueLengths: Int32Array = new Int32Array(STATIC_COUNT + 1)
export const staticKinds: Int32Array = new Int32Array(STATIC_COUNT + 1)

let at = 0
for (const [index, [name, value]] of STATIC_ENTRIES.entries()) {
  const valueStart = at + name.length + 2
  staticStarts[index + 1] = at
  staticNameLengths[index + 1] = name.length
  staticValueLengths[index + 1] = value.length
  staticKinds[index + 1] = kindOfField(staticBytes, at, at + name.length, valueStart, valueStart + value.length)
  at = valueStart + value.length + 2
}
