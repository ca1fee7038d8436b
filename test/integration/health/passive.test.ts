import { describe, expect, it } from 'vitest'
import { openEnsemble } from '../../support/ensemble.ts'
import { get } from '../../support/heads.ts'
import { rawClient } from '../../support/raw-client.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'

/** An ejection that no test sees the end of, and one that each does. */
const LONG_MS = 60_000
const SHORT_MS = 50

describe('without any configuration', () => {
  it('three failures in a row take an endpoint down: told once, seen by all workers, and no request fails', async () => {
    await using ensemble = await openEnsemble()
    expect(await ensemble.tally(8)).toMatchObject({ a: expect.any(Number), b: expect.any(Number) })
    await ensemble.origin('a').leave()
    expect(await ensemble.tally(30)).toEqual({ b: 30 })
    expect(ensemble.told()).toEqual(['a ejected'])
    expect(ensemble.status('a')).toMatchObject({ state: 'ejected', ejections: 1, requests: 0 })
    expect(ensemble.status('b')).toMatchObject({ state: 'up', ejections: 0 })
    const { tries } = ensemble.status('a')
    expect(await ensemble.tally(20)).toEqual({ b: 20 })
    expect(ensemble.status('a').tries).toBe(tries)
    await ensemble.rest()
  })

  it('one success brings it back', async () => {
    await using ensemble = await openEnsemble({ upstream: { passive: { ejectMs: SHORT_MS, ejectMaxMs: SHORT_MS } } })
    await ensemble.origin('a').leave()
    await ensemble.askUntil(() => ensemble.status('a').ejections >= 3, 'probes that fail')
    await ensemble.origin('a').listen()
    await ensemble.askUntil(() => ensemble.status('a').state === 'up', 'the endpoint back')
    const told = ensemble.told()
    expect(told.slice(0, -1).every(text => text === 'a ejected')).toBe(true)
    expect(told.at(-1)).toBe('a up')
    const { a = 0, b = 0 } = await ensemble.tally(40)
    expect([a + b, Math.min(a, b) > 10]).toEqual([40, true])
    expect(ensemble.told()).toEqual(told)
    await ensemble.rest()
  })

  it('many requests at once that all meet with the failure make one ejection', async () => {
    await using ensemble = await openEnsemble({ origins: 'abc' })
    await ensemble.origin('b').leave()
    // A third of them fail at first: no more than the budget has for other tries, its reserve and a fifth of what comes.
    const answers = await Promise.all(Array.from({ length: 30 }, () => ensemble.ask()))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(ensemble.told()).toEqual(['b ejected'])
  })

  it('a lone endpoint is tried again and again, whatever it does', async () => {
    await using ensemble = await openEnsemble({ origins: 'a', workers: 1 })
    await ensemble.origin('a').leave()
    expect(await ensemble.tally(20)).toEqual({ 502: 20 })
    expect(ensemble.told()).toEqual([])
    await ensemble.origin('a').listen()
    expect(await ensemble.tally(5)).toEqual({ a: 5 })
  })

  it('responses of 500 and more take nobody down', async () => {
    await using ensemble = await openEnsemble()
    ensemble.origin('a').mood = 503
    const { b, 503: unavailable } = await ensemble.tally(30)
    expect(b! + unavailable!).toBe(30)
    expect(ensemble.told()).toEqual([])
  })
})

describe('failures of each kind', () => {
  it.each([
    ['cut', 'connection broken'],
    ['half', 'connection broken'],
    ['silent', 'response too late'],
  ] as const)('an endpoint whose responses are %s is ejected: %s', async (mood, reason) => {
    await using ensemble = await openEnsemble({
      workers: 1,
      upstream: { passive: { ejectMs: LONG_MS }, timeouts: { responseMs: 700 }, retry: { attempts: 0 } },
    })
    ensemble.origin('a').mood = mood
    const clients = await Promise.all(Array.from({ length: 8 }, () => rawClient(ensemble.proxy.port)))
    await Promise.all(clients.map(client => client.send(get('/x')).then(() => client.nextResponse())))
    await ensemble.until('a', 'ejected')
    const [event] = ensemble.proxy.events.filter(({ kind }) => kind === 'endpoint_health')
    expect(event).toMatchObject({ reason: `3 failures in a row, the last: ${reason}; for 60 s` })
    expect(await ensemble.tally(10)).toEqual({ b: 10 })
    for (const client of clients) client.close()
  })

  it('a window of failures counts those between good responses, over all workers', async () => {
    await using ensemble = await openEnsemble({
      upstream: { passive: { consecutive: 0, failures: 4, ejectMs: LONG_MS }, retry: { budget: 1 } },
    })
    const a = ensemble.origin('a')
    for (let failure = 0; failure < 4; failure += 1) {
      expect(ensemble.told()).toEqual([])
      a.mood = 'cut'
      const wanted = a.requests + 1
      await ensemble.askUntil(() => a.requests >= wanted, 'a request at a')
      a.mood = 'good'
      await ensemble.tally(3)
    }
    expect(ensemble.told()).toEqual(['a ejected'])
  })

  it('responses of 500 in a row count where that is asked for, and one of them keeps an endpoint out', async () => {
    await using ensemble = await openEnsemble({
      upstream: { passive: { consecutive5xx: 3, ejectMs: SHORT_MS, ejectMaxMs: SHORT_MS } },
    })
    ensemble.origin('a').mood = 500
    await ensemble.askUntil(() => ensemble.status('a').ejections >= 2, 'a probe that gets 500')
    ensemble.origin('a').mood = 'good'
    await ensemble.askUntil(() => ensemble.status('a').state === 'up', 'the endpoint back')
    expect(ensemble.told().slice(0, 2)).toEqual(['a ejected', 'a ejected'])
    expect(ensemble.told().filter(text => text === 'a up').length).toBe(1)
  })
})

describe('when its time is over', () => {
  it('one request of all workers tries an ejected endpoint; the others go elsewhere meanwhile', async () => {
    await using ensemble = await openEnsemble({ upstream: { passive: { ejectMs: 1_500, ejectMaxMs: LONG_MS } } })
    const a = ensemble.origin('a')
    await a.leave()
    await ensemble.askUntil(() => ensemble.status('a').state === 'ejected', 'an ejection')
    a.mood = 'silent'
    await a.listen()
    const asked: Promise<unknown>[] = []
    const probed = async () => {
      for (; a.held === 0; await turns(20)) asked.push(ensemble.ask())
    }
    await probed()
    expect(ensemble.status('a').state).toBe('probing')
    expect(await ensemble.tally(20)).toEqual({ b: 20 })
    expect([a.held, a.requests]).toEqual([1, 1])
    a.mood = 'good'
    a.release()
    await Promise.all(asked)
    await ensemble.until('a', 'up')
    expect(ensemble.told()).toEqual(['a ejected', 'a up'])
  })

  it('a client that leaves with the probe makes room for another at once', async () => {
    await using ensemble = await openEnsemble({ upstream: { passive: { ejectMs: 500, ejectMaxMs: LONG_MS } } })
    const a = ensemble.origin('a')
    await a.leave()
    await ensemble.askUntil(() => ensemble.status('a').state === 'ejected', 'an ejection')
    a.mood = 'silent'
    await a.listen()
    for (let probe = 1; probe <= 3; probe += 1) {
      while (a.requests < probe) {
        using client = await rawClient(ensemble.proxy.port)
        await client.send(get('/x'))
        // Either the other endpoint answers, or the probe is under way and the client leaves.
        await waitFor(() => client.received.length > 0 || a.requests >= probe, 'an answer or a probe')
      }
      await waitFor(() => ensemble.status('a').requests === 0, 'the end of the probe')
    }
    expect(ensemble.told()).toEqual(['a ejected'])
    a.mood = 'good'
    await ensemble.askUntil(() => ensemble.status('a').state === 'up', 'the endpoint back')
  })

  it('a probe that died with its worker is followed by another', async () => {
    await using ensemble = await openEnsemble({
      workers: 1,
      upstream: { passive: { ejectMs: 700, ejectMaxMs: LONG_MS } },
    })
    const a = ensemble.origin('a')
    await a.leave()
    await ensemble.askUntil(() => ensemble.status('a').state === 'ejected', 'an ejection')
    a.mood = 'silent'
    await a.listen()
    using client = await rawClient(ensemble.proxy.port)
    while (a.held === 0) {
      await client.send(get('/x'))
      await waitFor(() => client.unread.length > 0 || a.held === 1, 'an answer or a probe')
      if (client.unread.length > 0) await client.readResponse()
    }
    await ensemble.ask('/crash')
    const starts = () => ensemble.proxy.events.filter(({ kind }) => kind === 'worker_started').length
    await waitFor(() => starts() === 2, 'another worker')
    expect(ensemble.status('a')).toMatchObject({ state: 'probing', requests: 0 })
    a.mood = 'good'
    await ensemble.askUntil(() => ensemble.status('a').state === 'up', 'the endpoint back')
    expect(a.requests).toBeGreaterThanOrEqual(2)
    expect(ensemble.told()).toEqual(['a ejected', 'a up'])
  })
})

describe('when all are down', () => {
  it('all but one are ejected, requests get 503, and the first that is back serves at once', async () => {
    await using ensemble = await openEnsemble({ origins: 'abc', upstream: { passive: { ejectMs: LONG_MS } } })
    for (const name of 'abc') await ensemble.origin(name).leave()
    await ensemble.tally(20)
    expect(ensemble.told().length).toBe(2)
    expect(await ensemble.tally(10)).toEqual({ 503: 10 })
    const last = ensemble.api.endpoints().find(({ state }) => state === 'up')!.name
    await ensemble.origin(last).listen()
    expect(await ensemble.tally(10)).toEqual({ [last]: 10 })
  })

  it('an ejected one that becomes the last by a change is tried at once', async () => {
    await using ensemble = await openEnsemble({ upstream: { passive: { ejectMs: LONG_MS } } })
    await ensemble.origin('a').leave()
    await ensemble.askUntil(() => ensemble.status('a').state === 'ejected', 'an ejection')
    await ensemble.origin('a').listen()
    await ensemble.api.down('b')
    expect(await ensemble.tally(5)).toEqual({ a: 5 })
    expect(ensemble.told()).toEqual(['a ejected', 'a up'])
  })
})
