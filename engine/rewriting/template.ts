/**
 * Templates made ready: text from a request, and from its response where that is known only later. All text here is as on
 * the wire, a character for each byte (Latin-1); what the configuration says in other letters is UTF-8.
 */

import { certificateValues } from '../routing/client-certificate.ts'
import type { RoutedRequest } from '../routing/request.ts'
import { schemeOf } from '../routing/scheme.ts'
import type { CertificatePart, Template, TemplateValue } from '../snapshot.ts'

/**
 * Where the text will stand: a value must never break the syntax around it. `path` and `query` (the value of one of its fields)
 * are parts of a target; `authority`, `uri` (its path, or its fragment) and `uri_query` are parts of a reference; `field` the value of a field line, `html` a page, `json` a string of
 * JSON; in `text` all stands as it is.
 */
export type TemplatePlace = 'field' | 'path' | 'query' | 'uri' | 'uri_query' | 'authority' | 'text' | 'html' | 'json'

/** What is known with the response only; `status` 0 and empty texts where there is none. */
export interface ResponseValues {
  readonly status: number
  readonly upstream: string
  readonly endpoint: string
}

export const NO_RESPONSE: ResponseValues = { status: 0, upstream: '', endpoint: '' }

type OfRequest = (request: RoutedRequest) => string
interface OfResponse {
  readonly of: (response: ResponseValues) => string
}
type Piece = string | OfRequest | OfResponse

/** `route` is the name of the route that the template belongs to. A template without values of a request is a string. */
export function compileTemplate(template: Template, place: TemplatePlace, route: string): string | CompiledTemplate {
  const rules = PLACES[place]
  const pieces: Piece[] = []
  for (const part of typeof template === 'string' ? [template] : template) {
    const piece = typeof part === 'string' ? rules.constant(onWire(part)) : compileValue(part, rules, route)
    const last = pieces.at(-1)
    if (typeof piece === 'string' && typeof last === 'string') pieces[pieces.length - 1] = last + piece
    else pieces.push(piece)
  }
  if (pieces.length === 0) return ''
  const [only] = pieces
  return pieces.length === 1 && typeof only === 'string' ? only : new CompiledTemplate(pieces)
}

/** A template with at least one value that differs with the request. */
export class CompiledTemplate {
  readonly #pieces: readonly Piece[]
  readonly #needsResponse: boolean

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces
    this.#needsResponse = pieces.some(piece => typeof piece === 'object')
  }

  evaluate(request: RoutedRequest, response: ResponseValues = NO_RESPONSE): string {
    let text = ''
    for (const piece of this.#pieces) {
      if (typeof piece === 'string') text += piece
      else text += typeof piece === 'function' ? piece(request) : piece.of(response)
    }
    return text
  }

  /** Takes along what it needs of the request, which is used up before the response comes. */
  begin(request: RoutedRequest): string | PendingTemplate {
    if (!this.#needsResponse) return this.evaluate(request)
    return new PendingTemplate(this.#pieces.map(piece => (typeof piece === 'function' ? piece(request) : piece)))
  }
}

/** A template that waits for the response. */
export class PendingTemplate {
  readonly #pieces: readonly (string | OfResponse)[]

  constructor(pieces: readonly (string | OfResponse)[]) {
    this.#pieces = pieces
  }

  finish(response: ResponseValues): string {
    let text = ''
    for (const piece of this.#pieces) text += typeof piece === 'string' ? piece : piece.of(response)
    return text
  }
}

/** The text of what `compileTemplate` gave. */
export function evaluate(template: string | CompiledTemplate, request: RoutedRequest): string {
  return typeof template === 'string' ? template : template.evaluate(request)
}

function compileValue(value: TemplateValue, rules: PlaceRules, route: string): Piece {
  const { plain, encoded } = rules
  switch (value.kind) {
    case 'route':
      return plain(onWire(route))
    case 'status':
      return { of: ({ status }) => (status === 0 ? '' : String(status)) }
    case 'upstream':
      return { of: ({ upstream }) => plain(onWire(upstream)) }
    case 'endpoint':
      return { of: ({ endpoint }) => plain(onWire(endpoint)) }
    case 'header':
      return request => plain(request.field(value.name) ?? '')
    case 'cookie':
      return request => plain(request.cookieValues(value.name)[0] ?? '')
    case 'query_field':
      return request => encoded(request.queryValues(value.name)[0] ?? '')
    case 'capture':
      return request => encoded(captureOf(request, value.name))
    case 'query': {
      const { whole = encoded } = rules
      return request => whole(request.query)
    }
    case 'host':
    case 'path': {
      const { kind } = value
      return request => encoded(request[kind])
    }
    default: {
      const read = READERS[value.kind]
      return request => plain(read(request))
    }
  }
}

/** Values that are put in as they are. */
type Reader = Exclude<
  TemplateValue['kind'],
  | 'route'
  | 'status'
  | 'upstream'
  | 'endpoint'
  | 'header'
  | 'cookie'
  | 'query_field'
  | 'capture'
  | 'query'
  | 'host'
  | 'path'
>

const READERS: Readonly<Record<Reader, OfRequest>> = {
  client_ip: request => request.clientAddress,
  client_port: request => portOf(request.source.client),
  scheme: schemeOf,
  method: request => request.method,
  request_id: request => request.requestId,
  time: request => new Date(request.startedAtMs).toISOString(),
  listener: request => onWire(request.source.listener),
  tls_version: ({ source }) => onWire(source.forwarding.tls?.version ?? ''),
  tls_cipher: ({ source }) => onWire(source.forwarding.tls?.cipher ?? ''),
  tls_server_name: ({ source }) => onWire(source.forwarding.tls?.serverName ?? ''),
  client_cert_subject: request => certificateText(request, 'subject'),
  client_cert_issuer: request => certificateText(request, 'issuer'),
  client_cert_serial: request => certificateText(request, 'serial'),
  client_cert_fingerprint: request => certificateText(request, 'fingerprint'),
  client_cert_san: request => certificateText(request, 'san'),
}

function certificateText(request: RoutedRequest, part: CertificatePart): string {
  return certificateValues(request, part).join(', ')
}

/** Of `192.0.2.1:5` or `[::1]:5`; empty on a unix socket. */
function portOf(peer: string): string {
  return /^(?:\[.*\]|[^:]*):(\d+)$/.exec(peer)?.[1] ?? ''
}

function captureOf({ captures }: RoutedRequest, name: string): string {
  return captures !== null && Object.hasOwn(captures, name) ? (captures[name] ?? '') : ''
}

/** What a place makes of texts that come into it. */
interface PlaceRules {
  /** What the configuration says itself. */
  constant(text: string): string
  /** A value that is part of a URI, percent-encoded as it came. */
  encoded(text: string): string
  /** Any other value. */
  plain(text: string): string
  /** A query with all its fields, where one can stand there; else it is `encoded`. */
  readonly whole?: (text: string) => string
}

const asItIs = (text: string) => text

/** Neither a line nor a list of lines can come of it (RFC 9110, section 5.5). */
const asFieldContent = (text: string) => text.replace(/[^\t\x20-\x7e\x80-\xff]/g, ' ')

const asHtml = (text: string) => text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)

/** Nor can it be taken for markup where the JSON stands in a page. */
const asJson = (text: string) =>
  decoded(text).replace(
    /[^ !#-%(-;=?-[\]-~]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** As characters, where the bytes are UTF-8; else each for itself. */
function decoded(text: string): string {
  if (IS_ASCII.test(text)) return text
  const characters = Buffer.from(text, 'latin1').toString('utf8')
  return characters.includes('\ufffd') ? text : characters
}

/** Encodes what the pattern finds; a `%` that begins no encoded byte should be in it. */
function encoding(pattern: RegExp): (text: string) => string {
  return text => text.replace(pattern, encodeByte)
}

function encodeByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}

/** What can stand in a path (RFC 3986, section 3.3) stays. */
export const asPath: (text: string) => string = encoding(/[^\w\-.~!$&'()*+,;=:@/%]|%(?![\dA-Fa-f]{2})/g)
/** What can stand in the value of a query field stays. */
const asQueryValue = encoding(/[^\w\-.~!$'()*+,;=:@/?%]|%(?![\dA-Fa-f]{2})/g)
/** What can stand in a reference (RFC 3986, section 4.1) stays. */
const asReference = encoding(/[^\w\-.~!$&'()*+,;=:@/?#[\]%]|%(?![\dA-Fa-f]{2})/g)
const asReferencePart = encoding(/[^\w\-.~!$&'()*+,;=:@/?[\]%]|%(?![\dA-Fa-f]{2})/g)
/** What can stand in a host, or behind it in a port, stays: nothing ends it, and nothing takes it for who logs in. */
const asHost = encoding(/[^\w\-.~!$&'()*+,;=:[\]]/g)
/** Whoever decodes it gets the text again. */
const asSegments = encoding(/[^\w\-.~!$'()*,:@/]/g)

const PLACES: Readonly<Record<TemplatePlace, PlaceRules>> = {
  field: { constant: asFieldContent, encoded: asFieldContent, plain: asFieldContent },
  path: { constant: asPath, encoded: asPath, plain: asSegments },
  query: { constant: asQueryValue, encoded: asQueryValue, plain: asSegments },
  uri: { constant: asReference, encoded: asReferencePart, plain: asSegments },
  uri_query: { constant: asReference, encoded: asQueryValue, plain: asSegments, whole: asReferencePart },
  authority: { constant: asReference, encoded: asHost, plain: asHost },
  text: { constant: asItIs, encoded: asItIs, plain: asItIs },
  html: { constant: asItIs, encoded: asHtml, plain: asHtml },
  json: { constant: asItIs, encoded: asJson, plain: asJson },
}

const IS_ASCII = /^[\0-\x7f]*$/

/** Text of the configuration, or of a header of the PROXY protocol, as bytes, a character each. */
export function onWire(text: string): string {
  return IS_ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}
