import type { Template, TemplateValue } from '../../engine/snapshot.ts'
import { parseToken } from './field.ts'
import { accepted, type Parsed, quote, refused } from './parsed.ts'
import { nearest } from './suggest.ts'

/** Text with values of the request in it: `${client_ip}`, `${header.x-user}`; in paths also `{id}` and `{*}`. */

type PlainKind = Exclude<TemplateValue, { name: string }>['kind']

const REQUEST_VALUES: readonly PlainKind[] = [
  'client_ip',
  'client_port',
  'host',
  'scheme',
  'method',
  'path',
  'query',
  'request_id',
  'time',
  'listener',
  'route',
  'tls_version',
  'tls_cipher',
  'tls_server_name',
  'client_cert_subject',
  'client_cert_issuer',
  'client_cert_serial',
  'client_cert_fingerprint',
  'client_cert_san',
]
/** Known with a response only. */
const RESPONSE_VALUES: readonly PlainKind[] = ['status', 'upstream', 'endpoint']

/** What stands before the dot of a value with a name. */
const NAMED = { header: 'header', query: 'query_field', cookie: 'cookie', path: 'capture' } as const
type NamedPrefix = keyof typeof NAMED

/** What other proxies call these values. */
const FOREIGN_NAMES: Readonly<Record<string, string>> = {
  client_address: 'client_ip',
  client: 'client_ip',
  remote_ip: 'client_ip',
  remote_addr: 'client_ip',
  binary_remote_addr: 'client_ip',
  remote_port: 'client_port',
  src: 'client_ip',
  ip: 'client_ip',
  request_uri: 'path',
  uri: 'path',
  document_uri: 'path',
  args: 'query',
  query_string: 'query',
  request_method: 'method',
  http_host: 'host',
  server_name: 'host',
  hostname: 'host',
  proto: 'scheme',
  msec: 'time',
  time_iso8601: 'time',
  time_local: 'time',
  ssl_protocol: 'tls_version',
  ssl_cipher: 'tls_cipher',
  ssl_server_name: 'tls_server_name',
  ssl_fc_sni: 'tls_server_name',
  ssl_client_s_dn: 'client_cert_subject',
  ssl_client_i_dn: 'client_cert_issuer',
  ssl_client_serial: 'client_cert_serial',
  ssl_client_fingerprint: 'client_cert_fingerprint',
  upstream_addr: 'endpoint',
  upstream_status: 'status',
  status_code: 'status',
}
const FOREIGN_PREFIXES: readonly (readonly [written: RegExp, prefix: NamedPrefix])[] = [
  [/^(?:sent_)?http_(.+)$/, 'header'],
  [/^(?:req(?:uest)?\.)?headers?[._[](.+?)\]?$/, 'header'],
  [/^req\.hdr\((.+)\)$/, 'header'],
  [/^arg_(.+)$/, 'query'],
  [/^(?:req(?:uest)?\.)?(?:args?|params?|query)[.[](.+?)\]?$/, 'query'],
  [/^(?:req(?:uest)?\.)?cookies?[._[](.+?)\]?$/, 'cookie'],
]

/** Where a template stands: what it may ask for. */
export interface TemplateScope {
  /** Whether there is a response yet: in its fields, and in error pages. */
  readonly response: boolean
  /** Whether `{id}` stands for what a segment of the path has caught: in paths. */
  readonly captures: boolean
}

/** A template, its values known. Whether the path of its route has what it names is another matter. */
export function parseTemplate(text: string, scope: TemplateScope): Parsed<Template> {
  const pieces: (string | TemplateValue)[] = []
  let literal = ''
  let at = 0
  while (at < text.length) {
    const opening = openingAt(text, at, scope)
    if (opening === '$${') literal += '${'
    if (opening === '' || opening === '$${') {
      literal += opening === '' ? text[at]! : ''
      at += opening.length || 1
      continue
    }
    const end = text.indexOf('}', at)
    if (end < 0) return unclosed(text, at)
    const name = text.slice(at + opening.length, end)
    if (name.includes('${')) return nested(text.slice(at, end))
    const value = opening === '{' ? parseCapture(name) : parseValue(name, scope)
    if (!value.ok) return value
    if (literal !== '') pieces.push(literal)
    pieces.push(value.value)
    literal = ''
    at = end + 1
  }
  if (pieces.length === 0) return accepted(literal)
  return accepted(literal === '' ? pieces : [...pieces, literal])
}

/** What begins there: a value, `$${` for the text `${`, or nothing. */
function openingAt(text: string, at: number, scope: TemplateScope): '$${' | '${' | '{' | '' {
  if (text.startsWith('$${', at)) return '$${'
  if (text.startsWith('${', at)) return '${'
  return scope.captures && text[at] === '{' ? '{' : ''
}

function unclosed(text: string, at: number): Parsed<never> {
  const hint = text.startsWith('${', at) ? 'close it with "}", or write $${ for the text ${' : 'close it with "}"'
  return refused(`${quote(text.slice(at))} is not closed`, hint, 'template-syntax')
}

function nested(text: string): Parsed<never> {
  return refused(`${quote(text)} has a value inside of a value`, 'write them one behind the other', 'template-syntax')
}

function parseCapture(name: string): Parsed<TemplateValue> {
  if (name === '*' || /^\d+$/.test(name) || CAPTURE_NAME.test(name)) return accepted({ kind: 'capture', name })
  const [, inner] = /^\{\s*(\w+)$/.exec(name) ?? []
  const hint = inner === undefined ? 'a name has letters, digits and "_"' : `did you mean {${inner}}?`
  return refused(`${quote(`{${name}}`)} cannot name a part of the path`, hint, 'template-syntax')
}

/** The name of a segment of a path, or of a group of a regular expression. */
export const CAPTURE_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/

function parseValue(name: string, scope: TemplateScope): Parsed<TemplateValue> {
  const plain = [...REQUEST_VALUES, ...RESPONSE_VALUES].find(known => known === name)
  if (plain !== undefined) {
    if (scope.response || !RESPONSE_VALUES.includes(plain)) return accepted({ kind: plain })
    const hint = 'it is for fields of the response and for error pages'
    return refused(`\${${name}} is not known before there is a response`, hint, 'template-too-early')
  }
  const dot = name.indexOf('.')
  const prefix = dot < 0 ? '' : name.slice(0, dot)
  if (isNamedPrefix(prefix)) return parseNamed(prefix, name.slice(dot + 1))
  return refused(`\${${name}} is no value of a request`, valueHint(name, scope), 'unknown-value')
}

function isNamedPrefix(text: string): text is NamedPrefix {
  return Object.hasOwn(NAMED, text)
}

function parseNamed(prefix: NamedPrefix, name: string): Parsed<TemplateValue> {
  const kind = NAMED[prefix]
  if (kind === 'capture') return parseCapture(name)
  if (name === '') {
    return refused(`\${${prefix}.} names no ${prefix}`, `write \${${prefix}.NAME}`, 'template-syntax')
  }
  if (kind === 'query_field') return accepted({ kind, name })
  const token = parseToken(name, kind === 'header' ? 'a field name' : 'a cookie name')
  if (!token.ok) return { ...token, code: 'template-syntax' }
  return accepted({ kind, name: kind === 'header' ? name.toLowerCase() : name })
}

function valueHint(name: string, { response, captures }: TemplateScope): string {
  if (/^[A-Z][A-Z0-9_]*(:-.*)?$/.test(name)) return 'an environment variable is put in where a file is read'
  if (isNamedPrefix(name)) return `write \${${name}.NAME}`
  const known = response ? [...REQUEST_VALUES, ...RESPONSE_VALUES] : REQUEST_VALUES
  const piped = known.find(value => name.startsWith(value) && /^\s*[|:]/.test(name.slice(value.length)))
  if (piped !== undefined) return `write \${${piped}}: a value is put in as it is`
  const meant = knownAs(name) ?? nearest(name, known)
  if (meant !== null) return `did you mean \${${meant}}?`
  if (captures && CAPTURE_NAME.test(name)) return `did you mean {${name}}?`
  return `known: ${known.join(', ')}, header.NAME, query.NAME, cookie.NAME; path.NAME for {NAME} of the path`
}

/** What is called so elsewhere, such as `remote_addr` and `http_x_user`; `null` for nothing. */
function knownAs(name: string): string | null {
  const lower = name.toLowerCase()
  if (Object.hasOwn(FOREIGN_NAMES, lower)) return FOREIGN_NAMES[lower] ?? null
  for (const [written, prefix] of FOREIGN_PREFIXES) {
    const match = written.exec(lower)
    if (match !== null) return `${prefix}.${prefix === 'header' ? match[1]!.replaceAll('_', '-') : match[1]}`
  }
  return null
}

/** The text of a template that does not differ from request to request, piece by piece. */
export function literalsOf(template: Template): string[] {
  return typeof template === 'string' ? [template] : template.filter(piece => typeof piece === 'string')
}

/** What it takes from the path of the request. */
export function capturesIn(template: Template): string[] {
  if (typeof template === 'string') return []
  return template.flatMap(piece => (typeof piece !== 'string' && piece.kind === 'capture' ? [piece.name] : []))
}

/** The template with every value made `text`: what it may look like. */
export function filledWith(template: Template, text: string): string {
  if (typeof template === 'string') return template
  return template.map(piece => (typeof piece === 'string' ? piece : text)).join('')
}

/** Text that seems to mean a value although nothing is put in for it, and what is written instead. */
export interface SeemingValue {
  readonly written: string
  readonly meant: string
}

/** What other proxies write: `$remote_addr`, `%{host}`, `{{host}}`; and `${client_ip}`, which is only a value in templates. */
const SEEMING =
  /(?<!\$)\$(?:\{(?<braced>[a-z_.-]+)\}|(?<bare>[a-z_][a-z0-9_]*))|(?:%\{|%\[|\{\{)\s*(?<other>[a-z_.()-]+?)\s*(?:\}\}|[}\]])/gi

/** `templates`: whether the text is a template, where `${client_ip}` is one. */
export function seemingValues(text: string, templates: boolean): SeemingValue[] {
  const found: SeemingValue[] = []
  for (const { 0: written, groups = {} } of text.matchAll(SEEMING)) {
    const { braced, bare, other } = groups
    const name = (braced ?? bare ?? other ?? '').toLowerCase()
    const known = [...REQUEST_VALUES, ...RESPONSE_VALUES].some(value => value === name)
    const meant = known ? name : knownAs(name)
    if (meant === null || (templates && braced !== undefined)) continue
    found.push({ written, meant: `\${${meant}}` })
  }
  return found
}

/**
 * Captures of a path that a template seems to mean although they are not put in: `$1`, `:id` and a final `*` in paths, `{id}`
 * elsewhere. `captures` are what there is to be meant.
 */
export function seemingCaptures(text: string, scope: TemplateScope, captures: readonly string[]): SeemingValue[] {
  const pattern = scope.captures
    ? /(?<!\$)\$(\d)(?!\d)|(?<=\/):([A-Za-z_]\w*)|(?<=\/)(\*)$/g
    : /(?<![${])\{([A-Za-z_]\w*)\}/g
  return [...text.matchAll(pattern)].flatMap(([written, ...groups]): SeemingValue[] => {
    const name = groups.find(group => group !== undefined) ?? ''
    if (!captures.includes(name)) return []
    return [{ written, meant: scope.captures ? `{${name}}` : `\${path.${name}}` }]
  })
}
