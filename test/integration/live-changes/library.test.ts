import { describe, expect, it } from 'vitest'
import { createProxy, defineConfig, type EngineEvent } from '../../../src/index.ts'
import { get } from '../../support/heads.ts'
import { MoodyOrigin } from '../../support/moody-origin.ts'
import { rawClient } from '../../support/raw-client.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { waitFor } from '../../support/wait-for.ts'

async function open() {
  const folder = await temporaryFolder()
  const [a, b] = await Promise.all(
    ['a', 'b'].map(name => new MoodyOrigin(name, { kind: 'unix', path: folder.file(name) }).listen()),
  )
  if (a === undefined || b === undefined) throw new Error('two origins are two')
  const events: EngineEvent[] = []
  const configuration = defineConfig({
    runtime: { workers: 2 },
    listeners: { web: { address: '127.0.0.1:0' } },
    upstreams: {
      api: { endpoints: [{ address: `unix:${folder.file('a')}` }, { address: `unix:${folder.file('b')}` }] },
    },
    routes: [{ upstream: 'api' }],
  })
  const proxy = await createProxy(configuration, { onEvent: event => events.push(event) })
  return {
    a,
    b,
    proxy,
    events,
    async ask(): Promise<string> {
      using client = await rawClient(proxy.listeners[0]!.address)
      await client.send(get('/x'))
      const { status, content } = await client.readResponse()
      return status === 200 ? content.toString() : String(status)
    },
    async [Symbol.asyncDispose]() {
      await proxy.close()
      await Promise.all([a.leave(), b.leave()])
      await folder[Symbol.asyncDispose]()
    },
  }
}

describe('a proxy in an application, with nothing configured but the addresses of two endpoints', () => {
  it('takes an endpoint out that fails, tells of it once, and shows it', async () => {
    await using played = await open()
    await played.a.leave()
    for (let index = 0; index < 30; index += 1) expect(await played.ask()).toBe('b /x')
    const told = played.events.filter(({ kind }) => kind !== 'worker_started')
    expect(told).toMatchObject([{ kind: 'endpoint_health', upstream: 'api', change: 'ejected' }])
    const [first, second] = played.proxy.upstream('api').endpoints()
    expect([first?.state, second?.state]).toEqual(['ejected', 'up'])
    expect(first).toMatchObject({ upstream: 'api', ejections: 1, goodTries: 0, requests: 0, weight: 1 })
    expect(played.proxy.stats().inFlight.map(({ endpoint }) => endpoint)).toEqual([first?.name, second?.name])
  })

  it('is changed by the names of its configuration, and says what there is when asked for another', async () => {
    await using played = await open()
    const api = played.proxy.upstream('api')
    const [first, second] = api.endpoints().map(({ name }) => name) as [string, string]
    await api.drain(first)
    expect(await played.ask()).toBe('b /x')
    await api.up(first)
    await api.remove(second)
    expect(await played.ask()).toBe('a /x')
    await expect(api.up(second)).rejects.toThrow(RangeError)
    expect(() => played.proxy.upstream('apu')).toThrow(new RangeError('there is no upstream apu; there is api'))
  })

  it('can be looked at when it has stopped, and not be changed any more', async () => {
    const played = await open()
    await played.ask()
    const api = played.proxy.upstream('api')
    const [name] = api.endpoints().map(endpoint => endpoint.name) as [string]
    await api.down(name)
    await Promise.all([played.proxy.close(), played.proxy.close()])
    expect(played.proxy.stats()).toMatchObject({ exchangesTotal: 1, exchangesActive: 0, connectionsOpen: 0 })
    expect(api.endpoints().map(({ state, requests }) => [state, requests])).toEqual([
      ['down', 0],
      ['up', 0],
    ])
    expect(played.proxy.upstream('api').endpoints().length).toBe(2)
    for (const change of [api.up(name), api.drain(name), api.remove(name), api.setWeight(name, 2)]) {
      await expect(change).rejects.toThrow('the proxy has stopped: the upstream api cannot be changed')
    }
    await played[Symbol.asyncDispose]()
  })

  it('resolves changes that were under way when it stops', async () => {
    const played = await open()
    const api = played.proxy.upstream('api')
    const [first, second] = api.endpoints().map(({ name }) => name) as [string, string]
    using client = await rawClient(played.proxy.listeners[0]!.address)
    await client.send(get('/held/a'))
    await waitFor(() => played.a.held === 1, 'a request that its origin holds')
    const changes = [api.drain(first), api.drain(second), api.setWeight(second, 5)]
    changes.push(api.add({ address: { kind: 'tcp', host: '127.0.0.1', port: 1 } }))
    const closed = played.proxy.close()
    await Promise.all(changes)
    played.a.release()
    await closed
    await played[Symbol.asyncDispose]()
  })
})
