/** A request as somebody describes it: in a command, in a file of tests, in a program, over a socket. */
import { isIP } from 'node:net'
import type { ExplainRequest } from '../../engine/explain/explanation.ts'
import { quote } from '../config/parsed.ts'
import { areCertificateParts, type CertificateDescription, readCertificateDescription } from './certificate-spec.ts'
import { RequestSpecError } from './request-spec-error.ts'

/** A request, with everything that `explain` may want to know of it. */
export interface RequestDescription {
  /** Default: `GET`. */
  readonly method?: string
  /** E.g. `https://api.example.com/v1/users/7?x=1`: taken as it is written, nothing is normalised. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | readonly (readonly [string, string])[]
  /** The client's address. Default: `127.0.0.1`. */
  readonly from?: string
  /** The name of the listener. Default: the one that has the port of the URL. */
  readonly listener?: string
  /** What the client has shown, to a listener that asks for it. Default: none. */
  readonly certificate?: CertificateDescription
}

export { RequestSpecError } from './request-spec-error.ts'

const FROM = '127.0.0.1'

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** What a target may be written with; whether it makes sense is the matter of the listener. */
const TARGET = /^[\x21-\x7e\x80-\xff]+$/
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** `GET https://api.example.com/v1/users/7`; the method may be missing. @throws {RequestSpecError} */
export function parseRequestLine(text: string): Pick<RequestDescription, 'method' | 'url'> {
  const words = text.trim().split(/\s+/)
  const [first = '', second] = words
  if (words.length > 2 || first === '') throw new RequestSpecError(`${quote(text)} is not METHOD URL`)
  return second === undefined ? { url: first } : { method: first, url: second }
}

/** `name: value`. @throws {RequestSpecError} */
export function parseFieldLine(line: string): readonly [string, string] {
  const colon = line.indexOf(':')
  if (colon < 0) throw new RequestSpecError(`${quote(line)} is not a field such as 'x-version: 2'`)
  return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()]
}

/** @throws {RequestSpecError} */
export function readDescription(description: RequestDescription): ExplainRequest {
  const { method = 'GET', url, headers = [], from = FROM, listener = '', certificate } = description
  if (!TOKEN.test(method)) throw new RequestSpecError(`${quote(method)} is not a method`)
  if (isIP(from) === 0) throw new RequestSpecError(`${quote(from)} is not an IP address`)
  const shown = certificate === undefined ? null : readCertificateDescription(certificate)
  return { method, ...parseUrl(url), fields: fieldsOf(headers).map(checkField), from, listener, certificate: shown }
}

/** The same of what may be anything. @throws {RequestSpecError} */
export function readUnknownDescription(value: unknown): ExplainRequest {
  if (!isMap(value)) throw new RequestSpecError('the request must be an object with a "url"')
  const { method, url, headers, from, listener, certificate } = value
  for (const [key, text] of Object.entries({ method, from, listener })) {
    if (text !== undefined && typeof text !== 'string') throw new RequestSpecError(`"${key}" must be text`)
  }
  if (typeof url !== 'string') throw new RequestSpecError('"url" must be a URL such as http://api.example.com/v1/users')
  if (headers !== undefined && !areHeaders(headers)) {
    throw new RequestSpecError('"headers" must be names with a text or a list of texts each, or pairs of both')
  }
  if (certificate !== undefined && !areCertificateParts(certificate)) {
    throw new RequestSpecError(
      '"certificate" must have texts at "subject", "issuer", "serial", "fingerprint" and "san"',
    )
  }
  const given = Object.entries({ method, url, headers, from, listener, certificate }).filter(
    ([, one]) => one !== undefined,
  )
  return readDescription(Object.fromEntries(given) as unknown as RequestDescription)
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function areHeaders(value: unknown): value is NonNullable<RequestDescription['headers']> {
  const isText = (one: unknown) => typeof one === 'string'
  if (Array.isArray(value)) return value.every(pair => Array.isArray(pair) && pair.length === 2 && pair.every(isText))
  return isMap(value) && Object.values(value).every(one => isText(one) || (Array.isArray(one) && one.every(isText)))
}

function fieldsOf(headers: NonNullable<RequestDescription['headers']>): readonly (readonly [string, string])[] {
  if (Array.isArray(headers)) return headers
  return Object.entries(headers as Readonly<Record<string, string | readonly string[]>>).flatMap(([name, values]) =>
    [values].flat().map(value => [name, value] as const),
  )
}

/** Not by `URL`: that would undo just the spellings that somebody wants to be told about. */
function parseUrl(url: string): Pick<ExplainRequest, 'scheme' | 'authority' | 'target'> {
  const parts = /^(https?):\/\/([^/?#\s]+)([^#\s]*)(?:#\S*)?$/i.exec(url)
  if (parts === null) {
    throw new RequestSpecError(`${quote(url)} is not a URL such as http://api.example.com/v1/users`)
  }
  const [, scheme = '', authority = '', rest = ''] = parts
  const target = onTheWire(rest.startsWith('/') ? rest : `/${rest}`)
  if (!TARGET.test(target)) throw new RequestSpecError(`${quote(rest)} has characters that a request line cannot have`)
  if (authority.includes('@')) throw new RequestSpecError(`${quote(authority)} has a user name, which no request has`)
  return { scheme: scheme.toLowerCase() as 'http' | 'https', authority: onTheWire(authority), target }
}

function checkField([name, value]: readonly [string, string]): readonly [string, string] {
  if (!TOKEN.test(name)) throw new RequestSpecError(`${quote(name)} is not a name of a field`)
  const written = onTheWire(value)
  if (!FIELD_VALUE.test(written)) {
    throw new RequestSpecError(`the value of ${quote(name)} has characters that no field has`)
  }
  return [name, written]
}

/** One character per byte of UTF-8. */
function onTheWire(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
