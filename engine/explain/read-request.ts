/** A request as a client would send it, read by the parser that reads those of clients. */
import { isIP, isIPv6 } from 'node:net'
import type { ErrorCode } from '../exchange/errors.ts'
import { parseErrorOf } from '../exchange/parse-errors.ts'
import { requestIdIn } from '../exchange/request-id.ts'
import type { ClientTls } from '../http/client-tls.ts'
import { Head } from '../http/head.ts'
import { createForwarding } from '../http/head-writer.ts'
import { request as facts, readRequest } from '../http/request-facts.ts'
import { memory, REQUEST, slots } from '../http1/llhttp.ts'
import { HEAD_TOO_LARGE, MessageParser, parsed } from '../http1/message-parser.ts'
import { type RequestSource, RoutedRequest } from '../routing/request.ts'
import type { AddressBlocks } from '../shared/address-blocks.ts'
import type { ListenerSnapshot, ListenerTlsSnapshot } from '../snapshot.ts'
import type { ExplainRequest } from './explanation.ts'

/** What stands for the id that each request gets. */
export const ID_OF_REQUEST = 'request-id'

/** Nobody knows who is at the other end of a unix socket. */
const UNKNOWN = 'unknown'

const head = new Head(memory)

/** Valid until the next one is read; an error where the listener refuses such bytes. */
export function readExplained(
  asked: ExplainRequest,
  settings: ListenerSnapshot,
  trusted: AddressBlocks,
): RoutedRequest | ErrorCode {
  const bytes = Buffer.from(bytesOf(asked), 'latin1')
  const { start, view } = slots.landing
  if (bytes.length > view.length) return 'request_head_too_large'
  memory.set(bytes, start)
  const parser = new MessageParser(REQUEST, settings.limits)
  try {
    if (!parser.open) return 'out_of_memory'
    parser.parse(start, start + bytes.length, head)
    const { head: isWhole, error } = parsed
    if (isWhole && error !== HEAD_TOO_LARGE) {
      const refusal = readRequest(head, parser)
      if (refusal !== '') return refusal
    }
    if (error !== 0) return parseErrorOf(error, false)
    if (!isWhole) return 'request_malformed'
  } finally {
    parser.close()
  }
  const source = sourceOf(asked, settings, trusted)
  const request = new RoutedRequest(head, facts, source)
  request.begin(source, (source.forwarding.trusted ? requestIdIn(head) : null) ?? ID_OF_REQUEST, Date.now())
  return request
}

function bytesOf({ method, target, authority, fields }: ExplainRequest): string {
  const hasHost = fields.some(([name]) => name.toLowerCase() === 'host')
  const lines = [...(hasHost ? [] : [`Host: ${authority}`]), ...fields.map(([name, value]) => `${name}: ${value}`)]
  return `${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
}

/** Where there is no TLS, what says https has had it ended by a proxy before. */
export function sourceOf(
  asked: ExplainRequest,
  { address, forwarded, name, trustedProxies, tls }: ListenerSnapshot,
  trusted: AddressBlocks,
): RequestSource {
  const { from } = asked
  const isUnix = address.kind === 'unix'
  const client = isUnix ? UNKNOWN : from.replace(/^::ffff:(?=\d+\.)/i, '')
  const isTrusted = isUnix ? trustedProxies.length > 0 : trusted.has(client)
  return {
    listener: name,
    client: isUnix ? UNKNOWN : `${isIPv6(client) ? `[${client}]` : client}:0`,
    forwarding: createForwarding(
      isTrusted,
      forwarded,
      client,
      tls === null ? 'http' : 'https',
      isUnix ? 0 : address.port,
      tls === null ? null : tlsOf(asked, tls),
      tls?.clientAuth.forward,
    ),
    isTrusted: other => trusted.has(other),
  }
}

/** The suite is for both ends to agree on. */
function tlsOf({ authority, certificate }: ExplainRequest, { maxVersion }: ListenerTlsSnapshot): ClientTls {
  const host = authority.replace(/:\d*$/, '').toLowerCase()
  const serverName = isIP(host.replace(/^\[|\]$/g, '')) === 0 ? host : ''
  return { version: maxVersion, cipher: '', serverName, clientCertificate: certificate }
}
