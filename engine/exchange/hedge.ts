/**
 * The second try beside a slow first one: when it begins, and whether it may. Only for requests that may be sent twice and
 * have no content, on another endpoint, and within a budget.
 */
import { NO_CONTENT } from '../http/framing.ts'
import type { RequestFacts } from '../http/request-facts.ts'
import { stampOf } from '../shared/clock.ts'
import { HEDGES_TOTAL } from '../shared/state-page.ts'
import type { Attempt } from './attempt.ts'
import type { Forward } from './forward.ts'
import { HeldRequest } from './held-request.ts'
import { Race } from './race.ts'

/** Sets the time of the second try; `null` where there is to be none. `nowMs` is `performance.now()`. */
export function openRace(forward: Forward, facts: RequestFacts, nowMs: number): Race | null {
  const { settings, firstBytes, endpoints } = forward.upstream
  if (settings.hedge === null || endpoints.length < 2) return null
  if (facts.framing !== NO_CONTENT || !facts.idempotent || facts.upgrade) return null
  const afterMs = firstBytes === null ? settings.hedge.afterMs : firstBytes.p95Us(nowMs) / 1000
  if (afterMs < 0) return null
  return new Race(Math.max(1, Math.round(afterMs)), () => {
    let second: Attempt | null = null
    forward.exchange.guard(() => {
      second = startSecond(forward)
    })
    return second
  })
}

function startSecond(forward: Forward): Attempt | null {
  const { upstream, attempt: first } = forward
  if (first === null || !first.session.keepsRequest) return null
  const nowMs = performance.now()
  const endpoint = upstream.choose(forward.key, new Set(forward.tried).add(first.endpoint), nowMs)
  if (endpoint === null) return null
  const mayStart = upstream.hedgeBudget?.withdraw(stampOf(nowMs)) ?? false
  const session = mayStart ? endpoint.pool.acquire(false, forward.exchange) : null
  if (session === null) {
    if (mayStart) upstream.hedgeBudget?.giveBack()
    upstream.unchoose(endpoint)
    return null
  }
  const start = HeldRequest.of(first).moveTo(session, forward.hostFor(endpoint))
  const second = forward.launch(endpoint, session, start, nowMs)
  session.flush()
  const { counters } = forward.worker.row
  counters[HEDGES_TOTAL] = (counters[HEDGES_TOTAL] as number) + 1
  return second
}
