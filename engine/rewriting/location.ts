/**
 * Where a redirect leads. What a client has sent gets into it only percent-encoded, by the part that it stands in, and never
 * names a host where the configuration does not: what begins with a path, or with a value of the request, comes out as a path
 * with one slash in front (`//evil.example` is a host to a browser), and a value within a host cannot end it
 * (`https://evil.example/.b.example`).
 */

import type { RoutedRequest } from '../routing/request.ts'
import type { Template, TemplateValue } from '../snapshot.ts'
import { type CompiledTemplate, compileTemplate, evaluate } from './template.ts'

type Parts = readonly (string | TemplateValue)[]
type Pair = readonly [before: Parts, behind: Parts]

export class Location {
  /** Scheme and authority, as far as there are any. */
  readonly #origin: string | CompiledTemplate
  readonly #path: string | CompiledTemplate
  readonly #query: string | CompiledTemplate
  readonly #fragment: string | CompiledTemplate
  readonly #isPath: boolean

  /** `route` is the name of the route whose redirect it is. */
  constructor(to: Template, route: string) {
    const parts = typeof to === 'string' ? [to] : to
    const [origin, rest] = splitAtPath(parts)
    const [path, behind] = splitBefore(rest, /[?#]/)
    const [query, fragment] = splitBefore(behind, /#/)
    this.#origin = compileTemplate(origin, 'authority', route)
    this.#path = compileTemplate(path, 'uri', route)
    this.#query = compileTemplate(query, 'uri_query', route)
    this.#fragment = compileTemplate(fragment, 'uri', route)
    this.#isPath = isPath(parts[0])
  }

  of(request: RoutedRequest): string {
    const origin = evaluate(this.#origin, request)
    const rest = evaluate(this.#path, request) + evaluate(this.#query, request) + evaluate(this.#fragment, request)
    if (this.#isPath) return rest.replace(/^\/*/, '/')
    return origin === '' || rest === '' || BEGINS_PATH.test(rest) ? origin + rest : `${origin}/${rest}`
  }
}

/** A scheme and an authority, as far as they go (RFC 3986, section 3). */
const ORIGIN = /^(?:[a-z][a-z0-9+.-]*:)?\/\/[^/?#]*/i

/** Nothing of an authority goes on with it. */
const BEGINS_PATH = /^[/?#]/

/** What a client may have in a request as he likes. */
const CHOSEN: ReadonlySet<string> = new Set(['capture', 'header', 'query_field', 'cookie', 'query'])

/** It begins with one slash, or with a value that takes the place of one. */
function isPath(first: string | TemplateValue | undefined): boolean {
  if (typeof first === 'string') return /^\/(?!\/)/.test(first)
  return first !== undefined && first.kind !== 'scheme'
}

/** Scheme and authority, and what stands behind them; the former are empty where there are none. */
function splitAtPath(to: Parts): Pair {
  // Values stand for what they are likely to be there: a scheme, the end of a host or of a port.
  let outline = ''
  for (const [index, part] of to.entries()) {
    if (typeof part === 'string') {
      const end = authorityEnd(outline + part) - outline.length
      if (end < part.length) return splitWithin(to, index, end)
      outline += part
    } else {
      if (endsAuthority(outline, part, to[index + 1])) return [to.slice(0, index), to.slice(index)]
      outline += 'x'
    }
  }
  return ORIGIN.test(outline) ? [to, []] : [[], to]
}

/** Past the end of the text where it has none (yet). */
function authorityEnd(text: string): number {
  return ORIGIN.exec(text)?.[0].length ?? Number.POSITIVE_INFINITY
}

/**
 * `https://b.example{*}` means a path: else clients could choose another host (`https://b.example.evil.example`). In
 * `https://shop{id}.b.example` the value is a part of the host.
 */
function endsAuthority(before: string, value: TemplateValue, next: string | TemplateValue | undefined): boolean {
  if (authorityEnd(before) !== before.length || before.endsWith('//')) return false
  if (value.kind === 'path') return true
  if (!CHOSEN.has(value.kind) || !/[a-z0-9\]]$/i.test(before)) return false
  const isRest = value.kind === 'capture' && value.name === '*'
  return isRest || typeof next !== 'string' || BEGINS_PATH.test(next)
}

/** Before the first match in a text of the configuration. */
function splitBefore(parts: Parts, pattern: RegExp): Pair {
  for (const [index, part] of parts.entries()) {
    const at = typeof part === 'string' ? part.search(pattern) : -1
    if (at >= 0) return splitWithin(parts, index, at)
  }
  return [parts, []]
}

/** At a position in the text that is `parts[index]`. */
function splitWithin(parts: Parts, index: number, at: number): Pair {
  const text = String(parts[index])
  return [
    [...parts.slice(0, index), text.slice(0, at)],
    [text.slice(at), ...parts.slice(index + 1)],
  ]
}
