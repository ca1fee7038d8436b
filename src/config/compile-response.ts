import type { ErrorPageSnapshot, FieldLine } from '../../engine/snapshot.ts'
import type { ConfigurationModel } from './schema.ts'

/** A response of our own as a configuration writes it. */
type ResponseModel = NonNullable<ConfigurationModel['routes'][number]['respond']>

export interface CompiledResponse {
  readonly kind: 'respond'
  readonly status: number
  readonly fields: readonly FieldLine[]
  readonly content: Uint8Array
}

const DEFAULT_TYPE: FieldLine = ['content-type', 'text/plain; charset=utf-8']

export function compileResponse({ status, body, headers }: ResponseModel): CompiledResponse {
  return { kind: 'respond', status, fields: withType(headers, body !== ''), content: new TextEncoder().encode(body) }
}

export function compileErrorPages(pages: ConfigurationModel['error_pages']): ErrorPageSnapshot[] {
  return pages.map(({ status, intercept, respond }) => ({
    statuses: status,
    intercepts: intercept,
    status: respond.status ?? 0,
    fields: withType(respond.headers, respond.body !== ''),
    content: respond.body,
  }))
}

function withType(headers: ResponseModel['headers'], hasContent: boolean): FieldLine[] {
  const fields: FieldLine[] = Object.entries(headers)
  const typed = fields.some(([name]) => name.toLowerCase() === 'content-type')
  // Without content there is nothing that could have a type (RFC 9110, section 8.3).
  return typed || !hasContent ? fields : [...fields, DEFAULT_TYPE]
}
