import type { KeyPath } from '../positions.ts'
import { checkRespond } from './respond.ts'
import { isMap, keysIn, listOf, mapOf, millisecondsOf, type Report, type Section, valueOrDefault } from './written.ts'

export function checkCircuitBreaker(breaker: Section, path: KeyPath, report: Report): void {
  if (breaker.slow !== undefined && breaker.slow_ratio === undefined) {
    report(
      'no-effect',
      [...path, 'slow'],
      'has no effect without "slow_ratio"',
      'add the share of slow tries that is too much',
    )
  }
  if (breaker.slow_ratio !== undefined && breaker.slow === undefined) {
    report(
      'no-effect',
      [...path, 'slow_ratio'],
      'has no effect without "slow"',
      'add the time from which a try is slow',
    )
  }
  if (!isMap(breaker.fallback)) return
  const fallback = [...path, 'fallback']
  const ways = keysIn(breaker.fallback, ['route', 'respond'])
  if (ways.length === 0) report('missing-key', fallback, 'needs "route" or "respond"')
  if (ways.length > 1)
    report('conflicting-keys', [...fallback, 'respond'], 'stands beside "route"', 'a fallback is one of the two')
  checkRespond(mapOf(breaker.fallback.respond), [...fallback, 'respond'], report)
}

/** `inherits`: what is absent is as in the section of an upstream, not the default. */
export function checkRetry(retry: Section, path: KeyPath, report: Report, inherits = false): void {
  const { on, methods, per_try_timeout: perTry } = retry
  checkBackoff(retry, path, report)
  if (retry.non_idempotent === true && methods !== undefined) {
    const hint = 'leave one of the two out'
    report(
      'no-effect',
      [...path, 'methods'],
      'has no effect beside "non_idempotent: true", which takes all methods',
      hint,
    )
  }
  if (perTry !== undefined && !listOf(on).includes('timeout') && !(inherits && on === undefined)) {
    const hint = 'add timeout to "on"'
    report(
      'no-effect',
      [...path, 'per_try_timeout'],
      'would end a try that is not made again: "on" has no timeout',
      hint,
    )
  }
}

function checkBackoff(retry: Section, path: KeyPath, report: Report): void {
  const { max_backoff: longest } = retry
  const backoff = valueOrDefault(retry, [...path, 'backoff'])
  if (longest !== undefined && (backoff === 'off' || backoff === false)) {
    report('no-effect', [...path, 'max_backoff'], 'has no effect with "backoff: off"', 'leave one of the two out')
  }
  const [firstMs, longestMs] = [millisecondsOf(backoff), millisecondsOf(longest)]
  if (firstMs === null || longestMs === null || longestMs >= firstMs) return
  report('wrong-order', [...path, 'max_backoff'], `${String(longest)} is shorter than "backoff" (${String(backoff)})`)
}

/** Bounds and start of the limit must be in order, whether written or not. */
export function checkAdaptiveConcurrency(adaptive: Section, path: KeyPath, report: Report): void {
  const order = ['minimum', 'initial', 'maximum']
  for (const [index, lower] of order.slice(0, -1).entries()) {
    const higher = order[index + 1]!
    const written = [lower, higher].find(key => adaptive[key] !== undefined)
    const [low, high] = [lower, higher].map(key => valueOrDefault(adaptive, [...path, key]))
    if (written === undefined || typeof low !== 'number' || typeof high !== 'number' || low <= high) continue
    const [other, otherValue] = written === lower ? [higher, high] : [lower, low]
    const relation = written === lower ? 'more' : 'less'
    const value = written === lower ? low : high
    report(
      'wrong-order',
      [...path, written],
      `${value} is ${relation} than "${other}" (${otherValue})`,
      'change one of the two',
    )
  }
}
