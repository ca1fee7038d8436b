import { describe, expect, it } from 'vitest'
import type { Explanation } from '../../../engine/explain/explanation.ts'
import { type Engine, startEngine } from '../../../engine/index.ts'
import { MoodyOrigin } from '../../support/moody-origin.ts'
import { rawClient } from '../../support/raw-client.ts'
import { type TestProxyOptions, type TestRoute, type TestUpstream, testSnapshot } from '../../support/snapshot.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { waitFor } from '../../support/wait-for.ts'
import { workerModule } from '../../support/worker-module.ts'

/** Two origins, a proxy before them, and what it says of the next request. */
async function openStage(upstream: Omit<TestUpstream, 'endpoints'> = {}, connectionsMax = 0, workers = 1) {
  const folder = await temporaryFolder()
  const [a, b] = await Promise.all(
    ['a', 'b'].map(name => new MoodyOrigin(name, { kind: 'unix', path: folder.file(name) }).listen()),
  )
  const endpoints = [a!, b!].map(({ name, address }) => ({ name, address, connectionsMax }))
  const routes: TestRoute[] = [{ name: 'all', to: 'api' }]
  const options: TestProxyOptions = { upstreams: { api: { ...upstream, endpoints } }, routes }
  const engine = await startEngine({
    snapshot: testSnapshot(options),
    workers,
    shutdownGraceMs: 100,
    workerModule: workerModule('engine-worker'),
  })
  const [listener] = engine.listeners
  const port = listener?.address.kind === 'tcp' ? listener.address.port : 0
  const stage = {
    a: a!,
    b: b!,
    options,
    engine,
    port,
    api: engine.upstream('api'),
    explain: (target = '/') => explain(engine, target),
    state: (name: string) =>
      engine
        .upstream('api')
        .endpoints()
        .find(one => one.name === name)?.state,
    async ask(target = '/') {
      using client = await rawClient(port)
      await client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`)
      return await client.readResponse()
    },
    async askUntil(condition: () => boolean) {
      while (!condition()) await this.ask()
    },
    async [Symbol.asyncDispose]() {
      await engine.stop()
      for (const origin of [a!, b!]) await origin[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
  return stage
}

async function explain(engine: Engine, target: string): Promise<Explanation> {
  return await engine.explain({
    method: 'GET',
    scheme: 'http',
    authority: 'a.example',
    target,
    fields: [],
    from: '127.0.0.1',
    listener: '',
    certificate: null,
  })
}

const stateOf = ({ upstream }: Explanation, name: string) => upstream?.endpoints.find(one => one.name === name)?.state

describe('explaining by a proxy that runs', () => {
  it('shows endpoints that were taken out, and does not choose them', async () => {
    await using stage = await openStage()
    await stage.api.down('a')
    const explanation = await stage.explain()
    expect(stateOf(explanation, 'a')).toBe('down')
    expect(explanation.upstream).toMatchObject({ name: 'api', endpoint: 'b' })
    await stage.api.up('a')
    await stage.api.drain('b')
    expect((await stage.explain()).upstream).toMatchObject({ endpoint: 'a' })
    expect(stateOf(await stage.explain(), 'b')).toBe('draining')
    await stage.api.down('a')
    expect(await stage.explain()).toMatchObject({
      error: 'no_endpoint',
      upstream: { endpoint: '', endpointReason: 'no endpoint can be chosen now' },
      answer: { status: 503 },
    })
  })

  it('counts the requests that are under way, and goes by them', async () => {
    await using stage = await openStage({ balance: 'least_connections' })
    stage.a.mood = 'silent'
    stage.b.mood = 'silent'
    using client = await rawClient(stage.port)
    await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const busy = await waitFor(() => (stage.a.held > 0 ? 'a' : stage.b.held > 0 ? 'b' : null))
    const { upstream } = await stage.explain()
    expect(upstream?.endpoints.find(({ name }) => name === busy)).toMatchObject({ requests: 1, chosen: false })
    expect(upstream?.endpoint).toBe(busy === 'a' ? 'b' : 'a')
    expect(upstream?.endpointReason).toBe('the fewest under way for its weight')
  })

  it('knows who has been ejected, and probes nobody', async () => {
    await using stage = await openStage({ passive: { consecutive: 1, ejectMs: 200, ejectMaxMs: 200 } })
    await stage.a.leave()
    await stage.askUntil(() => stage.state('a') === 'ejected')
    const ejected = await stage.explain()
    expect(stateOf(ejected, 'a')).toBe('ejected')
    expect(ejected.upstream?.endpoint).toBe('b')
    // Its time goes by, and whoever asks next would be the one that shows whether it is back.
    await stage.api.down('b')
    let probe = await stage.explain()
    while (probe.upstream?.endpoint !== 'a') probe = await stage.explain()
    expect(probe.upstream?.endpointReason).toContain('one request is to show whether it is back')
    expect(stage.state('a')).toBe('ejected')
    await stage.a.listen()
    expect((await stage.ask()).status).toBe(200)
    expect(stage.state('a')).toBe('up')
  })

  it('knows when all are at their limit, and that idle connections are no obstacle', async () => {
    await using stage = await openStage({ queue: null }, 1, 2)
    // Leaves a connection idle at each, in whichever worker.
    for (let count = 0; count < 8; count += 1) await stage.ask()
    expect(await stage.explain()).toMatchObject({ error: '', action: 'forward' })
    await stage.api.down('b')
    using client = await rawClient(stage.port)
    await client.send('GET /held/a HTTP/1.1\r\nHost: a\r\n\r\n')
    await waitFor(() => stage.a.held === 1)
    expect(await stage.explain()).toMatchObject({
      error: 'upstream_full',
      upstream: { endpointReason: 'every endpoint is at its limit of connections' },
    })
    await stage.engine.reload(
      testSnapshot({
        ...stage.options,
        upstreams: { api: { ...(stage.options.upstreams?.api as TestUpstream), queue: { size: 5, timeoutMs: 700 } } },
      }),
    )
    const { error, upstream } = await stage.explain()
    expect(error).toBe('')
    expect(upstream?.endpointReason).toBe(
      'every endpoint is at its limit of connections: the request waits, at most 700 ms',
    )
  })

  it('knows that a circuit is open, and what is answered instead', async () => {
    const fallback = { kind: 'respond', status: 503, fields: [['X-Own', 'yes']], content: Buffer.from('soon') } as const
    const circuitBreaker = { scope: 'upstream', minimum: 1, failureRatio: 0.1, openMs: 60_000, fallback } as const
    await using stage = await openStage({ circuitBreaker, retry: { attempts: 0 }, passive: null })
    stage.a.mood = 500
    stage.b.mood = 500
    await stage.askUntil(() => stage.api.circuit() === 'open')
    const explanation = await stage.explain()
    expect(explanation).toMatchObject({
      route: 'all',
      action: 'respond',
      answer: { status: 503, fields: { 'x-own': 'yes' } },
      fallbacks: [
        { route: 'all', error: 'upstream_circuit_open', upstream: { endpointReason: 'its circuit is open' } },
      ],
    })
    const plain = { ...circuitBreaker, fallback: null }
    await stage.engine.reload(
      testSnapshot({
        ...stage.options,
        upstreams: { api: { ...(stage.options.upstreams?.api as TestUpstream), circuitBreaker: plain } },
      }),
    )
    const refused = await stage.explain()
    expect(refused).toMatchObject({ error: 'upstream_circuit_open', answer: { status: 503 } })
    expect(Number(refused.answer?.fields['retry-after'])).toBeGreaterThan(0)
  })

  it('changes nothing of what runs, however often it is asked', async () => {
    await using stage = await openStage({ balance: 'round_robin' })
    for (let count = 0; count < 4; count += 1) await stage.ask()
    await waitFor(() => {
      const { connectionsOpen, exchangesTotal } = stage.engine.stats()
      return connectionsOpen === 0 && exchangesTotal === 4
    })
    const before = { stats: stage.engine.stats(), endpoints: stage.api.endpoints() }
    for (let count = 0; count < 30; count += 1) await stage.explain()
    expect({ stats: stage.engine.stats(), endpoints: stage.api.endpoints() }).toEqual(before)
    // The round goes on as if nobody had asked.
    expect((await stage.explain()).upstream?.endpoint).toBe((await stage.explain()).upstream?.endpoint)
  })

  it('goes by the configuration in force, with the ports that it got', async () => {
    await using stage = await openStage()
    expect((await stage.explain('/x')).route).toBe('all')
    await stage.engine.reload(
      testSnapshot({
        ...stage.options,
        listeners: [{}, { name: 'second' }],
        routes: [
          { name: 'all', to: 'api', request: { set: [['x-new', 'yes']] } },
          { name: 'x', match: { path: { kind: 'exact', path: '/x' } }, to: 'api' },
        ],
      }),
    )
    const explanation = await stage.explain('/x')
    expect(explanation.route).toBe('x')
    expect(explanation.upstreamRequest?.fields).toContainEqual(['X-Forwarded-Port', String(stage.port)])
    const second = stage.engine.listeners[1]?.address
    const port = second?.kind === 'tcp' ? second.port : 0
    const asked = {
      ...({ method: 'GET', scheme: 'http', target: '/', fields: [] } as const),
      ...{ from: '127.0.0.1', listener: '', certificate: null },
    }
    const other = await stage.engine.explain({ ...asked, authority: `a:${port}` })
    expect(other.listener).toEqual({ name: 'second', reason: `it has port ${port}` })
    await expect(stage.engine.explain({ ...asked, authority: 'a', listener: 'third' })).rejects.toThrow(
      'there is no listener "third"; there is listener0, second',
    )
  })

  it('follows endpoints that come and go', async () => {
    await using stage = await openStage()
    await stage.api.remove('a')
    expect((await stage.explain()).upstream?.endpoints.map(({ name }) => name)).toEqual(['b'])
    await stage.api.add({ address: stage.a.address, name: 'again', weight: 3 })
    expect((await stage.explain()).upstream?.endpoints).toEqual([
      { name: 'b', state: 'up', weight: 1, requests: 0, chosen: false },
      { name: 'again', state: 'up', weight: 3, requests: 0, chosen: true },
    ])
  })
})
