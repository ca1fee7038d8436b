/** Answers of the proxy's own, as the client gets them. */
import { errorAnswer, linesOf, type StaticAnswer } from '../exchange/answer.ts'
import type { ErrorPages } from '../exchange/error-pages.ts'
import { ERRORS, type ErrorCode } from '../exchange/errors.ts'
import { callError } from '../exchange/grpc/answer.ts'
import { callOf } from '../exchange/grpc/call.ts'
import type { MessageEdits } from '../rewriting/message-edits.ts'
import { NO_RESPONSE, type ResponseValues } from '../rewriting/template.ts'
import type { RoutedRequest } from '../routing/request.ts'
import type { FieldLine } from '../snapshot.ts'
import type { ExplainedAnswer } from './explanation.ts'
import { parseHead } from './parse-head.ts'

/** An error, which `fields` belong to. */
export interface FailedExchange {
  readonly code: ErrorCode
  readonly fields: readonly FieldLine[]
  /** The upstream that the request was for; empty for none. */
  readonly upstream: string
}

export function explainAnswer(
  answer: StaticAnswer,
  request: RoutedRequest,
  values: Omit<ResponseValues, 'status'> = NO_RESPONSE,
): ExplainedAnswer {
  const { status } = answer
  const { fields } = parseHead(answer.head.toString('latin1') + linesOf(answer, request, { ...values, status }))
  const byName: Record<string, string> = {}
  for (const [name, value] of fields) {
    const lower = name.toLowerCase()
    byName[lower] = byName[lower] === undefined ? value : `${byName[lower]}, ${value}`
  }
  return { status, fields: byName }
}

/**
 * By the page that there is for it, else in a few words; a call of gRPC in its own. `changes` are those of the route to its
 * responses.
 */
export function explainError(
  { code, fields, upstream }: FailedExchange,
  pages: ErrorPages | null,
  changes: MessageEdits,
  request: RoutedRequest,
): ExplainedAnswer {
  const { status } = ERRORS[code]
  const call = callOf(request)
  if (call !== null) return explainAnswer(callError(call, code, fields, changes), request, { upstream, endpoint: '' })
  const page = pages?.ownOf(status) ?? null
  if (page === null) return explainAnswer(errorAnswer(status, fields), request)
  const values = { status: page.statusFor(status), upstream, endpoint: '' }
  return explainAnswer(page.answer(request, values, fields, changes), request, values)
}
