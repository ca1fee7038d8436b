/** The field names that a proxy has to know, as small integers. */

export const OTHER_FIELD = 0
export const CONNECTION = 1
export const KEEP_ALIVE = 2
export const PROXY_CONNECTION = 3
export const TRANSFER_ENCODING = 4
export const TE = 5
export const UPGRADE = 6
export const HOST = 7
export const CONTENT_LENGTH = 8
export const EXPECT = 9
export const X_FORWARDED_FOR = 10
export const X_FORWARDED_PROTO = 11
export const X_FORWARDED_HOST = 12
export const X_FORWARDED_PORT = 13
export const FORWARDED = 14
export const X_REQUEST_ID = 15
export const HTTP2_SETTINGS = 16
export const PROXY_AUTHENTICATE = 17
export const PROXY_AUTHORIZATION = 18
export const X_FORWARDED_CLIENT_CERT = 19
export const STRICT_TRANSPORT_SECURITY = 20

const NAMES: readonly (readonly [name: string, id: number])[] = [
  ['connection', CONNECTION],
  ['keep-alive', KEEP_ALIVE],
  ['proxy-connection', PROXY_CONNECTION],
  ['transfer-encoding', TRANSFER_ENCODING],
  ['te', TE],
  ['upgrade', UPGRADE],
  ['host', HOST],
  ['content-length', CONTENT_LENGTH],
  ['expect', EXPECT],
  ['x-forwarded-for', X_FORWARDED_FOR],
  ['x-forwarded-proto', X_FORWARDED_PROTO],
  ['x-forwarded-host', X_FORWARDED_HOST],
  ['x-forwarded-port', X_FORWARDED_PORT],
  ['forwarded', FORWARDED],
  ['x-request-id', X_REQUEST_ID],
  ['http2-settings', HTTP2_SETTINGS],
  ['proxy-authenticate', PROXY_AUTHENTICATE],
  ['proxy-authorization', PROXY_AUTHORIZATION],
  ['x-forwarded-client-cert', X_FORWARDED_CLIENT_CERT],
  ['strict-transport-security', STRICT_TRANSPORT_SECURITY],
]

interface Candidate {
  readonly bytes: Uint8Array
  readonly id: number
}

const LENGTH_MAX = Math.max(...NAMES.map(([name]) => name.length))

/** Where in `TABLE` a name of this length and last byte but one belongs: no two names that we know share a place. */
function place(length: number, byte: number): number {
  return (length << 5) | (byte & 0x1f)
}

const TABLE: readonly (Candidate | null)[] = (() => {
  const table = new Array<Candidate | null>(place(LENGTH_MAX, 0x1f) + 1).fill(null)
  for (const [name, id] of NAMES) {
    const bytes = Buffer.from(name, 'latin1')
    const at = place(bytes.length, bytes.at(-2) as number)
    if (table[at] !== null) throw new Error(`${name} shares its place with another field name`)
    table[at] = { bytes, id }
  }
  return table
})()

/** The identifier of the name at `start` to `end`, whatever its case. The bytes are a token. @hotpath */
export function identifyField(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length > LENGTH_MAX) return OTHER_FIELD
  const candidate = TABLE[place(length, bytes[end - 2] as number)] as Candidate | null
  return candidate !== null && matchesLowerCase(bytes, start, candidate.bytes) ? candidate.id : OTHER_FIELD
}

/** Whether the token at `start` is `lowerCase`. Setting bit 5 turns letters to lower case and no other token byte into one. */
export function matchesLowerCase(bytes: Uint8Array, start: number, lowerCase: Uint8Array): boolean {
  for (let index = lowerCase.length - 1; index >= 0; index -= 1) {
    if (((bytes[start + index] as number) | 0x20) !== lowerCase[index]) return false
  }
  return true
}
