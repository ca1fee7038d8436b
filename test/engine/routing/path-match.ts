import type { PathMatch } from '../../../engine/snapshot.ts'

/** A pattern as the configuration writes it: exact, `/x/*`, `{name}`, `~expression`. */
export function pathMatch(text: string): PathMatch {
  if (text.startsWith('~')) return { kind: 'regex', regex: text.slice(1) }
  const rest = text.endsWith('/*')
  const path = rest ? text.slice(0, -1) : text
  if (!path.includes('{')) return rest ? { kind: 'prefix', path } : { kind: 'exact', path }
  const segments = (rest ? path.slice(1, -1) : path.slice(1)).split('/')
  return {
    kind: 'template',
    segments: segments.map(segment => (segment.startsWith('{') ? { name: segment.slice(1, -1) } : segment)),
    rest,
  }
}
