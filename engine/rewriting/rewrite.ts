/**
 * What the upstream is asked for: a route's changes to path, query and host. Nothing here knows of exchanges, so that it can be
 * explained without one.
 */
import { isHost } from '../http/host.ts'
import { ASTERISK_FORM } from '../http/request-facts.ts'
import { canonicalPath } from '../routing/path.ts'
import { compileRegex, takeOverlong } from '../routing/regex.ts'
import type { RoutedRequest } from '../routing/request.ts'
import type { HostRewrite, PathEdit, PathPolicy, QueryEdits, RouteSnapshot, TemplateLine } from '../snapshot.ts'
import { asPath, type CompiledTemplate, compileTemplate, evaluate, onWire } from './template.ts'

type EditPath = (path: string, request: RoutedRequest) => string
type EditQuery = (query: string, request: RoutedRequest) => string

export interface TargetRewrite {
  readonly path: readonly EditPath[]
  /** What comes out of the path may be in any form; else canonical paths remain so. */
  readonly isFree: boolean
  /** `null` for the query as it came. */
  readonly query: EditQuery | null
}

/** `null` where the route changes nothing. Regular expressions have to be prepared (`prepareRegexes`). */
export function compileTargetRewrite({ path, query, name }: RouteSnapshot): TargetRewrite | null {
  if (path.length === 0 && query === null) return null
  return {
    path: path.map(edit => compilePathEdit(edit, name)),
    isFree: path.some(({ kind }) => kind === 'replace' || kind === 'regex'),
    query: query === null ? null : compileQueryEdits(query, name),
  }
}

/** In place of a target: what an edit has made of the path is none, because it would climb. To be answered with 400. */
export const REFUSED_TARGET = ''

/** The target of the upstream request, in origin form; `null` where it goes as it came. @hotpath */
export function upstreamTarget(rewrite: TargetRewrite | null, request: RoutedRequest): string | null {
  if (rewrite === null) return request.pathDiffers ? request.path + queryPart(request) : null
  if (isForServer(request)) return null
  const path = editedPath(rewrite, request)
  if (path === null) return REFUSED_TARGET
  if (rewrite.query === null) return path + queryPart(request)
  const query = rewrite.query(request.query, request)
  return query === '' ? path : `${path}?${query}`
}

/** OPTIONS for the server as a whole: there is no path to be changed. */
function isForServer({ facts, method }: RoutedRequest): boolean {
  return facts.form === ASTERISK_FORM || (method === 'OPTIONS' && facts.pathStart === facts.pathEnd)
}

/** As it came, with its question mark, behind which there may be nothing. */
function queryPart({ target }: RoutedRequest): string {
  const mark = target.indexOf('?')
  return mark < 0 ? '' : target.slice(mark)
}

/** `null` where what comes out is refused. */
function editedPath({ path: edits, isFree }: TargetRewrite, request: RoutedRequest): string | null {
  const canonical = request.path
  let path = canonical
  for (const edit of edits) path = edit(path, request)
  // Half of it is not what the route says.
  if (takeOverlong()) return null
  if (!isFree || PLAIN.test(path)) return path
  return canonicalPath(path, policyForEdited(canonical, request.policy))
}

/** In canonical form whatever the policy, and mostly so: neither encoded bytes nor parameters, no empty or dot segments. */
const PLAIN = /^(?:\/(?!\.)[\w\-.~!$&'()*+,=:@]+)*\/?$/

/**
 * What a query field or an edit brings into a path is bound by what the listener says of paths, too. A dot segment that an
 * edit puts together would climb out of what the edit is for. Empty segments stay where the client has sent some, and may.
 */
function policyForEdited(canonical: string, policy: PathPolicy): PathPolicy {
  return { ...policy, dotSegments: 'refuse', emptySegments: canonical.includes('//') ? 'keep' : 'normalise' }
}

/** Of prefixes, which are in canonical form. */
const AS_WRITTEN: PathPolicy = {
  dotSegments: 'refuse',
  emptySegments: 'keep',
  encodedSlashes: 'keep',
  parameters: 'keep',
}

function compilePathEdit(edit: PathEdit, route: string): EditPath {
  switch (edit.kind) {
    case 'replace': {
      const template = compileTemplate(edit.path, 'path', route)
      return (_path, request) => withSlash(evaluate(template, request))
    }
    case 'strip_prefix': {
      const prefix = prefixOf(edit.prefix)
      return path => (path === prefix ? '/' : path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path)
    }
    case 'add_prefix': {
      const prefix = prefixOf(edit.prefix)
      return path => prefix + path
    }
    case 'regex': {
      const regex = compileRegex(edit.regex)
      const by = onWire(edit.by)
      return path => withSlash(asPath(regex.replaceAll(path, by)))
    }
  }
}

function withSlash(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}

/** In canonical form, without a slash at its end. */
function prefixOf(written: string): string {
  const path = asPath(withSlash(onWire(written)))
  return (canonicalPath(path, AS_WRITTEN) ?? path).replace(/\/+$/, '')
}

function compileQueryEdits(edits: QueryEdits, route: string): EditQuery {
  const gone = new Set([...edits.remove, ...edits.set.map(([name]) => name)].map(decodedName))
  const fields = [...edits.set, ...edits.add].map(line => compileQueryField(line, route))
  return (query, request) => {
    const kept =
      edits.clear || query === '' ? [] : query.split('&').filter(pair => !gone.has(decodedName(nameOf(pair))))
    for (const field of fields) {
      const written = field(request)
      if (written !== '') kept.push(written)
    }
    return kept.join('&')
  }
}

/** Gives `name=value`; empty where the value differs with the request and comes out empty. */
function compileQueryField([name, value]: TemplateLine, route: string): (request: RoutedRequest) => string {
  const template = compileTemplate(value, 'query', route)
  const before = `${compileTemplate(name, 'query', route)}=`
  if (typeof template === 'string') return () => before + template
  return request => {
    const text = template.evaluate(request)
    return text === '' ? '' : before + text
  }
}

function nameOf(pair: string): string {
  const equals = pair.indexOf('=')
  return equals < 0 ? pair : pair.slice(0, equals)
}

/** However a client encodes a name: whoever reads it will take it for the same. */
function decodedName(name: string): string {
  if (!/[%+]/.test(name)) return name
  const decode = (encoded: string) => String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
  return name.replaceAll('+', ' ').replace(/%[\dA-Fa-f]{2}/g, decode)
}

/** A route's `Host`, made ready. */
export type CompiledHost =
  | { readonly kind: 'keep' | 'upstream' }
  | { readonly kind: 'set'; readonly host: string | CompiledTemplate }

/** Throws where it is a text that is no host. */
export function compileHost(host: HostRewrite, route: string): CompiledHost {
  if (host.kind !== 'set') return { kind: host.kind }
  const template = compileTemplate(host.host, 'text', route)
  if (typeof template === 'string' && !isHostText(template)) throw new Error(`${JSON.stringify(template)} is no host`)
  return { kind: 'set', host: template }
}

function isHostText(text: string): boolean {
  return isHost(Buffer.from(text, 'latin1'), 0, text.length)
}

/**
 * What the upstream's `Host` says; `null` for the endpoint's own: where the route says so, where the client has sent none to
 * keep, and where what comes out of a template is no host.
 */
export function upstreamHost(host: CompiledHost, request: RoutedRequest): string | null {
  const { head, facts } = request
  switch (host.kind) {
    case 'upstream':
      return null
    case 'keep':
      return facts.hostEnd > facts.hostStart ? head.text(facts.hostStart, facts.hostEnd) : null
    case 'set': {
      if (typeof host.host === 'string') return host.host
      const text = host.host.evaluate(request)
      return isHostText(text) ? text : null
    }
  }
}
