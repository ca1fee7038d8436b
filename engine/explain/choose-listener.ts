/** Which listener a URL leads to. */
import type { ListenerSnapshot } from '../snapshot.ts'
import type { ExplainRequest } from './explanation.ts'

export interface ListenerChoice {
  /** Index into `listeners`. */
  readonly index: number
  readonly reason: string
}

/** What a client that is told nothing else dials. */
const DEFAULT_PORTS = { http: 80, https: 443 } as const

const PLAIN_BUT_HTTPS = '; it speaks http, as to a proxy that ends TLS before it'
const SECURE_BUT_HTTP = '; it speaks https: a request in plain text gets no answer there'
const NO_CERTIFICATE = '; it lets nobody in without a certificate'

/** `null` where `request` names one that there is not, or there is none at all. */
export function chooseListener(listeners: readonly ListenerSnapshot[], request: ExplainRequest): ListenerChoice | null {
  const choice = choose(listeners, request)
  const listener = choice === null ? undefined : listeners[choice.index]
  if (choice === null || listener === undefined) return null
  return { ...choice, reason: choice.reason + reservation(listener, request) }
}

/** What would keep the request out, or would have to stand before the listener. */
function reservation({ tls }: ListenerSnapshot, { scheme, certificate }: ExplainRequest): string {
  if (tls === null) return scheme === 'http' ? '' : PLAIN_BUT_HTTPS
  if (scheme === 'http') return SECURE_BUT_HTTP
  return tls.clientAuth.mode === 'require' && certificate === null ? NO_CERTIFICATE : ''
}

function choose(listeners: readonly ListenerSnapshot[], request: ExplainRequest): ListenerChoice | null {
  if (request.listener !== '') {
    const index = listeners.findIndex(({ name }) => name === request.listener)
    return index < 0 ? null : { index, reason: 'as asked for' }
  }
  if (listeners.length === 0) return null
  const port = portOf(request)
  const index = listeners.findIndex(({ address }) => address.kind === 'tcp' && address.port === port)
  if (index >= 0) return { index, reason: `it has port ${port}` }
  if (listeners.length === 1) return { index: 0, reason: 'the only one' }
  return firstOfScheme(listeners, request, port)
}

/** With TLS for https, without it for http, as far as there is such a one. */
function firstOfScheme(
  listeners: readonly ListenerSnapshot[],
  { scheme }: ExplainRequest,
  port: number,
): ListenerChoice {
  const fitting = listeners.findIndex(({ tls }) => (tls !== null) === (scheme === 'https'))
  const isMixed = fitting > 0 || listeners.some(({ tls }) => (tls !== null) !== (scheme === 'https'))
  if (fitting < 0 || !isMixed) return { index: 0, reason: `the first one: none has port ${port}` }
  return { index: fitting, reason: `the first one that speaks ${scheme}: none has port ${port}` }
}

function portOf({ scheme, authority }: ExplainRequest): number {
  const written = /:(\d{1,5})$/.exec(authority)?.[1]
  return written === undefined ? DEFAULT_PORTS[scheme] : Number(written)
}
