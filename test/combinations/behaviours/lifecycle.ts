import { afterEach, describe, expect, it } from 'vitest'
import { type InstrumentedProxy, startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import type { TestProxyOptions } from '../../support/snapshot.ts'
import type { ClientExchange } from '../peers/exchange.ts'
import type { Scene } from '../scene.ts'

/** Stops and reloads while exchanges run. Each has a proxy of its own. */
export function lifecycleBehaviours(sceneOf: () => Scene): void {
  const proxies: InstrumentedProxy[] = []

  afterEach(async () => {
    await sceneOf().rest()
    for (const proxy of proxies.splice(0)) await proxy.stop()
  })

  const protocol = () => (sceneOf().combination.origin === 'h2' ? ('h2c' as const) : ('http' as const))
  const proxyBefore = (origin: 'a' | 'b'): TestProxyOptions => ({
    upstreams: { main: { endpoints: [sceneOf().places[origin]], protocol: protocol() } },
  })

  async function start(shutdownGraceMs = 5_000) {
    const proxy = await startInstrumentedProxy({ ...proxyBefore('a'), shutdownGraceMs })
    proxies.push(proxy)
    const connect = () => sceneOf().connectTo({ kind: 'tcp', host: '127.0.0.1', port: proxy.port })
    return { proxy, connect }
  }

  /** An exchange of which the client has the beginning of the response. */
  async function running(connect: () => ReturnType<Scene['connectTo']>) {
    const connection = await connect()
    const client: ClientExchange = await connection.request({ method: 'POST', open: true })
    const origin = await sceneOf().next()
    await client.write('begin')
    await origin.incoming.receive(5)
    await origin.respond({ open: true })
    await origin.write('BEGIN')
    await client.incoming.receive(5)
    return { connection, client, origin }
  }

  describe('a proxy that is stopped', () => {
    it('lets what runs come to its end, both ways, and then closes the connections', async () => {
      const { proxy, connect } = await start()
      const { connection, client, origin } = await running(connect)
      const stopped = proxy.stop()
      await client.write('end')
      await client.end()
      expect((await origin.request()).content.toString()).toBe('beginend')
      await origin.write('END')
      await origin.end()
      expect((await client.response()).content.toString()).toBe('BEGINEND')
      await connection.closed
      await stopped
    })

    it('closes connections without a request at once', async () => {
      const { proxy, connect } = await start()
      const connection = await connect()
      const exchange = await connection.request()
      await (await sceneOf().next()).respond({ content: 'x' })
      await exchange.response()
      const stopped = proxy.stop()
      await connection.closed
      await stopped
    })

    it('cuts what still runs when the grace is over', async () => {
      const { proxy, connect } = await start(50)
      const { client, origin } = await running(connect)
      await proxy.stop()
      expect(await client.outcome()).toBe('cut')
      await origin.gone
    })
  })

  describe('a proxy that is reloaded', () => {
    it('lets what runs go on as it began, on its connection', async () => {
      const { proxy, connect } = await start()
      const { client, origin } = await running(connect)
      await proxy.reload(proxyBefore('b'))
      await client.write('end')
      await client.end()
      expect((await origin.request()).content.toString()).toBe('beginend')
      await origin.write('END')
      await origin.end()
      expect((await client.response()).content.toString()).toBe('BEGINEND')
    })

    it('serves new requests of an open connection with what is new', async () => {
      const scene = sceneOf()
      const { proxy, connect } = await start()
      const connection = await connect()
      const first = await connection.request()
      await (await scene.next('a')).respond({ content: 'of a' })
      expect((await first.response()).content.toString()).toBe('of a')
      await proxy.reload(proxyBefore('b'))
      const second = await connection.request()
      await (await scene.next('b')).respond({ content: 'of b' })
      expect((await second.response()).content.toString()).toBe('of b')
    })

    it('lets go of connections to origins that it has no more', async () => {
      const scene = sceneOf()
      const { proxy, connect } = await start()
      const first = await (await connect()).request()
      await (await scene.next('a')).respond({ content: 'x' })
      await first.response()
      await proxy.reload(proxyBefore('b'))
      const second = await (await connect()).request()
      await (await scene.next('b')).respond({ content: 'y' })
      await second.response()
      await scene.rest()
      await proxy.nothingLeft()
    })
  })
}
