import { canonicalPath } from '../../engine/routing/path.ts'
import type { PathMatch, PathPolicy, PathSegment, Template } from '../../engine/snapshot.ts'
import { accepted, type Parsed, quote, refused } from './parsed.ts'
import { parseMarkedRegex } from './regex.ts'
import { CAPTURE_NAME, filledWith, literalsOf, parseTemplate } from './template.ts'

/** Paths as a configuration writes them: patterns of `match.path`, and what rewrites make of a path. */

/** What listeners do with the paths of requests unless they are told otherwise. */
export const DEFAULT_PATHS: PathPolicy = {
  dotSegments: 'normalise',
  emptySegments: 'normalise',
  encodedSlashes: 'keep',
  parameters: 'keep',
}

/** RFC 3986, section 3.3: what `pchar` and `/` allow unescaped, `*` aside. */
const PLAIN = /^[A-Za-z0-9\-._~!$&'()+,;=:@/]$/

const SEGMENT_NAME = /\{([^{}/]*)\}/g

/** Exact, with `{name}` segments, with a trailing `/*` for a prefix, or `~` and a regular expression. */
export function parsePathPattern(text: string): Parsed<PathMatch> {
  if (text.startsWith('~')) {
    const regex = parseMarkedRegex(text)
    return regex.ok ? accepted({ kind: 'regex', regex: regex.value }) : regex
  }
  if (!text.startsWith('/')) return refused(`${quote(text)} must start with "/"`, leadingHint(text), 'wrong-path')
  const rest = text.endsWith('/*')
  const path = rest ? text.slice(0, -1) : text
  const problem = checkNames(text) ?? checkPath(text, path.replaceAll(SEGMENT_NAME, 'x'))
  if (problem !== null) return problem
  if (!path.includes('{')) return checkForm(text, path) ?? accepted({ kind: rest ? 'prefix' : 'exact', path })
  return checkForm(text, path) ?? accepted({ kind: 'template', segments: segmentsOf(path, rest), rest })
}

function leadingHint(text: string): string {
  const url = /^[a-z][a-z0-9+.-]*:\/\/[^/]*(\/.*)?$/i.exec(text)
  if (url !== null) return `the host has a key of its own, "host"; write ${quote(url[1] ?? '/')} here`
  const ending = /^\*\.(\w+)$/.exec(text)?.[1]
  if (ending !== undefined) return `did you mean ${quote(`~[.]${ending}$`)}?`
  const plainPrefix = /^\^~\s*(\/.*?)\/*$/.exec(text)?.[1]
  if (plainPrefix !== undefined) return `did you mean ${quote(`${plainPrefix.replace(/\/$/, '')}/*`)}?`
  if (text.startsWith('@')) return 'a route that others fall back to has a "name", and any path'
  if (text.startsWith('^')) return `did you mean ${quote(`~${text}`)}?`
  if (/^[=*]/.test(text)) return `did you mean ${quote(`/${text.replace(/^[=*\s/]*/, '') || '*'}`)}?`
  return `did you mean ${quote(`/${text}`)}?`
}

function segmentsOf(path: string, rest: boolean): PathSegment[] {
  const segments = (rest ? path.slice(0, -1) : path).slice(1).split('/')
  return segments.map(segment => (segment.startsWith('{') ? { name: segment.slice(1, -1) } : segment))
}

function checkNames(text: string): Parsed<never> | null {
  const names = new Set<string>()
  for (const segment of text.split('/')) {
    if (!/[{}]/.test(segment)) continue
    const name = /^\{(.*)\}$/.exec(segment)?.[1]
    if (name === undefined || /[{}]/.test(name)) {
      const hint = 'a part of a segment is matched by a regular expression: ~^/...'
      return refused(`${quote(segment)} is not a {name} that stands for a whole segment`, hint, 'wrong-path')
    }
    if (!CAPTURE_NAME.test(name)) return refusedName(segment, name)
    if (names.has(name)) return refused(`${quote(text)} has {${name}} twice`, 'give them two names', 'wrong-path')
    names.add(name)
  }
  return null
}

function refusedName(segment: string, name: string): Parsed<never> {
  const wrong = (message: string, hint: string) => refused(`${quote(segment)} ${message}`, hint, 'wrong-path')
  if (name === '') return wrong('has no name', 'such as {id}')
  if (/^\*|[*]$|[.]{3}$/.test(name))
    return wrong('is no name of one segment', 'a trailing /* takes the rest of the path')
  if (/^\w{65,}$/.test(name)) return wrong('has a name that is too long', 'a name has at most 64 characters')
  const message = 'has a name that is not made of letters, digits and "_", or begins with a digit'
  const [, before] = /^([A-Za-z_]\w*)[:=]/.exec(name) ?? []
  if (before !== undefined) return wrong(message, `write {${before}}, or a regular expression: ~^/...`)
  const plain = name.replaceAll(/\W+/g, '_').replace(/^(?=\d)/, '_')
  return wrong(message, /[a-z]/i.test(plain) ? `did you mean {${plain}}?` : '')
}

function checkPath(text: string, path: string): Parsed<never> | null {
  for (let index = 0; index < path.length; index++) {
    const character = path[index]!
    if (PLAIN.test(character)) continue
    if (character === '%' && /^%[0-9A-Fa-f]{2}$/.test(path.slice(index, index + 3))) continue
    return refusedCharacter(text, character)
  }
  return null
}

/** Requests are matched by their path in canonical form; a pattern in any other would never match. */
function checkForm(text: string, path: string): Parsed<never> | null {
  // Names of segments are no part of what is canonical; "x" stands for them and is put back in the hint.
  const names = [...path.matchAll(SEGMENT_NAME)].map(([written]) => written)
  const canonical = canonicalPath(path.replaceAll(SEGMENT_NAME, STAND_IN), DEFAULT_PATHS)
  if (canonical === null) {
    const message = `${quote(text)} cannot be the path of a request: such paths are refused`
    return refused(message, '', 'path-not-canonical')
  }
  const form = canonical.replaceAll(STAND_IN, () => names.shift() ?? '')
  if (form === path) return null
  const message = `${quote(text)} would never match: paths are compared in their canonical form`
  return refused(message, `write ${quote(form + text.slice(path.length))}`, 'path-not-canonical')
}

const STAND_IN = '~-~'

function refusedCharacter(text: string, character: string): Parsed<never> {
  const wrong = (message: string, hint = '') => refused(`${quote(text)} ${message}`, hint, 'wrong-path')
  switch (character) {
    case '*':
      return wrong('has "*" where only a final "/*" may stand', starHint(text))
    case '?':
      return wrong('has a query; a path ends before "?"', 'match.query has conditions on it')
    case '#':
      return wrong('has a fragment; a path ends before "#"')
    case '%':
      return wrong('has "%" without two hexadecimal digits', 'a percent sign itself is %25')
    case '{':
    case '}':
      return wrong(`has a ${quote(character)} without its counterpart`, 'a brace itself is %7B or %7D')
    default:
      return wrong(`has ${quote(character)}, which must be percent-encoded`, namedHint(text) || encodedHint(text))
  }
}

function starHint(text: string): string {
  const prefix = text.replace(/(?:\/\.\*|\/\(\.\*\)|\/?\*+)$/, '')
  if (/[*()]|\.$/.test(prefix)) return 'one segment is {name}; anything else is a regular expression: ~^/...'
  return `did you mean ${quote(`${prefix}/*`)}?`
}

/** Where characters of expressions stand, and where segments are named as elsewhere: `<id>`. */
function namedHint(text: string): string {
  const named = text.replaceAll(/<(?:\w+:)?([A-Za-z_]\w*)>/g, '{$1}')
  if (named !== text) return `did you mean ${quote(named)}?`
  return /[[\]\\|^]/.test(text) ? `a regular expression begins with "~": ${quote(`~^${text.replace(/^\^/, '')}`)}` : ''
}

function encodedHint(text: string): string {
  // A lone surrogate has no encoding; the message alone must do.
  return text.isWellFormed() ? `write ${quote(encodeURI(text))}` : ''
}

/** A path that is put together, such as `/users/{id}`: in canonical form, too, as it goes upstream as it is. */
export function parsePathTemplate(text: string): Parsed<Template> {
  const template = parseTemplate(text, { response: false, captures: true })
  if (!template.ok) return template
  const literal = literalsOf(template.value).join('')
  const first = typeof template.value === 'string' ? template.value : template.value[0]
  const begins = typeof first === 'string' ? first.startsWith('/') : first?.kind === 'path'
  if (!begins) return refused(`${quote(text)} must start with "/"`, `did you mean ${quote(`/${text}`)}?`, 'wrong-path')
  return checkLiteral(text, literal) ?? checkRewritten(text, template.value) ?? template
}

function checkLiteral(text: string, literal: string): Parsed<never> | null {
  if (literal.includes('?')) {
    const hint = 'rewrite.query changes the query'
    return refused(`${quote(text)} has a query; a path ends before "?"`, hint, 'wrong-path')
  }
  // Upstream "*" is a character like others.
  return checkPath(text, literal.replaceAll('*', ''))
}

function checkRewritten(text: string, template: Template): Parsed<never> | null {
  const filled = filledWith(template, STAND_IN)
  const path = filled.startsWith('/') ? filled : `/${filled}`
  const canonical = canonicalPath(path, DEFAULT_PATHS)
  if (canonical === path) return null
  const plain = typeof template === 'string' && canonical !== null
  const message = `${quote(text)} is not in the canonical form of paths, in which paths go upstream`
  return refused(message, plain ? `write ${quote(canonical)}` : '', 'path-not-canonical')
}

/** For editors: a beginning of paths, without a wildcard. */
export const PREFIX_PATTERN = '^/[^*?#]+$'

/** What is taken off the front of paths, or put there: whole segments. Comes back without a slash at the end. */
export function parsePathPrefix(text: string): Parsed<string> {
  if (!text.startsWith('/')) return refused(`${quote(text)} must start with "/"`, leadingHint(text), 'wrong-path')
  if (text.endsWith('/*')) {
    const hint = `write ${quote(text.slice(0, -2) || '/')}`
    return refused(`${quote(text)} is a pattern; a prefix is its beginning alone`, hint, 'wrong-path')
  }
  const prefix = text.replace(/\/$/, '')
  if (prefix === '')
    return refused('"/" is the beginning of every path, and would change none', 'leave it out', 'wrong-path')
  return checkPath(text, prefix) ?? checkForm(text, prefix) ?? accepted(prefix)
}

/** What a pattern catches: names that templates may ask for. */
export function capturesOf(match: PathMatch): string[] {
  switch (match.kind) {
    case 'exact':
    case 'regex':
      return []
    case 'prefix':
      return ['*']
    case 'template':
      return [
        ...match.segments.flatMap(segment => (typeof segment === 'string' ? [] : [segment.name])),
        ...(match.rest ? ['*'] : []),
      ]
  }
}
