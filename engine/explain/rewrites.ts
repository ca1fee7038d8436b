/** What a route changes on the way to its upstream and on the way back, in sentences. */
import { HOST_OF_ENDPOINT } from '../exchange/request-rewrite.ts'
import type { RoutedRequest } from '../routing/request.ts'
import type { FieldEdits, ListenerSnapshot, RouteSnapshot } from '../snapshot.ts'

/** `target` and `host` are as the head of the upstream request has them; `null` where they go as they came. */
export function describeRewrites(
  { path, query, request: edits }: RouteSnapshot,
  request: RoutedRequest,
  target: string | null,
  host: string | null,
): string[] {
  const rewrites: string[] = []
  if (request.pathDiffers) rewrites.push(`path ${request.writtenPath} becomes ${request.path}: its canonical form`)
  if (target !== null && target !== request.path + queryOf(request)) {
    const parts = [...new Set(path.map(({ kind }) => kind)), ...(query === null ? [] : ['query'])]
    const by = parts.map(part => `rewrite.${NAMES[part] ?? part}`).join(', ')
    rewrites.push(`target ${request.target} becomes ${target}: by ${by}`)
  }
  if (host === HOST_OF_ENDPOINT) rewrites.push("Host is the endpoint's own")
  else if (host !== null) rewrites.push(`Host becomes ${host}`)
  return [...rewrites, ...describeEdits(edits)]
}

export function describeResponseEdits({ response }: RouteSnapshot): string[] {
  return describeEdits(response)
}

/** What the listener adds to all responses. */
export function describeStrictTransport({ strictTransportSecurity }: ListenerSnapshot): string {
  return `header strict-transport-security is set: ${strictTransportSecurity}`
}

function queryOf({ target }: RoutedRequest): string {
  const mark = target.indexOf('?')
  return mark < 0 ? '' : target.slice(mark)
}

/** What the configuration calls a change, where that is another word. */
const NAMES: Readonly<Record<string, string>> = { replace: 'path' }

/** In the order in which they are made. */
function describeEdits({ rename, remove, set, add }: FieldEdits): string[] {
  return [
    ...rename.map(([from, to]) => `header ${from} is renamed to ${to}`),
    ...remove.map(name => `header ${name} is removed`),
    ...set.map(([name]) => `header ${name} is set`),
    ...add.map(([name]) => `header ${name} is added`),
  ]
}
