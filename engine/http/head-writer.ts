/**
 * Heads as they go on: the lines that stay are copied in runs, as they came (order, case, duplicates, whitespace), and
 * ours are put behind them.
 */
import type { ByteBuffer } from '../net/byte-buffer.ts'
import { type ClientTls, clientCertificateElement } from './client-tls.ts'
import type { CompiledEdits, Renaming } from './field-edits.ts'
import {
  CONNECTION,
  CONTENT_LENGTH,
  EXPECT,
  FORWARDED,
  HOST,
  HTTP2_SETTINGS,
  KEEP_ALIVE,
  OTHER_FIELD,
  PROXY_AUTHENTICATE,
  PROXY_AUTHORIZATION,
  PROXY_CONNECTION,
  TE,
  TRANSFER_ENCODING,
  UPGRADE,
  X_FORWARDED_CLIENT_CERT,
  X_FORWARDED_FOR,
  X_FORWARDED_HOST,
  X_FORWARDED_PORT,
  X_FORWARDED_PROTO,
  X_REQUEST_ID,
} from './field-names.ts'
import { CHUNKED_CONTENT } from './framing.ts'
import type { Head } from './head.ts'
import { ABSOLUTE_FORM, type RequestFacts } from './request-facts.ts'
import type { ResponseFacts } from './response-facts.ts'

/** Lines that belong to one connection only (RFC 9110, section 7.6.1), or that we write ourselves. */
const HOP_BY_HOP =
  (1 << CONNECTION) |
  (1 << KEEP_ALIVE) |
  (1 << PROXY_CONNECTION) |
  (1 << TRANSFER_ENCODING) |
  (1 << TE) |
  (1 << UPGRADE) |
  (1 << HTTP2_SETTINGS)

const FORWARDING =
  (1 << X_FORWARDED_FOR) |
  (1 << X_FORWARDED_PROTO) |
  (1 << X_FORWARDED_HOST) |
  (1 << X_FORWARDED_PORT) |
  (1 << FORWARDED) |
  (1 << X_REQUEST_ID) |
  (1 << X_FORWARDED_CLIENT_CERT)

const REQUEST_DROPS = HOP_BY_HOP | (1 << PROXY_AUTHENTICATE) | (1 << PROXY_AUTHORIZATION)

/** Who sent a request, as the fields added to it tell the origin. One per downstream connection. */
export interface Forwarding {
  /** The peer's `X-Forwarded-*` and `Forwarded` are believed and extended. */
  readonly trusted: boolean
  /** Also writes `Forwarded` (RFC 7239). */
  readonly forwarded: boolean
  /** Address of the peer, without a port; `unknown` on a unix socket. */
  readonly client: string
  /** `http` or `https`. */
  readonly scheme: string
  /** Port the client reached us at; 0 on a unix socket. */
  readonly port: number
  /** `null` for plain text. */
  readonly tls: ClientTls | null
  /** What `X-Forwarded-Client-Cert` says of the peer; empty for nothing. */
  readonly certificate: string
  /** What a trusted peer says there goes on, before ours. */
  readonly keepsCertificates: boolean
  /** The lines for an untrusted peer, up to the value of `X-Forwarded-Host`. */
  readonly lines: string
}

/** `tells` is whether origins are told of the peer's certificate: in place of what it says itself, or behind that. */
export function createForwarding(
  trusted: boolean,
  forwarded: boolean,
  client: string,
  scheme: string,
  port: number,
  tls: ClientTls | null = null,
  tells: 'none' | 'set' | 'append' = 'none',
): Forwarding {
  const known = tls === null || tells === 'none' ? null : tls.clientCertificate
  const certificate = known === null ? '' : clientCertificateElement(known)
  const lines =
    `${certificate === '' ? '' : `X-Forwarded-Client-Cert: ${certificate}\r\n`}` +
    `X-Forwarded-For: ${client}\r\nX-Forwarded-Proto: ${scheme}\r\n` +
    `${port === 0 ? '' : `X-Forwarded-Port: ${port}\r\n`}X-Forwarded-Host: `
  const keepsCertificates = trusted && tells !== 'set'
  return { trusted, forwarded, client, scheme, port, tls, certificate, keepsCertificates, lines }
}

export interface RequestRewrite {
  readonly forwarding: Forwarding
  /** In origin form; `null` keeps the client's. */
  readonly target: string | null
  readonly edits: CompiledEdits | null
  /** Further lines, each with its CRLF; or empty. */
  readonly lines: string
  /** Replaces `Host`; `null` keeps the client's, who must have sent one. */
  readonly host: string | null
  readonly requestId: string
}

/**
 * Copies the field lines whose bit is not in `drops`, in runs; gives the bits of those it kept, and of what some of them are
 * called now. @hotpath
 */
function copyFields(
  out: ByteBuffer,
  head: Head,
  runStart: number,
  drops: number,
  nominated: readonly string[] | null,
  edits: CompiledEdits | null,
): number {
  const { bytes, base, ids, fieldCount } = head
  const byName = nominated !== null || (edits !== null && edits.names.size > 0)
  let kept = 0
  let start = runStart
  for (let index = 0; index < fieldCount; index += 1) {
    const id = ids[index] as number
    const bit = 1 << id
    let change: Renaming | null | undefined = null
    if (id === 0 || (drops & bit) === 0) {
      change = byName ? changeOf(head.name(index), nominated, edits) : undefined
      if (change === undefined) {
        kept |= bit
        continue
      }
    }
    out.copy(bytes, base + start, base + head.nameStart(index))
    if (change === null) {
      start = head.lineEnd(index)
    } else {
      kept |= bit | change.bit
      out.text(change.name)
      start = head.nameEnd(index)
    }
  }
  out.copy(bytes, base + start, base + head.length - 2)
  return kept
}

/** `undefined` for a line that stays, `null` for one that does not. */
function changeOf(
  name: string,
  nominated: readonly string[] | null,
  edits: CompiledEdits | null,
): Renaming | null | undefined {
  const lower = name.toLowerCase()
  if (nominated?.includes(lower)) return null
  return edits === null ? undefined : edits.names.get(lower)
}

/** Adds the head of the upstream request. @hotpath */
export function writeRequestHead(out: ByteBuffer, head: Head, facts: RequestFacts, rewrite: RequestRewrite): void {
  const { forwarding, edits, target } = rewrite
  const hostIsKept = rewrite.host === null && facts.form !== ABSOLUTE_FORM && facts.hostEnd > facts.hostStart
  let drops = REQUEST_DROPS
  if (!hostIsKept) drops |= 1 << HOST
  if (facts.versionMinor === 0) drops |= 1 << EXPECT
  if (!forwarding.trusted) drops |= FORWARDING
  else drops |= trustedDrops(forwarding)
  let runStart = facts.methodStart
  // The request line stays as it came, too, where neither its form nor its version nor the line behind it is ours.
  if (!hostIsKept || target !== null || facts.versionMinor !== 1) {
    writeRequestLine(out, head, facts, target)
    if (!hostIsKept) writeHost(out, head, facts, rewrite)
    runStart = firstFieldLine(head)
  }
  const kept = copyFields(out, head, runStart, drops, facts.nominated, edits)
  if (facts.framing === CHUNKED_CONTENT) out.text('Transfer-Encoding: chunked\r\n')
  if (facts.upgrade) writeUpgrade(out, head)
  else if (facts.acceptsTrailers) out.text('TE: trailers\r\nConnection: TE\r\n')
  const overridden = edits === null ? 0 : edits.knownMask
  const hasHost = facts.hostEnd > facts.hostStart
  if (hasHost && !forwarding.trusted && ((overridden | kept) & FORWARDING) === 0 && !edits?.names.has('via')) {
    out.text(forwarding.lines)
    writeHostValue(out, head, facts)
    out.lineEnd()
    out.text(viaLine(facts))
    out.text('X-Request-Id: ')
    out.text(rewrite.requestId)
    out.lineEnd()
    if (forwarding.forwarded) out.text(forwardedLine(head, facts, forwarding))
  } else {
    writeForwardingOneByOne(out, head, facts, rewrite, kept)
  }
  writeEdited(out, edits, rewrite.lines)
  out.lineEnd()
}

/** Of what a trusted peer says: lists that ours is put behind, and what it is not asked about. */
function trustedDrops({ forwarded, certificate, keepsCertificates }: Forwarding): number {
  const isWritten = certificate !== '' || !keepsCertificates
  return (1 << X_FORWARDED_FOR) | (forwarded ? 1 << FORWARDED : 0) | (isWritten ? 1 << X_FORWARDED_CLIENT_CERT : 0)
}

function writeRequestLine(out: ByteBuffer, head: Head, facts: RequestFacts, target: string | null): void {
  const { bytes, base } = head
  if (target !== null) {
    out.copy(bytes, base + facts.methodStart, base + head.targetStart)
    out.text(target)
  } else if (facts.form !== ABSOLUTE_FORM) {
    out.copy(bytes, base + facts.methodStart, base + head.targetEnd)
  } else {
    out.copy(bytes, base + facts.methodStart, base + head.targetStart)
    const path = head.text(facts.pathStart, facts.pathEnd)
    // OPTIONS for a whole server in absolute form becomes `*` at the last proxy (RFC 9112, section 3.2.4).
    if (path === '') out.text(facts.method === 6 ? '*' : '/')
    else out.text(path.startsWith('?') ? `/${path}` : path)
  }
  out.text(' HTTP/1.1\r\n')
}

function writeHost(out: ByteBuffer, head: Head, facts: RequestFacts, rewrite: RequestRewrite): void {
  out.text('Host: ')
  if (rewrite.host !== null) out.text(rewrite.host)
  else writeHostValue(out, head, facts)
  out.lineEnd()
}

function writeHostValue(out: ByteBuffer, head: Head, facts: RequestFacts): void {
  out.copy(head.bytes, head.base + facts.hostStart, head.base + facts.hostEnd)
}

function writeUpgrade(out: ByteBuffer, head: Head): void {
  out.text('Connection: upgrade\r\n')
  copyOnly(out, head, UPGRADE)
}

/** Copies the lines of one field. */
function copyOnly(out: ByteBuffer, head: Head, id: number): void {
  for (let index = 0; index < head.fieldCount; index += 1) {
    if (head.ids[index] !== id) continue
    out.copy(head.bytes, head.base + head.nameStart(index), head.base + head.lineEnd(index))
  }
}

/** The lines for a trusted peer, or for a route that has something to say of them: each on its own. */
function writeForwardingOneByOne(
  out: ByteBuffer,
  head: Head,
  facts: RequestFacts,
  rewrite: RequestRewrite,
  kept: number,
): void {
  const { forwarding, edits } = rewrite
  if (forwarding.certificate !== '') {
    const before = forwarding.keepsCertificates ? valuesOf(head, X_FORWARDED_CLIENT_CERT, facts.nominated) : ''
    writeOwn(out, edits, X_FORWARDED_CLIENT_CERT, `X-Forwarded-Client-Cert: ${before}${forwarding.certificate}\r\n`)
  }
  const chain = forwarding.trusted ? valuesOf(head, X_FORWARDED_FOR, facts.nominated) : ''
  writeOwn(out, edits, X_FORWARDED_FOR, `X-Forwarded-For: ${chain}${forwarding.client}\r\n`)
  if ((kept & (1 << X_FORWARDED_PROTO)) === 0) {
    writeOwn(out, edits, X_FORWARDED_PROTO, `X-Forwarded-Proto: ${forwarding.scheme}\r\n`)
  }
  if ((kept & (1 << X_FORWARDED_PORT)) === 0 && forwarding.port !== 0) {
    writeOwn(out, edits, X_FORWARDED_PORT, `X-Forwarded-Port: ${forwarding.port}\r\n`)
  }
  if ((kept & (1 << X_FORWARDED_HOST)) === 0 && facts.hostEnd > facts.hostStart) {
    writeOwn(out, edits, X_FORWARDED_HOST, `X-Forwarded-Host: ${head.text(facts.hostStart, facts.hostEnd)}\r\n`)
  }
  writeOwn(out, edits, OTHER_FIELD, viaLine(facts))
  if ((kept & (1 << X_REQUEST_ID)) === 0) {
    writeOwn(out, edits, X_REQUEST_ID, `X-Request-Id: ${rewrite.requestId}\r\n`)
  }
  if (forwarding.forwarded) writeOwn(out, edits, FORWARDED, forwardedLine(head, facts, forwarding))
}

/** @hotpath */
function viaLine({ versionMajor, versionMinor }: RequestFacts): string {
  if (versionMajor === 2) return 'Via: 2 sluice\r\n'
  return versionMinor === 1 ? 'Via: 1.1 sluice\r\n' : 'Via: 1.0 sluice\r\n'
}

/** A line of ours, called as the route has it, unless that takes it out. A name that we do not know has no bit. */
function writeOwn(out: ByteBuffer, edits: CompiledEdits | null, id: number, line: string): void {
  if (edits === null || (id !== OTHER_FIELD && (edits.knownMask & (1 << id)) === 0)) {
    out.text(line)
    return
  }
  const nameEnd = line.indexOf(':')
  const change = edits.names.get(line.slice(0, nameEnd).toLowerCase())
  if (change === undefined) out.text(line)
  else if (change !== null) out.text(change.name + line.slice(nameEnd))
}

/** Values of a list field, each followed by a comma: what ours is put behind. */
function valuesOf(head: Head, id: number, nominated: readonly string[] | null): string {
  let values = ''
  for (let index = 0; index < head.fieldCount; index += 1) {
    if (head.ids[index] !== id || nominated?.includes(head.name(index).toLowerCase())) continue
    const value = head.value(index)
    if (value !== '') values += `${value}, `
  }
  return values
}

/** RFC 7239; IPv6 addresses and hosts with a port are quoted. */
function forwardedLine(head: Head, facts: RequestFacts, forwarding: Forwarding): string {
  const chain = forwarding.trusted ? valuesOf(head, FORWARDED, facts.nominated) : ''
  const client = forwarding.client.includes(':') ? `"[${forwarding.client}]"` : forwarding.client
  const host = head.text(facts.hostStart, facts.hostEnd)
  const hostPair = host === '' ? '' : `;host=${/^[\w.!#$%&'*+^`|~-]+$/.test(host) ? host : `"${host}"`}`
  return `Forwarded: ${chain}for=${client}${hostPair};proto=${forwarding.scheme}\r\n`
}

/** Adds the head of an interim response (1xx), as it came but for its connection's own lines. */
export function writeInterimHead(out: ByteBuffer, head: Head, facts: ResponseFacts): void {
  writeStatusLine(out, head)
  copyFields(out, head, firstFieldLine(head), HOP_BY_HOP | (1 << CONTENT_LENGTH), facts.nominated, null)
  out.lineEnd()
}

/** Adds the head of a 101, which is the final response of its request. `lines` as in `RequestRewrite`. */
export function writeSwitchHead(
  out: ByteBuffer,
  head: Head,
  facts: ResponseFacts,
  edits: CompiledEdits | null,
  lines: string,
): void {
  writeStatusLine(out, head)
  copyFields(out, head, firstFieldLine(head), HOP_BY_HOP | (1 << CONTENT_LENGTH), facts.nominated, edits)
  writeUpgrade(out, head)
  writeEdited(out, edits, lines)
  out.lineEnd()
}

function writeEdited(out: ByteBuffer, edits: CompiledEdits | null, lines: string): void {
  if (edits === null) return
  out.copy(edits.lines, 0, edits.lines.length)
  if (lines !== '') out.text(lines)
}

/** Adds the head of the response; `ours` are whole lines, such as `Connection`, or empty. @hotpath */
export function writeResponseHead(
  out: ByteBuffer,
  head: Head,
  facts: ResponseFacts,
  chunked: boolean,
  ours: string,
  edits: CompiledEdits | null,
): void {
  // RFC 9110, section 8.6: no Content-Length in 204.
  let drops = facts.status === 204 ? HOP_BY_HOP | (1 << CONTENT_LENGTH) : HOP_BY_HOP
  if (edits !== null) drops |= edits.drops
  let runStart = 0
  if (facts.versionMinor !== 1 || head.byte(12) === CARRIAGE_RETURN) {
    writeStatusLine(out, head)
    runStart = firstFieldLine(head)
  }
  copyFields(out, head, runStart, drops, facts.nominated, edits)
  if (chunked) out.text('Transfer-Encoding: chunked\r\n')
  if (ours !== '') out.text(ours)
  if (edits !== null) out.copy(edits.lines, 0, edits.lines.length)
  out.lineEnd()
}

function firstFieldLine(head: Head): number {
  return head.fieldCount > 0 ? head.nameStart(0) : head.length - 2
}

const CARRIAGE_RETURN = 0x0d

/** Our version, the origin's status and reason; the space before an absent reason is put in (RFC 9112, section 4). */
function writeStatusLine(out: ByteBuffer, head: Head): void {
  out.text('HTTP/1.1')
  const { bytes, base } = head
  if (head.byte(12) === CARRIAGE_RETURN) {
    out.copy(bytes, base + 8, base + 12)
    out.text(' \r\n')
  } else {
    out.copy(bytes, base + 8, base + firstFieldLine(head))
  }
}
