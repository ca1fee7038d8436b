/** How the head of a request reads once it is written for an endpoint. */
import type { RequestRewrite } from '../http/head-writer.ts'
import { upstreamHost } from '../rewriting/rewrite.ts'
import type { RoutedRequest } from '../routing/request.ts'
import type { Route } from './route.ts'

/** In place of a host: the endpoint's own. */
export const HOST_OF_ENDPOINT = ''

/** `Host` as the route has it; `null` for the client's. @hotpath */
export function hostOfRoute({ host }: Route, request: RoutedRequest): string | null {
  const { hostStart, hostEnd } = request.facts
  if (host.kind === 'keep' && hostEnd > hostStart) return null
  return upstreamHost(host, request) ?? HOST_OF_ENDPOINT
}

/** `target` as `upstreamTarget` gives it, `host` as `hostOfRoute`. @hotpath */
export function requestRewrite(
  { request: { edits, lines } }: Route,
  request: RoutedRequest,
  target: string | null,
  host: string | null,
  endpointHost: string,
): RequestRewrite {
  return {
    forwarding: request.source.forwarding,
    target,
    edits,
    lines: lines === null ? '' : lines.of(request),
    host: host === HOST_OF_ENDPOINT ? endpointHost : host,
    requestId: request.requestId,
  }
}
