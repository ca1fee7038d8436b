/** What stands behind the addresses of version 2: types, lengths and values; unknown ones are passed over. */
import { crc32c } from './crc32c.ts'
import {
  ALPN,
  AUTHORITY,
  AWS,
  AZURE,
  CHECKSUM_BYTES,
  CLIENT_CERTIFICATE_EARLIER,
  CLIENT_CERTIFICATE_NOW,
  CLIENT_SSL,
  CRC32C,
  DETAIL_HEADER_BYTES,
  GCP,
  NETWORK_NAMESPACE,
  SSL,
  SSL_CIPHER,
  SSL_COMMON_NAME,
  SSL_HEADER_BYTES,
  SSL_VERSION,
  UNIQUE_ID,
  UNIQUE_ID_BYTES_MAX,
} from './detail-types.ts'
import type { ProxiedDetails, ProxiedTls } from './header.ts'

/** Where the value of a detail lies in the header. */
interface Span {
  readonly start: number
  readonly end: number
}

/** The details from `at` to the end of the header; `null` for none, a text where something does not fit. */
export function readDetails(header: Buffer, at: number): ProxiedDetails | null | string {
  if (at === header.length) return null
  const spans = readSpans(header, at, header.length)
  if (spans === null) return 'a detail of it is longer than what it stands in'
  return checkSum(header, spans.get(CRC32C)) || interpret(header, spans)
}

/** By type, the first of each; `null` where a length does not fit. */
function readSpans(header: Buffer, from: number, end: number): Map<number, Span> | null {
  const spans = new Map<number, Span>()
  for (let at = from; at < end; ) {
    const start = at + DETAIL_HEADER_BYTES
    if (start > end) return null
    const type = header[at] as number
    at = start + header.readUInt16BE(start - 2)
    if (at > end) return null
    if (!spans.has(type)) spans.set(type, { start, end: at })
  }
  return spans
}

/** What is wrong with the checksum of the whole header, in which its own bytes count as zeros; empty where nothing is. */
function checkSum(header: Buffer, span: Span | undefined): string {
  if (span === undefined) return ''
  const { start, end } = span
  if (end - start !== CHECKSUM_BYTES) return `its checksum has ${end - start} bytes, not ${CHECKSUM_BYTES}`
  const without = Buffer.from(header)
  without.fill(0, start, end)
  return crc32c(without) === header.readUInt32BE(start) ? '' : 'its checksum is wrong'
}

function interpret(header: Buffer, spans: ReadonlyMap<number, Span>): ProxiedDetails | string {
  const uniqueId = spans.get(UNIQUE_ID)
  if (uniqueId !== undefined && uniqueId.end - uniqueId.start > UNIQUE_ID_BYTES_MAX) {
    return `its unique id has more than ${UNIQUE_ID_BYTES_MAX} bytes`
  }
  const tls = readTls(header, spans.get(SSL))
  if (typeof tls === 'string') return tls
  return {
    authority: textOf(header, spans.get(AUTHORITY)),
    alpn: textOf(header, spans.get(ALPN)),
    // The memory is another's when the header has been read.
    uniqueId: uniqueId === undefined ? null : Buffer.from(header.subarray(uniqueId.start, uniqueId.end)),
    tls,
    privateEndpoint: readPrivateEndpoint(header, spans),
    networkNamespace: textOf(header, spans.get(NETWORK_NAMESPACE)),
  }
}

function textOf(header: Buffer, span: Span | undefined): string {
  return span === undefined ? '' : header.toString('utf8', span.start, span.end)
}

/** `null` where the client did not come encrypted; a text where something does not fit. */
function readTls(header: Buffer, span: Span | undefined): ProxiedTls | null | string {
  if (span === undefined) return null
  const { start, end } = span
  if (end - start < SSL_HEADER_BYTES) return 'what it says of TLS is too short'
  const parts = readSpans(header, start + SSL_HEADER_BYTES, end)
  if (parts === null) return 'a part of what it says of TLS is longer than that'
  const client = header[start] as number
  if ((client & CLIENT_SSL) === 0) return null
  const showed = (client & (CLIENT_CERTIFICATE_NOW | CLIENT_CERTIFICATE_EARLIER)) !== 0
  return {
    version: textOf(header, parts.get(SSL_VERSION)),
    cipher: textOf(header, parts.get(SSL_CIPHER)),
    commonName: textOf(header, parts.get(SSL_COMMON_NAME)),
    isVerified: showed && header.readUInt32BE(start + 1) === 0,
  }
}

/** Amazon and Microsoft have kinds of their own, of which the first is known. */
const ENDPOINT_KIND = 1

/**
 * Amazon's is a text (`vpce-08d2bf15fac5001c9`), Microsoft's (LinkID) and Google's (PSC connection id) are numbers. What has
 * another kind or length is passed over, as what is unknown.
 */
function readPrivateEndpoint(header: Buffer, spans: ReadonlyMap<number, Span>): string {
  const aws = spans.get(AWS)
  if (aws !== undefined && aws.end > aws.start && header[aws.start] === ENDPOINT_KIND) {
    return header.toString('utf8', aws.start + 1, aws.end)
  }
  const azure = spans.get(AZURE)
  if (azure !== undefined && azure.end - azure.start === 5 && header[azure.start] === ENDPOINT_KIND) {
    return String(header.readUInt32LE(azure.start + 1))
  }
  const gcp = spans.get(GCP)
  if (gcp !== undefined && gcp.end - gcp.start === 8) return String(header.readBigUInt64BE(gcp.start))
  return ''
}
