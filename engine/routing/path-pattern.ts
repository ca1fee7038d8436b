/** The path of a route by itself: what it matches, and what it catches. Many of them at once are a `PathIndex`. */
import type { PathMatch, PathSegment } from '../snapshot.ts'
import type { Captures } from './captures.ts'
import { compileRegex, type Regex } from './regex.ts'

export interface PathPattern {
  /** As the configuration writes it. */
  readonly text: string
  /** `path` is canonical. */
  matches(path: string): boolean
  /** Of a path that it matches; `null` for a pattern that catches nothing. */
  captures(path: string): Captures | null
}

export function compilePath(match: PathMatch): PathPattern {
  switch (match.kind) {
    case 'exact':
      return new ExactPath(match.path)
    case 'prefix':
    case 'template':
      return new SegmentedPath(segmentsOf(match), match.kind === 'prefix' || match.rest)
    case 'regex':
      return new RegexPath(compileRegex(match.regex))
  }
}

/** What a prefix or a template has between its slashes, without what `/*` stands for. */
export function segmentsOf(match: Extract<PathMatch, { kind: 'prefix' | 'template' }>): readonly PathSegment[] {
  if (match.kind === 'template') return match.segments
  return match.path === '/' ? [] : match.path.slice(1, -1).split('/')
}

class ExactPath implements PathPattern {
  readonly text: string

  constructor(path: string) {
    this.text = path
  }

  matches(path: string): boolean {
    return path === this.text
  }

  captures(): null {
    return null
  }
}

class RegexPath implements PathPattern {
  readonly text: string
  readonly regex: Regex

  constructor(regex: Regex) {
    this.text = `~${regex.source}`
    this.regex = regex
  }

  matches(path: string): boolean {
    return this.regex.test(path)
  }

  captures(path: string): Captures | null {
    return this.regex.match(path)
  }
}

/** Prefixes and templates. */
class SegmentedPath implements PathPattern {
  readonly text: string
  readonly #segments: readonly PathSegment[]
  /** Matches what goes on behind its segments, too. */
  readonly #hasRest: boolean

  constructor(segments: readonly PathSegment[], hasRest: boolean) {
    const written = segments.map(segment => (typeof segment === 'string' ? segment : `{${segment.name}}`))
    this.text = `/${[...written, ...(hasRest ? ['*'] : [])].join('/')}`
    this.#segments = segments
    this.#hasRest = hasRest
  }

  matches(path: string): boolean {
    let at = 1
    for (const segment of this.#segments) {
      const end = segmentEnd(path, at)
      if (at > path.length) return false
      if (typeof segment === 'string' ? path.slice(at, end) !== segment : end === at) return false
      at = end + 1
    }
    return this.#hasRest || at > path.length
  }

  captures(path: string): Captures | null {
    const captures: Record<string, string> = Object.create(null)
    let at = 1
    for (const segment of this.#segments) {
      const end = segmentEnd(path, at)
      if (typeof segment !== 'string') captures[segment.name] = path.slice(at, end)
      at = end + 1
    }
    if (this.#hasRest) captures['*'] = path.slice(at)
    return captures
  }
}

/** Position of the slash behind the segment that begins at `at`, or of the path's end. */
export function segmentEnd(path: string, at: number): number {
  const end = path.indexOf('/', at)
  return end < 0 ? path.length : end
}
