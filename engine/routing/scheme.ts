import type { RoutedRequest } from './request.ts'

/** How the client has come: behind a trusted proxy what that says of it. */
export function schemeOf(request: RoutedRequest): string {
  const { forwarding } = request.source
  const told = forwarding.trusted ? (request.field('x-forwarded-proto') ?? '').toLowerCase() : ''
  return told === 'http' || told === 'https' ? told : forwarding.scheme
}
