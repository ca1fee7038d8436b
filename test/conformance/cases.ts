import { readdirSync, readFileSync } from 'node:fs'

/** Bytes of a case: latin1 text, or text repeated. */
export type Part = string | { readonly repeat: string; readonly times: number }
export type Parts = string | readonly Part[]
export type OneOrMore<T> = T | readonly T[]

/** A request that the origin must have got. */
export interface ForwardedRequest {
  /** `METHOD target HTTP/1.1` */
  readonly line: Parts
  /** Value of `Host`; absent: `example.com`; `*`: any. */
  readonly host?: OneOrMore<string>
  /** `Name: value`, in this case and this order, others in between. */
  readonly lines?: readonly string[]
  /** By lower-case name: every value, in order. */
  readonly fields?: Readonly<Record<string, readonly string[]>>
  /** Lower-case names that must be there. */
  readonly present?: readonly string[]
  /** Lower-case names that must not be there. */
  readonly absent?: readonly string[]
  /** Absent: none. */
  readonly content?: Parts
  /** All trailer field lines, `Name: value`; absent: none. */
  readonly trailers?: readonly string[]
}

export interface RequestVerdict {
  /** Answered 200 each, in order; nothing else may reach the origin as a request. Absent: nothing may. */
  readonly forwarded?: readonly ForwardedRequest[]
  /** The proxy's own answer after those; 0 for the end of the connection without one. Absent: there is none. */
  readonly status?: OneOrMore<number>
  /** Whether the connection is closed at the end. Absent: after a `status` yes, otherwise no. */
  readonly close?: boolean | 'any'
}

export interface RequestCase {
  readonly name: string
  readonly source: string
  /** The client's version; absent: 1.1. */
  readonly client?: '1.0'
  readonly bytes: Parts
  /** The client sends FIN after the bytes. */
  readonly fin?: boolean
  readonly expect: OneOrMore<RequestVerdict>
}

export type ResponseVerdict =
  /** The proxy's own answer. */
  | { readonly outcome: 'error'; readonly status: OneOrMore<number> }
  /** A head came, and then an end that shows the response is not whole. */
  | { readonly outcome: 'cut'; readonly how?: 'reset' }
  | WholeResponse

export interface WholeResponse {
  readonly outcome: 'ok'
  readonly status: number
  readonly reason?: string
  readonly content?: Parts
  readonly framing?: OneOrMore<'none' | 'content-length' | 'chunked' | 'close'>
  readonly lines?: readonly string[]
  readonly fields?: Readonly<Record<string, readonly string[]>>
  readonly absent?: readonly string[]
  /** All trailer field lines; absent: none. */
  readonly trailers?: readonly string[]
  /** Status codes of the interim responses; absent: none. */
  readonly interim?: readonly number[]
  /** Whether the proxy closes the client's connection. */
  readonly close?: boolean
  /** Whether the origin's connection serves the next request. */
  readonly pooled?: boolean
}

export interface ResponseCase {
  readonly name: string
  readonly source: string
  /** What the client sends; absent: a GET. Its target is `/case`. */
  readonly request?: Parts
  readonly origin: Parts
  /** When the origin sends: on accepting, after the head, or (absent) after the whole request. */
  readonly when?: 'connect' | 'head'
  /** What the origin does after its bytes; absent: keeps the connection. */
  readonly ending?: 'close' | 'reset'
  /** What the origin sends when the client has its response. */
  readonly afterwards?: Parts
  readonly expect: OneOrMore<ResponseVerdict>
}

export interface CaseFile<T> {
  readonly file: string
  readonly about: string
  readonly cases: readonly T[]
}

function load<T>(folder: string): CaseFile<T>[] {
  const url = new URL(`./data/${folder}/`, import.meta.url)
  return readdirSync(url)
    .filter(name => name.endsWith('.json'))
    .sort()
    .map(name => {
      const parsed = JSON.parse(readFileSync(new URL(name, url), 'utf8')) as Omit<CaseFile<T>, 'file'>
      return { file: name.slice(0, -'.json'.length), ...parsed }
    })
}

export const requestFiles: readonly CaseFile<RequestCase>[] = load<RequestCase>('requests')
export const responseFiles: readonly CaseFile<ResponseCase>[] = load<ResponseCase>('responses')

/** Latin1 text of the parts. */
export function textOf(parts: Parts): string {
  if (typeof parts === 'string') return parts
  return parts.map(part => (typeof part === 'string' ? part : part.repeat.repeat(part.times))).join('')
}

export function bytesOf(parts: Parts): Buffer {
  return Buffer.from(textOf(parts), 'latin1')
}

export function listOf<T>(value: OneOrMore<T>): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T]
}

const wholeBytesMax = 2_048
const edgeBytes = 64
const samples = 16

/**
 * The offsets at which a message is split in two: all of them, but of messages past 2 KiB (which repeat one character)
 * those near both ends and some in between, so that the whole stays within a minute.
 */
export function splitOffsets(length: number): number[] {
  const all = Array.from({ length: Math.max(0, length - 1) }, (_, index) => index + 1)
  if (length <= wholeBytesMax) return all
  const step = Math.floor(length / samples)
  return all.filter(offset => offset <= edgeBytes || offset >= length - edgeBytes || offset % step === 0)
}
