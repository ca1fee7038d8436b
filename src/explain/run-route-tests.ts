/** Runs tests of routes. */

import type { Explainer } from '../../engine/explain/explain.ts'
import { ExplainError } from '../../engine/explain/explain-error.ts'
import { isFlowUrl, readFlowDescription } from './flow-spec.ts'
import { parseRequestLine, readDescription } from './request-spec.ts'
import type { RouteTest } from './route-test-schema.ts'
import { formatVerdict, judge, judgeFlow } from './verdict.ts'

export interface RouteTestResult {
  readonly name: string
  /** What is not as expected, line by line; `null` where all is. */
  readonly failure: string | null
  readonly seconds: number
}

type Oracle = Pick<Explainer, 'explainAny'>

/** Of a test that was loaded: its request is one. */
export function runRouteTest(oracle: Oracle, test: RouteTest): RouteTestResult {
  const startedAt = performance.now()
  const failure = failureOf(oracle, test)
  return { name: nameOf(test), failure, seconds: (performance.now() - startedAt) / 1000 }
}

export function nameOf({ name, request }: RouteTest): string {
  return name ?? request
}

function failureOf(oracle: Oracle, test: RouteTest): string | null {
  try {
    const got = oracle.explainAny(questionOf(test))
    const verdict = 'protocol' in got ? judgeFlow(test.expect, got) : judge(test.expect, got)
    return verdict.mismatches.length === 0 ? null : formatVerdict(verdict)
  } catch (error) {
    if (error instanceof ExplainError) return error.message
    throw error
  }
}

function questionOf({ request, headers, from, listener = '', client_cert: certificate }: RouteTest) {
  if (isFlowUrl(request)) return readFlowDescription({ url: request, from, listener })
  return readDescription({
    ...parseRequestLine(request),
    headers,
    from,
    listener,
    ...(certificate && { certificate }),
  })
}
