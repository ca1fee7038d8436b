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

/** None of them ends TLS. */
const OF_HTTPS = '; it speaks http, as to a proxy that ends TLS before it'

/** `null` where `request` names one that there is not, or there is none at all. */
export function chooseListener(listeners: readonly ListenerSnapshot[], request: ExplainRequest): ListenerChoice | null {
  const choice = choose(listeners, request)
  if (choice === null || request.scheme === 'http') return choice
  return { ...choice, reason: choice.reason + OF_HTTPS }
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
  return { index: 0, reason: `the first one: none has port ${port}` }
}

function portOf({ scheme, authority }: ExplainRequest): number {
  const written = /:(\d{1,5})$/.exec(authority)?.[1]
  return written === undefined ? DEFAULT_PORTS[scheme] : Number(written)
}
