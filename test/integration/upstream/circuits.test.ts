import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { get, head, ok } from '../../support/heads.ts'
import type { RawClient } from '../../support/raw-client.ts'
import type { ScriptedConnection } from '../../support/scripted-origin.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { waitFor } from '../../support/wait-for.ts'
import { byName, later, openScene, type Player, type Scene } from './scene.ts'

/** Milliseconds that a circuit stays open here. */
const OPEN_MS = 400

let scene: Scene
let a: Player
let b: Player
beforeAll(async () => {
  scene = await openScene('abc', (...origins) => {
    const [first, second] = origins.map(({ address, name }) => ({ address, name })) as [never, never]
    const circuit = { scope: 'upstream', minimum: 4, openMs: OPEN_MS, halfOpen: 2 } as const
    const one = { endpoints: [first], passive: null, retry: { attempts: 0 } }
    const long = { ...circuit, openMs: 60_000 }
    return byName({
      other: { endpoints: [second] },
      whole: { ...one, circuitBreaker: circuit },
      trials: { ...one, circuitBreaker: { ...circuit, openMs: 2 * OPEN_MS } },
      long: { ...one, circuitBreaker: long },
      answered: {
        ...one,
        circuitBreaker: {
          ...long,
          fallback: { kind: 'respond', status: 200, fields: [['X-Fallback', 'yes']], content: Buffer.from('later') },
        },
      },
      rerouted: { ...one, circuitBreaker: { ...long, fallback: { kind: 'route', route: 0 } } },
      each: {
        endpoints: [first, second],
        passive: null,
        retry: { attempts: 0 },
        circuitBreaker: { ...circuit, scope: 'endpoint' },
      },
      eachLong: { ...one, circuitBreaker: { ...long, scope: 'endpoint' } },
      eachAnswered: {
        ...one,
        circuitBreaker: {
          ...long,
          scope: 'endpoint',
          fallback: { kind: 'respond', status: 503, fields: [], content: Buffer.from('sorry') },
        },
      },
      slow: { ...one, circuitBreaker: { ...long, slowMs: 20, slowRatio: 0.5 } },
      limited: {
        ...one,
        circuitBreaker: { ...circuit, halfOpen: 1 },
        adaptiveConcurrency: { initial: 1, minimum: 1, maximum: 1 },
      },
    })
  })
  ;[a, b] = scene.origins as [Player, Player]
})
afterEach(() => scene.rest())
afterAll(() => scene[Symbol.asyncDispose]())

const fails = (connection: ScriptedConnection) => connection.send(head('HTTP/1.1 500 Broken', 'Content-Length: 0'))

/** Opens a circuit by as many failures as it takes. */
async function open(upstream: string): Promise<void> {
  a.playEach(fails)
  for (let round = 0; round < 4; round += 1) expect((await scene.get(`/${upstream}/x`)).status).toBe(500)
  await scene.records(4)
  a.playEach(connection => connection.send(ok('a')))
}

/** Asks until the circuit lets a request through. */
async function untilHalfOpen(upstream: string) {
  for (;;) {
    const response = await scene.get(`/${upstream}/x`)
    if (response.status !== 503) return response
  }
}

/** The same with an origin that keeps the request to itself. */
async function trial(upstream: string): Promise<RawClient> {
  const before = a.requests.length
  for (;;) {
    const client = await scene.client()
    await client.send(get(`/${upstream}/x`))
    await waitFor(
      () => client.unread.length > 0 || a.requests.length > before,
      'an answer, or the request at the origin',
    )
    if (a.requests.length > before) return client
    client.close()
  }
}

const changes = () =>
  scene.proxy.events.flatMap(event =>
    event.kind === 'endpoint_health' ? [`${event.upstream} ${event.endpoint} ${event.change}`] : [],
  )

describe('the circuit of an upstream', () => {
  it('answers 503 at once while it is open, with the time to come back', async () => {
    await open('long')
    const seen = a.requests.length
    const response = await scene.get('/long/x')
    expect(response.status).toBe(503)
    const [after] = valuesOf(response.fields, 'retry-after')
    expect(Number(after)).toBeGreaterThan(50)
    expect(Number(after)).toBeLessThanOrEqual(60)
    expect(a.requests.length).toBe(seen)
    expect((await scene.records(1))[0]).toMatchObject({
      status: 503,
      error: 'upstream_circuit_open',
      flag: 'UO',
      upstream: 'long',
      endpoint: '',
      connectUs: -1,
    })
    expect(changes().filter(change => change.startsWith('long'))).toEqual(['long  circuit_open'])
  })

  it('leaves the client its connection, and takes what it still sends of its request', async () => {
    const client = await scene.client()
    await client.send(get('/long/x'))
    expect((await client.readResponse()).status).toBe(503)
    await client.send(get('/other/x'))
    expect((await client.readResponse()).status).toBe(200)
    await client.send(`${head('POST /long/x HTTP/1.1', 'Host: a', 'Content-Length: 6')}abc`)
    expect((await client.readResponse()).status).toBe(503)
    await client.send('def')
    expect(await client.closed).toBe('fin')
  })

  it('answers what its configuration has for that', async () => {
    await open('answered')
    const response = await scene.get('/answered/x')
    expect([response.status, response.content.toString()]).toEqual([200, 'later'])
    expect(valuesOf(response.fields, 'x-fallback')).toEqual(['yes'])
    expect((await scene.records(1))[0]).toMatchObject({
      status: 200,
      error: '',
      upstream: 'answered',
      route: 'answered',
    })
  })

  it('does what another route does', async () => {
    await open('rerouted')
    const response = await scene.get('/rerouted/x')
    expect(response.content.toString()).toBe('b')
    const client = await scene.client()
    await client.send(`${head('POST /rerouted/y HTTP/1.1', 'Host: a', 'Content-Length: 6')}abc`)
    await client.send('def')
    expect((await client.readResponse()).content.toString()).toBe('b')
    expect(b.requests.at(-1)!.content.toString()).toBe('abcdef')
    expect((await scene.records(2))[0]).toMatchObject({ upstream: 'other', route: 'other', endpoint: 'b', error: '' })
  })

  it('lets some through when its time is over, and closes when all of them were good', async () => {
    await open('whole')
    expect((await scene.get('/whole/x')).status).toBe(503)
    expect((await untilHalfOpen('whole')).status).toBe(200)
    expect((await scene.get('/whole/x')).status).toBe(200)
    for (let round = 0; round < 5; round += 1) expect((await scene.get('/whole/x')).status).toBe(200)
    expect(changes().filter(change => change.startsWith('whole'))).toEqual([
      'whole  circuit_open',
      'whole  circuit_closed',
    ])
  })

  it('lets no more through than it tries with, and opens again with the first that fails', async () => {
    await open('trials')
    const kept: ScriptedConnection[] = []
    a.playEach(connection => {
      kept.push(connection)
    })
    await trial('trials')
    await trial('trials')
    expect((await scene.get('/trials/x')).status).toBe(503)
    await fails(kept[0]!)
    await waitFor(() => changes().filter(change => change === 'trials  circuit_open').length === 2, 'another opening')
    await kept[1]!.send(ok('a'))
    expect((await scene.get('/trials/x')).status).toBe(503)
  })

  it('lets another one through in place of one whose client has left', async () => {
    await open('whole')
    a.playEach(() => undefined)
    for (let left = 0; left < 5; left += 1) {
      const client = await trial('whole')
      client.reset()
      await waitFor(() => scene.proxy.stats().exchangesActive === 0, 'the end of the trial')
    }
    a.playEach(connection => connection.send(ok('a')))
    expect((await untilHalfOpen('whole')).status).toBe(200)
    expect((await scene.get('/whole/x')).status).toBe(200)
  })

  it('gives a trial back that the limit on requests refuses', async () => {
    await open('limited')
    a.playEach(() => undefined)
    // The one request that may be under way is a trial; those that come meanwhile are none.
    const client = await trial('limited')
    for (let round = 0; round < 5; round += 1) expect((await scene.get('/limited/x')).status).toBe(503)
    client.reset()
    await waitFor(() => scene.proxy.stats().exchangesActive === 0, 'the end of the trial')
    a.playEach(connection => connection.send(ok('a')))
    expect((await untilHalfOpen('limited')).status).toBe(200)
    expect((await scene.get('/limited/x')).status).toBe(200)
  })

  it('opens for responses that are too slow', async () => {
    a.playEach(connection => later(30, () => connection.send(ok('a'))))
    for (let round = 0; round < 4; round += 1) expect((await scene.get('/slow/x')).status).toBe(200)
    expect((await scene.get('/slow/x')).status).toBe(503)
  })
})

describe('the circuits of endpoints', () => {
  it('send requests to the others', async () => {
    a.playEach(fails)
    const statuses: number[] = []
    for (let round = 0; round < 20; round += 1) statuses.push((await scene.get('/each/x')).status)
    expect(statuses.filter(status => status === 500).length).toBe(4)
    expect(statuses.slice(-10)).toEqual(Array(10).fill(200))
    expect(changes()).toContain('each a circuit_open')
  })

  it('answer 503 with the time to come back when they keep every endpoint out', async () => {
    await open('eachLong')
    const response = await scene.get('/eachLong/x')
    expect(response.status).toBe(503)
    const [after] = valuesOf(response.fields, 'retry-after')
    expect(Number(after)).toBeGreaterThan(50)
    expect((await scene.records(1))[0]).toMatchObject({ error: 'upstream_circuit_open', endpoint: '' })
  })

  it('answer what the configuration has for that', async () => {
    await open('eachAnswered')
    const response = await scene.get('/eachAnswered/x')
    expect([response.status, response.content.toString()]).toEqual([503, 'sorry'])
    expect((await scene.records(1))[0]).toMatchObject({ status: 503, error: '', upstream: 'eachAnswered' })
  })
})
