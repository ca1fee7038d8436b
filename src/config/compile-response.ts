import type { FieldLine } from '../../engine/snapshot.ts'
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
  const fields = Object.entries(headers) as FieldLine[]
  const typed = fields.some(([name]) => name.toLowerCase() === 'content-type')
  // Without content there is nothing that could have a type (RFC 9110, section 8.3).
  const withType: FieldLine[] = typed || body === '' ? fields : [...fields, DEFAULT_TYPE]
  return { kind: 'respond', status, fields: withType, content: new TextEncoder().encode(body) }
}
