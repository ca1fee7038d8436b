/** What a request is spread by, where a balancer or a split keeps equal keys together. */
import type { RoutedRequest } from '../routing/request.ts'
import type { HashKeySource } from '../snapshot.ts'

/** `null` as source is the client's address, too: of `ip_hash`. Empty where the request has no such thing. */
export function hashKey(source: HashKeySource | null, request: RoutedRequest): string {
  if (source === null) return request.clientAddress
  switch (source.kind) {
    case 'client_ip':
      return request.clientAddress
    case 'path':
      return request.path
    case 'header':
      return request.field(source.name) ?? ''
    case 'cookie':
      return request.cookieValues(source.name)[0] ?? ''
    case 'query':
      return request.queryValues(source.name)[0] ?? ''
  }
}
