import { describe, expect, it } from 'vitest'
import type { Scene } from '../scene.ts'

/** How the client of an exchange can leave. */
const LEAVING = ['reset', 'cut'] as const

/** Either side gives up at each step; nothing stays behind, which the scene looks at after every test. */
export function abortBehaviours(sceneOf: () => Scene): void {
  describe.each(LEAVING)('a client that leaves (%s)', how => {
    it('before the response takes the request at the origin with it', async () => {
      const [client, origin] = await sceneOf().exchange()
      client[how]()
      await origin.gone
    })

    it('in the middle of its content takes the request with it, which the origin does not take for whole', async () => {
      const [client, origin] = await sceneOf().exchange({ method: 'POST', open: true })
      await client.write('a part')
      await origin.incoming.receive(6)
      client[how]()
      await origin.gone
      expect(await origin.incoming.outcome()).toBe('cut')
    })

    it('in the middle of a declared length takes the request with it', async () => {
      const [client, origin] = await sceneOf().exchange({
        method: 'POST',
        fields: [['content-length', '100']],
        open: true,
      })
      await client.write('a part')
      await origin.incoming.receive(6)
      client[how]()
      await origin.gone
      expect(await origin.incoming.outcome()).toBe('cut')
    })

    it('after the head of the response lets the origin go', async () => {
      const [client, origin] = await sceneOf().exchange()
      await origin.respond({ open: true })
      await client.head()
      client[how]()
      await origin.gone
    })

    it('in the middle of the response lets the origin go', async () => {
      const [client, origin] = await sceneOf().exchange()
      await origin.respond({ open: true })
      await origin.write('a part')
      await client.incoming.receive(6)
      client[how]()
      await origin.gone
    })

    it('in the middle of both lets the origin go', async () => {
      const [client, origin] = await sceneOf().exchange({ method: 'POST', open: true })
      await client.write('a part')
      await origin.respond({ open: true })
      await origin.write('a part')
      await client.incoming.receive(6)
      await origin.incoming.receive(6)
      client[how]()
      await origin.gone
    })

    it('after an interim response takes the request with it', async () => {
      const [client, origin] = await sceneOf().exchange()
      origin.interim(103)
      await client.interims(1)
      client[how]()
      await origin.gone
    })
  })

  describe.each(LEAVING)('an origin that breaks off (%s)', how => {
    it('before its response makes 502, for a request that may not be sent again', async () => {
      const [client, origin] = await sceneOf().exchange({ method: 'POST', content: 'x' })
      await origin.request()
      origin[how]()
      expect((await client.response()).status).toBe(502)
    })

    it('after an interim response makes 502', async () => {
      const [client, origin] = await sceneOf().exchange({ method: 'POST', content: 'x' })
      await origin.request()
      origin.interim(103)
      await client.interims(1)
      origin[how]()
      expect((await client.response()).status).toBe(502)
    })

    it('in the middle of a request makes 502', async () => {
      const [client, origin] = await sceneOf().exchange({ method: 'POST', open: true })
      await client.write('a part')
      await origin.incoming.receive(6)
      origin[how]()
      expect((await client.head()).status).toBe(502)
    })

    it('after the head of the response makes a cut that no client takes for whole', async () => {
      const [client, origin] = await sceneOf().exchange()
      await origin.respond({ open: true })
      await client.head()
      origin[how]()
      expect(await client.outcome()).toBe('cut')
    })

    it('in the middle of the response makes a cut that no client takes for whole', async () => {
      const [client, origin] = await sceneOf().exchange()
      await origin.respond({ open: true })
      await origin.write('a part')
      await client.incoming.receive(6)
      origin[how]()
      expect(await client.outcome()).toBe('cut')
    })

    it('in the middle of a declared length makes a cut', async () => {
      const [client, origin] = await sceneOf().exchange()
      await origin.respond({ open: true, fields: [['content-length', '100']] })
      await origin.write('a part')
      await client.incoming.receive(6)
      origin[how]()
      expect(await client.outcome()).toBe('cut')
    })

    it('does not trouble those who come after', async () => {
      const scene = sceneOf()
      const [client, origin] = await scene.exchange({ method: 'POST', content: 'x' })
      await origin.request()
      origin[how]()
      expect((await client.response()).status).toBe(502)
      const [next, served] = await scene.exchange()
      await served.respond({ content: 'served' })
      expect((await next.response()).content.toString()).toBe('served')
    })
  })

  it('of several clients at one origin only the one that leaves loses its answer', async () => {
    const scene = sceneOf()
    const [leaving, left] = await scene.exchange({ target: '/leaving' })
    const [staying, served] = await scene.exchange({ target: '/staying' })
    leaving.reset()
    await left.gone
    await served.respond({ content: 'served' })
    expect((await staying.response()).content.toString()).toBe('served')
  })
}
