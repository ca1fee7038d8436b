/** The host of a route by itself. Many of them at once are the router's. */
import type { HostPattern } from '../snapshot.ts'
import { compileRegex } from './regex.ts'

export interface CompiledHost {
  /** As the configuration writes it. */
  readonly text: string
  /** `host` is in lower case, without port. */
  matches(host: string): boolean
}

export function compileHost(pattern: HostPattern): CompiledHost {
  if (typeof pattern !== 'string') {
    const regex = compileRegex(pattern.regex)
    return { text: `~${pattern.regex}`, matches: host => regex.test(host) }
  }
  if (!isWildcard(pattern)) return { text: pattern, matches: host => host === pattern }
  const suffix = pattern.slice(1)
  return { text: pattern, matches: host => host.length > suffix.length && host.endsWith(suffix) }
}

/** `*.example.com`, for any labels before it. */
export function isWildcard(pattern: string): boolean {
  return pattern.startsWith('*.')
}
