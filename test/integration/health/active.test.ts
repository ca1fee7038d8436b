import { describe, expect, it } from 'vitest'
import { openEnsemble } from '../../support/ensemble.ts'
import { freePort } from '../../support/free-port.ts'
import { MoodyOrigin } from '../../support/moody-origin.ts'
import { waitFor } from '../../support/wait-for.ts'

const LONG_MS = 60_000

/** Thresholds of two: one odd check changes nothing. */
const CHECKS = {
  path: '/check',
  intervalMs: 20,
  timeoutMs: 2_000,
  jitter: 0,
  healthyThreshold: 2,
  unhealthyThreshold: 2,
}

describe('active checks', () => {
  it('take requests from an endpoint that fails them, and give them back; each told once', async () => {
    await using ensemble = await openEnsemble({ upstream: { active: CHECKS } })
    const a = ensemble.origin('a')
    await a.checked(2)
    a.checkStatus = 500
    await ensemble.until('a', 'unhealthy')
    expect(await ensemble.tally(20)).toEqual({ b: 20 })
    await a.checked(5)
    a.checkStatus = 204
    await ensemble.until('a', 'up')
    const { a: served = 0, b = 0 } = await ensemble.tally(20)
    expect([served + b, served > 0]).toEqual([20, true])
    expect(ensemble.told()).toEqual(['a unhealthy', 'a healthy'])
    expect(ensemble.proxy.events.filter(({ kind }) => kind === 'endpoint_checked')).toMatchObject([
      { upstream: 'api', endpoint: 'a', reason: 'status 500' },
      { upstream: 'api', endpoint: 'a', reason: 'status 204' },
    ])
    // Checks are requests of the supervisor: nothing is counted for them.
    await expect.poll(() => ensemble.proxy.stats().exchangesTotal).toBe(40)
  })

  it('let an endpoint that comes up begin with little', async () => {
    await using ensemble = await openEnsemble({ workers: 1, upstream: { active: CHECKS, slowStartMs: LONG_MS } })
    const a = ensemble.origin('a')
    expect(await ensemble.tally(10)).toEqual({ a: 5, b: 5 })
    a.checkStatus = 500
    await ensemble.until('a', 'unhealthy')
    a.checkStatus = 200
    await ensemble.until('a', 'up')
    const { a: served = 0, b = 0 } = await ensemble.tally(42)
    expect(served + b).toBe(42)
    // A twentieth, and what a busy machine lets it grow to meanwhile.
    expect(served).toBeGreaterThanOrEqual(1)
    expect(served).toBeLessThanOrEqual(6)
  })

  it('of endpoints that start as ill let nothing through before the first has passed', async () => {
    await using ensemble = await openEnsemble({
      mood: 500,
      workers: 1,
      upstream: { active: { ...CHECKS, start: 'unhealthy', path: '/x' } },
    })
    // `/x` is a request like any other to the origins: they answer it by their mood.
    for (const name of 'ab') await ensemble.origin(name).reached(3)
    expect(ensemble.api.endpoints().map(({ state }) => state)).toEqual(['unhealthy', 'unhealthy'])
    expect(await ensemble.tally(5)).toEqual({ 503: 5 })
    ensemble.origin('b').mood = 'good'
    await ensemble.until('b', 'up')
    expect(await ensemble.tally(10)).toEqual({ b: 10 })
    expect(ensemble.told()).toEqual(['b healthy'])
  })

  it('that pass end an ejection for connections before its time, and not one for bad responses', async () => {
    await using ensemble = await openEnsemble({
      origins: 'abc',
      upstream: {
        active: CHECKS,
        passive: { ejectMs: LONG_MS, consecutive5xx: 3, ejectedMax: 1 },
        retry: { attempts: 0 },
      },
    })
    ensemble.origin('a').mood = 'cut'
    ensemble.origin('b').mood = 500
    const has = (text: string) => ensemble.told().includes(text)
    await ensemble.askUntil(() => has('a ejected') && has('b ejected'), 'both ejected')
    await waitFor(() => has('a up'), 'the one back')
    await ensemble.origin('b').checked(5)
    expect(ensemble.status('b').state).toBe('ejected')
    // The second time in a row the checks are not believed.
    await ensemble.askUntil(() => ensemble.status('a').ejections === 2, 'the one ejected again')
    await ensemble.origin('a').checked(5)
    expect(ensemble.status('a').state).toBe('ejected')
    expect(ensemble.told().filter(text => text.startsWith('a'))).toEqual(['a ejected', 'a up', 'a ejected'])
  })

  it('follow a death and a return: one that is ejected then serves as soon as its checks pass', async () => {
    // Requests are to find out before checks do.
    const active = { ...CHECKS, intervalMs: 100, unhealthyThreshold: 10 }
    await using ensemble = await openEnsemble({ upstream: { active, passive: { ejectMs: LONG_MS } } })
    const a = ensemble.origin('a')
    await a.leave()
    await Promise.all(Array.from({ length: 20 }, () => ensemble.ask()))
    expect(ensemble.told()).toEqual(['a ejected'])
    await waitFor(() => ensemble.told().includes('a unhealthy'), 'checks that fail')
    await a.listen()
    await ensemble.until('a', 'up')
    expect(ensemble.told()).toEqual(expect.arrayContaining(['a ejected', 'a unhealthy', 'a up', 'a healthy']))
    expect(ensemble.told().length).toBe(4)
    const { a: served = 0 } = await ensemble.tally(20)
    expect(served).toBeGreaterThan(0)
  })

  it('begin with endpoints that are added, end with those that are removed', async () => {
    await using ensemble = await openEnsemble({ workers: 1, upstream: { active: CHECKS } })
    const c = await ensemble.extra('c')
    expect(c.checks).toBe(0)
    await ensemble.api.add({ name: 'c', address: c.address })
    await c.checked(3)
    c.checkStatus = 500
    await ensemble.until('c', 'unhealthy')
    await ensemble.api.remove('c')
    const { checks } = c
    await ensemble.origin('a').checked(5)
    expect(c.checks).toBeLessThanOrEqual(checks + 1)
    // The next one in its column begins anew.
    c.checkStatus = 200
    await ensemble.api.add({ name: 'c', address: c.address })
    expect(ensemble.status('c').state).toBe('up')
    await ensemble.api.remove('c')
    expect(ensemble.told()).toEqual(['c unhealthy'])
  })

  it('go over TCP, too, and by another port than the endpoint has', async () => {
    const port = await freePort()
    await using checked = await new MoodyOrigin('checked', { kind: 'tcp', host: '127.0.0.1', port }).listen()
    await using ensemble = await openEnsemble({ origins: 'b', workers: 1, upstream: { active: { ...CHECKS, port } } })
    await ensemble.api.add({ name: 'a', address: { kind: 'tcp', host: '127.0.0.1', port: await freePort() } })
    await checked.checked(2)
    checked.checkStatus = 500
    await ensemble.until('a', 'unhealthy')
    expect(ensemble.status('b').state).toBe('up')
  })

  it('leave nothing behind when the engine stops', async () => {
    const counts = () => {
      const kinds = process.getActiveResourcesInfo().filter(kind => /^(?:Timeout|TCP.*|Pipe.*)$/.test(kind))
      return Object.fromEntries(
        Map.groupBy(kinds, kind => kind)
          .entries()
          .map(([kind, all]) => [kind, all.length]),
      )
    }
    const before = counts()
    {
      await using ensemble = await openEnsemble({
        upstream: { active: CHECKS, passive: { successRate: { intervalMs: 10 } } },
      })
      await ensemble.origin('a').checked(3)
      const c = await ensemble.extra('c')
      await ensemble.api.add({ name: 'c', address: c.address })
      await ensemble.api.remove('c')
      await ensemble.api.add({ name: 'n', address: { kind: 'tcp', host: 'nowhere.invalid', port: 1 } })
    }
    const hasMore = () => Object.entries(counts()).some(([kind, count]) => count > (before[kind] ?? 0))
    await waitFor(
      () => !hasMore(),
      () => `${JSON.stringify(counts())} to be ${JSON.stringify(before)}`,
    )
  })
})

describe('success rates', () => {
  it('far below the others eject an endpoint, once, and it is back with a good response', async () => {
    await using ensemble = await openEnsemble({
      origins: 'abcde',
      workers: 1,
      upstream: {
        passive: {
          consecutive: 0,
          ejectMs: 100,
          ejectMaxMs: 100,
          successRate: { intervalMs: 250, endpointsMin: 4, requestsMin: 4, deviations: 1.5 },
        },
      },
    })
    const c = ensemble.origin('c')
    c.mood = 500
    await ensemble.askUntil(() => ensemble.told().length > 0, 'an outlier')
    expect(ensemble.told()[0]).toBe('c ejected')
    expect(ensemble.proxy.events.find(({ kind }) => kind === 'endpoint_health')).toMatchObject({
      reason: expect.stringMatching(/^0 % good responses, where [\d.]+ % are usual and [\d.]+ % the least; for 0.1 s$/),
    })
    c.mood = 'good'
    await ensemble.askUntil(() => ensemble.status('c').state === 'up', 'the endpoint back')
    expect(ensemble.told().at(-1)).toBe('c up')
    expect(ensemble.told().every(text => text.startsWith('c '))).toBe(true)
  })
})
