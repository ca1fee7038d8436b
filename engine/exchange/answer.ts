/** Answers of the proxy's own: put together once where they are always the same, else for each request. */
import { type CompiledEdits, editFields, formatFields } from '../http/field-edits.ts'
import { statusText } from '../http/status.ts'
import type { MessageEdits, TemplateLines } from '../rewriting/message-edits.ts'
import type { ResponseValues } from '../rewriting/template.ts'
import type { RoutedRequest } from '../routing/request.ts'
import type { FieldLine } from '../snapshot.ts'

export interface StaticAnswer {
  readonly status: number
  /** Status line and field lines up to `Content-Length`; `Connection` and the empty line follow per request. */
  readonly head: Buffer
  /** What the route's changes add for each request; `null` for nothing. */
  readonly lines: TemplateLines | null
  readonly content: Buffer
  readonly hasDate: boolean
  /** `Strict-Transport-Security` stands in it, or the route does not want it. */
  readonly hasStrictTransport: boolean
}

export interface AnswerParts {
  readonly status: number
  readonly fields: readonly FieldLine[]
  readonly content: Uint8Array
}

export const PLAIN_TEXT: FieldLine = ['Content-Type', 'text/plain; charset=utf-8']

export const NO_MESSAGE_EDITS: MessageEdits = { edits: null, lines: null }

/** `changes` are those of the route to its responses. */
export function staticAnswer({ status, fields, content }: AnswerParts, changes: MessageEdits): StaticAnswer {
  const { edits } = changes
  const added = edits === null ? '' : edits.lines.toString('latin1')
  const lines = formatFields(editFields(fields, edits)) + added
  const length = mayHaveContent(status) ? `Content-Length: ${content.length}\r\n` : ''
  return {
    status,
    head: Buffer.from(`HTTP/1.1 ${statusText(status)}\r\n${lines}${length}`, 'latin1'),
    lines: changes.lines,
    content: Buffer.from(content),
    hasDate: hasField('date', edits, lines),
    hasStrictTransport: hasField('strict-transport-security', edits, lines),
  }
}

function hasField(name: string, edits: CompiledEdits | null, lines: string): boolean {
  return (
    edits?.names.has(name) === true ||
    lines
      .toLowerCase()
      .split('\n')
      .some(line => line.startsWith(`${name}: `))
  )
}

/** What clients are told of an error for which there is no page: its status in words. */
export function errorAnswer(status: number, fields: readonly FieldLine[]): StaticAnswer {
  const content = Buffer.from(`${statusText(status)}\n`, 'latin1')
  return staticAnswer({ status, fields: [PLAIN_TEXT, ...fields], content }, NO_MESSAGE_EDITS)
}

/** How long a client is to wait where a circuit is open for `leftMs`. */
export function retryAfter(leftMs: number): FieldLine {
  return ['Retry-After', String(Math.max(1, Math.ceil(leftMs / 1000)))]
}

/** The lines of an answer that differ with the request, each with its CRLF. */
export function linesOf(answer: StaticAnswer, request: RoutedRequest, values: ResponseValues): string {
  return answer.lines === null ? '' : answer.lines.begin(request).finish(values)
}

/** RFC 9110, section 6.4.1. */
export function mayHaveContent(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 304
}
