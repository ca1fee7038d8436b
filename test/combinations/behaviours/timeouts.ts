import { describe, expect, it } from 'vitest'
import type { Combination, Scene } from '../scene.ts'

/** What becomes of a side that takes too long. That time has passed is seen by what the proxy does, never measured. */
export function timeoutBehaviours(sceneOf: () => Scene, { client }: Combination): void {
  describe('an origin that takes too long', () => {
    it('for its response makes 504, and is let go', async () => {
      const [client, origin] = await sceneOf().exchange({ authority: 'brief.example' })
      expect((await client.response()).status).toBe(504)
      await origin.gone
    })

    it('for its response to content makes 504', async () => {
      const [client, origin] = await sceneOf().exchange({ method: 'POST', content: 'x', authority: 'brief.example' })
      await origin.request()
      expect((await client.response()).status).toBe(504)
      await origin.gone
    })

    it('after an interim response makes 504', async () => {
      const [client, origin] = await sceneOf().exchange({ authority: 'brief.example' })
      origin.interim(103)
      expect(await client.interims(1)).toHaveLength(1)
      expect((await client.response()).status).toBe(504)
    })

    it('in the middle of its response makes a cut', async () => {
      const [client, origin] = await sceneOf().exchange({ authority: 'brief.example' })
      await origin.respond({ open: true })
      await origin.write('a part')
      await client.incoming.receive(6)
      expect(await client.outcome()).toBe('cut')
      await origin.gone
    })

    it('in all makes 504 where the whole exchange has a deadline', async () => {
      const [client, origin] = await sceneOf().exchange({ authority: 'total.example' })
      expect((await client.response()).status).toBe(504)
      await origin.gone
    })

    it('in all makes a cut in the middle of the response', async () => {
      const [client, origin] = await sceneOf().exchange({ authority: 'total.example' })
      await origin.respond({ open: true })
      await origin.write('a part')
      await client.incoming.receive(6)
      expect(await client.outcome()).toBe('cut')
      await origin.gone
    })

    it('does not keep others on the same connection from their answers', async () => {
      const scene = sceneOf()
      const connection = await scene.connect()
      const late = await connection.request({ authority: 'brief.example', target: '/late' })
      await scene.next()
      expect((await late.response()).status).toBe(504)
      const other = await connection.request({ target: '/other' })
      await (await scene.next()).respond({ content: 'served' })
      expect((await other.response()).content.toString()).toBe('served')
    })
  })

  describe('a client that takes too long', () => {
    /** A client that has the head of its answer, and sends no content. */
    async function answeredAlready() {
      const stalling = await sceneOf().send({ method: 'POST', open: true }, 'impatient')
      const origin = await sceneOf().next()
      await origin.respond({ open: true })
      await stalling.head()
      return { stalling, origin }
    }

    it('with its content gets 408, and the origin is let go', async () => {
      const scene = sceneOf()
      const client = await scene.send({ method: 'POST', open: true }, 'impatient')
      const origin = await scene.next()
      await client.write('a part')
      await origin.incoming.receive(6)
      expect((await client.head()).status).toBe(408)
      await origin.gone
    })

    // With HTTP/2 the two sides may take turns, as gRPC has it: there the time is that of the client.
    it.runIf(client === 'h1')('with its content after the answer has begun is cut', async () => {
      const { stalling, origin } = await answeredAlready()
      expect(await stalling.outcome()).toBe('cut')
      await origin.gone
    })

    it.runIf(client === 'h2')('with its content after the answer has begun is waited for', async () => {
      const scene = sceneOf()
      const { stalling, origin } = await answeredAlready()
      // One that has no answer tells when the time is over.
      const other = await scene.send({ method: 'POST', open: true }, 'impatient')
      await scene.next()
      expect((await other.head()).status).toBe(408)
      await stalling.write('late')
      await stalling.end()
      expect((await origin.request()).content.toString()).toBe('late')
      await origin.end()
      expect((await stalling.response()).status).toBe(200)
    })

    it('between its requests loses its connection', async () => {
      const scene = sceneOf()
      const connection = await scene.connect('impatient')
      const exchange = await connection.request()
      await (await scene.next()).respond({ content: 'x' })
      await exchange.response()
      await connection.closed
    })

    it('in taking its answer is cut, and the origin is let go', async () => {
      const scene = sceneOf()
      const client = await scene.send({}, 'impatient')
      const origin = await scene.next()
      client.pause()
      await origin.respond({ open: true })
      const piece = Buffer.alloc(1_000_000)
      const writeAll = async () => {
        for (let index = 0; index < 40; index += 1) await origin.write(piece)
      }
      await Promise.race([origin.gone, writeAll()])
      await origin.gone
    })
  })
}
