import { describe, expect, it } from 'vitest'
import { openEnsemble } from '../../support/ensemble.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { waitFor } from '../../support/wait-for.ts'

const LONG_MS = 60_000
const OPEN_MS = 600
const SLOW_MS = 20

const PASSIVE_OFF = { passive: null, retry: { attempts: 0 } }

describe('the circuit of an endpoint', () => {
  it('opens once over all workers, sends requests elsewhere, and closes after the tries that it lets in', async () => {
    await using ensemble = await openEnsemble({
      upstream: { ...PASSIVE_OFF, circuitBreaker: { minimum: 10, openMs: OPEN_MS, halfOpen: 2 } },
    })
    const a = ensemble.origin('a')
    a.mood = 500
    await ensemble.askUntil(() => ensemble.status('a').state === 'circuit_open', 'an open circuit')
    expect(ensemble.told()).toEqual(['a circuit_open'])
    expect(ensemble.proxy.events.find(({ kind }) => kind === 'endpoint_health')).toMatchObject({
      upstream: 'api',
      endpoint: 'a',
      reason: 'the last: 5xx response; for 0.6 s',
    })
    a.mood = 'good'
    await ensemble.askUntil(() => ensemble.status('a').state === 'up', 'a closed circuit')
    expect(ensemble.told()).toEqual(['a circuit_open', 'a circuit_closed'])
    const { a: served = 0, b = 0 } = await ensemble.tally(20)
    expect([served + b, served > 0]).toEqual([20, true])
  })

  it('half-open lets exactly as many in as it should, over all workers', async () => {
    await using ensemble = await openEnsemble({
      upstream: { ...PASSIVE_OFF, circuitBreaker: { minimum: 10, openMs: 1_500, halfOpen: 3 } },
    })
    const a = ensemble.origin('a')
    a.mood = 500
    await ensemble.askUntil(() => ensemble.status('a').state === 'circuit_open', 'an open circuit')
    a.mood = 'silent'
    const before = a.requests
    const asked: Promise<unknown>[] = []
    while (a.held === 0) {
      const answer = ensemble.ask()
      asked.push(answer)
      await Promise.race([answer, waitFor(() => a.held > 0, 'a trial').catch(() => undefined)])
    }
    for (let index = 0; index < 40; index += 1) asked.push(ensemble.ask())
    await waitFor(() => a.held === 3, 'three trials')
    expect(await ensemble.tally(10)).toEqual({ b: 10 })
    expect(a.requests - before).toBe(3)
    expect(ensemble.status('a').state).toBe('circuit_half_open')
    a.mood = 'good'
    a.release()
    await Promise.all(asked)
    await ensemble.until('a', 'up')
    expect(ensemble.told()).toEqual(['a circuit_open', 'a circuit_closed'])
  })

  it('replaces the tries that died with their worker', async () => {
    await using ensemble = await openEnsemble({
      workers: 1,
      upstream: { ...PASSIVE_OFF, circuitBreaker: { minimum: 4, openMs: 700, halfOpen: 1 } },
    })
    const a = ensemble.origin('a')
    a.mood = 500
    await ensemble.askUntil(() => ensemble.status('a').state === 'circuit_open', 'an open circuit')
    a.mood = 'silent'
    while (a.held === 0) {
      const answer = ensemble.ask().catch(() => undefined)
      await Promise.race([answer, waitFor(() => a.held > 0, 'a trial').catch(() => undefined)])
    }
    await ensemble.ask('/crash')
    const starts = () => ensemble.proxy.events.filter(({ kind }) => kind === 'worker_started').length
    await waitFor(() => starts() === 2, 'another worker')
    expect(ensemble.status('a')).toMatchObject({ state: 'circuit_half_open', requests: 0 })
    a.mood = 'good'
    await ensemble.askUntil(() => ensemble.status('a').state === 'up', 'a closed circuit')
    expect(ensemble.told()).toEqual(['a circuit_open', 'a circuit_closed'])
  })

  it('opens by slow responses', async () => {
    await using ensemble = await openEnsemble({
      origins: 'a',
      workers: 1,
      upstream: {
        ...PASSIVE_OFF,
        circuitBreaker: { minimum: 3, openMs: LONG_MS, failureRatio: 1, slowRatio: 0.5, slowMs: SLOW_MS },
      },
    })
    const a = ensemble.origin('a')
    a.mood = 'silent'
    const asked = [ensemble.ask(), ensemble.ask(), ensemble.ask()]
    await waitFor(() => a.held === 3, 'three requests')
    const since = performance.now()
    await waitFor(() => performance.now() - since > SLOW_MS, 'the time that makes them slow')
    a.release()
    await Promise.all(asked)
    expect(ensemble.told()).toEqual(['a circuit_open'])
    expect(ensemble.api.circuit()).toBe(null)
    expect(await ensemble.tally(3)).toEqual({ 503: 3 })
  })
})

describe('the circuit of an upstream', () => {
  it('opens once over all workers, answers 503 with the time to come back, and recovers', async () => {
    await using ensemble = await openEnsemble({
      upstream: { ...PASSIVE_OFF, circuitBreaker: { scope: 'upstream', minimum: 10, openMs: OPEN_MS, halfOpen: 2 } },
    })
    for (const name of 'ab') ensemble.origin(name).mood = 500
    expect(ensemble.api.circuit()).toBe('closed')
    await ensemble.askUntil(() => ensemble.told().length > 0, 'an open circuit')
    expect(ensemble.api.circuit()).toBe('open')
    const response = await ensemble.ask()
    expect([response.status, valuesOf(response.fields, 'retry-after')]).toEqual([503, ['1']])
    for (const name of 'ab') ensemble.origin(name).mood = 'good'
    await ensemble.askUntil(() => ensemble.told().length > 1, 'a closed circuit')
    expect(ensemble.told()).toEqual([' circuit_open', ' circuit_closed'])
    expect(ensemble.api.circuit()).toBe('closed')
    const { a = 0, b = 0 } = await ensemble.tally(20)
    expect(a + b).toBe(20)
    expect(ensemble.told().length).toBe(2)
    await ensemble.rest()
  })
})
