/** A connection or a datagram as somebody describes it: in a command, in a file of tests, in a program, over a socket. */
import { isIP } from 'node:net'
import type { FlowQuestion } from '../../engine/explain/flow-explanation.ts'
import { quote } from '../config/parsed.ts'
import { RequestSpecError } from './request-spec-error.ts'

export interface FlowDescription {
  /**
   * `tls://db.example.com:443` for a handshake that asks for that name, `tcp://:5432` for a connection of which nothing is known,
   * `udp://:53` for a datagram. The host of the latter two says nothing.
   */
  readonly url: string
  /** Protocols that the handshake offers. Default: none. */
  readonly alpn?: readonly string[]
  /** The client's address. Default: `127.0.0.1`. */
  readonly from?: string
  /** The name of the listener. Default: the one that has the port of the URL. */
  readonly listener?: string
}

const FROM = '127.0.0.1'
const TLS_PORT = 443

/** Whether a URL is one of these, and not one of a request. */
export function isFlowUrl(url: string): boolean {
  return /^(?:tcp|tls|udp):/i.test(url)
}

export function isFlowDescription(value: unknown): value is FlowDescription {
  return typeof value === 'object' && value !== null && 'url' in value && isText(value.url) && isFlowUrl(value.url)
}

/** @throws {RequestSpecError} */
export function readFlowDescription({ url, alpn = [], from = FROM, listener = '' }: FlowDescription): FlowQuestion {
  const parts = /^(tcp|tls|udp):\/\/(\[[^\]/]*\]|[^:/?#\s]*)(?::(\d{1,5}))?\/?$/i.exec(url)
  if (parts === null) throw new RequestSpecError(`${quote(url)} is not like tls://db.example.com:443 or tcp://:5432`)
  const [, written = '', host = '', port] = parts
  const scheme = written.toLowerCase()
  if (port === undefined && scheme !== 'tls' && listener === '') throw new RequestSpecError(`${quote(url)} has no port`)
  if (!isText(from) || isIP(from) === 0) throw new RequestSpecError(`${quote(String(from))} is not an IP address`)
  if (!isText(listener)) throw new RequestSpecError('"listener" must be text')
  if (!Array.isArray(alpn) || !alpn.every(isText)) throw new RequestSpecError('"alpn" must be a list of texts')
  if (alpn.length > 0 && scheme !== 'tls') throw new RequestSpecError(`only tls:// has ALPN, not ${scheme}://`)
  const isName = scheme === 'tls' && host !== '' && !host.startsWith('[') && isIP(host) === 0
  return {
    transport: scheme === 'udp' ? 'udp' : 'tcp',
    port: Number(port ?? TLS_PORT),
    listener,
    from,
    begins: scheme === 'tls' ? 'tls' : 'none',
    serverName: isName ? host.toLowerCase() : '',
    alpn,
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
