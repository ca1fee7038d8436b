import { afterEach, describe, expect, it } from 'vitest'
import { REFUSED_BY_CIRCUIT, REFUSED_BY_LIMIT, TRIAL } from '../../../engine/upstream/admission.ts'
import { HIGH, LOW, NORMAL } from '../../../engine/upstream/concurrency-limit.ts'
import { GOOD, SERVER_ERROR } from '../../../engine/upstream/health/outcome.ts'
import type { TestUpstream } from '../../support/snapshot.ts'
import { Crew, endpointNamed } from './crew.ts'

const crews: Crew[] = []
function crewOf(settings: Omit<TestUpstream, 'endpoints'>, workers = 1): Crew {
  const crew = new Crew({ endpoints: [endpointNamed('a')], ...settings }, workers)
  crews.push(crew)
  return crew
}
afterEach(() => {
  for (const crew of crews.splice(0)) for (const upstream of crew.workers) upstream.close()
})

const BREAKER = { scope: 'upstream', minimum: 1, openMs: 1_000, halfOpen: 2 } as const

function open(crew: Crew): void {
  crew.upstream.circuit!.observe(false, true, 100, crew.stamp)
}

describe('an upstream', () => {
  it('takes every request where nothing is to keep it out', () => {
    const { upstream, nowMs } = crewOf({})
    for (let request = 0; request < 100; request += 1) expect(upstream.admission.enter(LOW, nowMs)).toBeGreaterThan(0)
  })

  it('puts a share of each request into the budgets, no more than are under way in all workers', () => {
    const crew = crewOf({ retry: { budget: 0.5 }, hedge: { budget: 0.5, afterMs: 1 } }, 2)
    const { admission, retryBudget, hedgeBudget } = crew.upstream
    for (let request = 0; request < 100; request += 1) admission.leave(admission.enter(NORMAL, crew.nowMs), -1)
    const drain = (budget: typeof retryBudget) => {
      let taken = 0
      while (budget.withdraw(1)) taken += 1
      return taken
    }
    expect([drain(retryBudget), drain(hedgeBudget!)]).toEqual([10, 10])
    for (let request = 0; request < 30; request += 1) admission.enter(NORMAL, crew.nowMs)
    expect([drain(retryBudget), drain(hedgeBudget!)]).toEqual([15, 15])
  })

  it('refuses what its open circuit keeps out, and lets trials in when its time is over', () => {
    const crew = crewOf({ circuitBreaker: BREAKER })
    const { admission } = crew.upstream
    open(crew)
    expect(admission.enter(NORMAL, crew.nowMs)).toBe(REFUSED_BY_CIRCUIT)
    crew.nowMs += 1_001
    const trials = [admission.enter(NORMAL, crew.nowMs), admission.enter(NORMAL, crew.nowMs)]
    expect(trials.map(admitted => admitted & TRIAL)).toEqual([TRIAL, TRIAL])
    expect(admission.enter(NORMAL, crew.nowMs)).toBe(REFUSED_BY_CIRCUIT)
    // One ends without a word of the endpoint, and another takes its place; one was taken over by its try.
    admission.leave(trials[0]!, -1)
    admission.leave(trials[1]! - TRIAL, -1)
    expect(admission.enter(NORMAL, crew.nowMs) & TRIAL).toBe(TRIAL)
    expect(admission.enter(NORMAL, crew.nowMs)).toBe(REFUSED_BY_CIRCUIT)
  })

  it('lets requests in as before once its circuit has closed', () => {
    const crew = crewOf({ circuitBreaker: BREAKER })
    const { admission, circuit } = crew.upstream
    open(crew)
    crew.nowMs += 1_001
    for (let trial = 0; trial < 2; trial += 1) {
      admission.leave(admission.enter(NORMAL, crew.nowMs) - TRIAL, -1)
      circuit!.observe(true, false, 100, crew.stamp)
    }
    expect(admission.enter(NORMAL, crew.nowMs) & TRIAL).toBe(0)
  })

  it('takes no trial for a request that its limit refuses', () => {
    const crew = crewOf({
      circuitBreaker: { ...BREAKER, halfOpen: 1 },
      adaptiveConcurrency: { initial: 1, minimum: 1, maximum: 1 },
    })
    const { admission } = crew.upstream
    const first = admission.enter(NORMAL, crew.nowMs)
    open(crew)
    crew.nowMs += 1_001
    for (let round = 0; round < 5; round += 1) expect(admission.enter(NORMAL, crew.nowMs)).toBe(REFUSED_BY_LIMIT)
    admission.leave(first, -1)
    expect(admission.enter(NORMAL, crew.nowMs) & TRIAL).toBe(TRIAL)
  })

  it('refuses the least important first', () => {
    const crew = crewOf({ adaptiveConcurrency: { initial: 10, minimum: 10, maximum: 10 } })
    const { admission } = crew.upstream
    const take = (importance: number) => {
      let taken = 0
      while (admission.enter(importance, crew.nowMs) > 0) taken += 1
      return taken
    }
    expect([take(LOW), take(NORMAL), take(HIGH)]).toEqual([7, 2, 1])
  })

  it('has the place of a request back when its response begins, once', () => {
    const crew = crewOf({ adaptiveConcurrency: { initial: 1, minimum: 1, maximum: 1 } })
    const { admission } = crew.upstream
    const enter = () => admission.enter(HIGH, crew.nowMs)
    const first = enter()
    expect(enter()).toBe(REFUSED_BY_LIMIT)
    const rest = admission.answered(first, 1_000, crew.nowMs)
    expect(admission.answered(rest, 1_000, crew.nowMs)).toBe(rest)
    const second = enter()
    expect([second, enter()]).toEqual([first, REFUSED_BY_LIMIT])
    admission.leave(rest, -1)
    expect(enter()).toBe(REFUSED_BY_LIMIT)
    admission.leave(second, -1)
    expect([enter(), enter()]).toEqual([first, REFUSED_BY_LIMIT])
  })
})

describe('the outcomes of the trials', () => {
  it('are those of tries: a bad one opens the circuit again', () => {
    const crew = crewOf({ circuitBreaker: BREAKER })
    const { admission, circuit } = crew.upstream
    open(crew)
    crew.nowMs += 1_001
    admission.enter(NORMAL, crew.nowMs)
    expect(circuit!.observe(true, (SERVER_ERROR as number) !== GOOD, 100, crew.stamp)).toBe('open')
    expect(admission.enter(NORMAL, crew.nowMs)).toBe(REFUSED_BY_CIRCUIT)
  })
})
