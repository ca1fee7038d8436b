import { describe, expect, it } from 'vitest'
import { valuesOf } from '../../support/strict-head.ts'
import { turns } from '../../support/turns.ts'
import type { Scene } from '../scene.ts'

/** More than one endpoint for a request: tries, hedges, copies, and who gets which. */
export function attemptBehaviours(sceneOf: () => Scene): void {
  describe('a request is tried again', () => {
    it('where the connection is refused, whatever its method', async () => {
      const scene = sceneOf()
      const client = await scene.send({ method: 'POST', content: 'content', authority: 'refused.example' })
      const origin = await scene.next('b')
      expect((await origin.request()).content.toString()).toBe('content')
      await origin.respond({ content: 'of b' })
      expect((await client.response()).content.toString()).toBe('of b')
    })

    it.each(['GET', 'PUT', 'DELETE'])('where the first try breaks: %s', async method => {
      const scene = sceneOf()
      const spec = method === 'PUT' ? { content: 'content' } : {}
      const [client, first] = await scene.exchange({ method, authority: 'pair.example', ...spec })
      await first.request()
      first.reset()
      const second = await scene.next('b')
      expect((await second.request()).content.toString()).toBe(spec.content ?? '')
      expect(valuesOf(second.head.fields, 'x-request-id')).toEqual(valuesOf(first.head.fields, 'x-request-id'))
      await second.respond({ content: 'of b' })
      expect((await client.response()).content.toString()).toBe('of b')
    })

    it('not where it may have been received and is not idempotent', async () => {
      const scene = sceneOf()
      const [client, first] = await scene.exchange({ method: 'POST', content: 'x', authority: 'pair.example' })
      await first.request()
      first.reset()
      expect((await client.response()).status).toBe(502)
      expect(scene.count('b')).toBe(0)
    })

    it('where the status is one of those', async () => {
      const scene = sceneOf()
      const [client, first] = await scene.exchange({ authority: 'pair.example' })
      await first.respond({ status: 503, content: 'not now' })
      await (await scene.next('b')).respond({ content: 'of b' })
      const response = await client.response()
      expect([response.status, response.content.toString()]).toEqual([200, 'of b'])
    })

    it('with its content, of unknown length, and its trailers', async () => {
      const scene = sceneOf()
      const trailers = [['x-end', 'yes']] as const
      const spec = { method: 'PUT', content: 'some content', unknownLength: true, trailers, authority: 'pair.example' }
      const [client, first] = await scene.exchange(spec)
      await first.request()
      await first.respond({ status: 503, content: 'not now' })
      const second = await scene.next('b')
      const request = await second.request()
      expect([request.content.toString(), request.trailers]).toEqual(['some content', trailers])
      await second.respond()
      expect((await client.response()).status).toBe(200)
    })

    it('where no response comes in time', async () => {
      const scene = sceneOf()
      const [client, first] = await scene.exchange({ authority: 'late.example' })
      const second = await scene.next('b')
      await first.gone
      await second.respond({ content: 'of b' })
      expect((await client.response()).content.toString()).toBe('of b')
    })

    it('not once the client has a part of the response', async () => {
      const scene = sceneOf()
      const [client, first] = await scene.exchange({ authority: 'pair.example' })
      await first.respond({ open: true })
      await first.write('a part')
      await client.incoming.receive(6)
      first.reset()
      expect(await client.outcome()).toBe('cut')
      expect(scene.count('b')).toBe(0)
    })

    it('and no more once its client has left', async () => {
      const scene = sceneOf()
      const [client, first] = await scene.exchange({ authority: 'pair.example' })
      client.reset()
      await first.gone
      await turns()
      expect(scene.count('b')).toBe(0)
    })

    it('as long as there are endpoints; then the last answer is told', async () => {
      const scene = sceneOf()
      const [client, first] = await scene.exchange({ authority: 'pair.example' })
      await first.respond({ status: 503, content: 'of a' })
      await (await scene.next('b')).respond({ status: 503, content: 'of b' })
      const response = await client.response()
      expect([response.status, response.content.toString()]).toEqual([503, 'of b'])
    })
  })

  describe('where there is nobody to ask', () => {
    it.each([
      ['dead', 502],
      ['empty', 503],
    ] as const)('the answer is our own: %s, %i', async (name, status) => {
      const client = await sceneOf().send({ authority: `${name}.example` })
      expect((await client.response()).status).toBe(status)
    })

    it('content that comes all the same does not keep the answer back', async () => {
      const client = await sceneOf().send({ method: 'POST', content: 'x'.repeat(50_000), authority: 'dead.example' })
      expect((await client.response()).status).toBe(502)
    })

    it('an open circuit answers at once', async () => {
      const scene = sceneOf()
      const [client, origin] = await scene.exchange({ authority: 'broken.example' })
      await origin.respond({ status: 500 })
      expect((await client.response()).status).toBe(500)
      const second = await scene.send({ authority: 'broken.example' })
      expect((await second.response()).status).toBe(503)
      expect(scene.count('a')).toBe(1)
    })
  })

  describe('a hedged request', () => {
    it('is answered by the second try where the first one is late, which is then given up', async () => {
      const scene = sceneOf()
      const [client, first] = await scene.exchange({ authority: 'hedged.example' })
      const second = await scene.next('b')
      await second.respond({ content: 'of b' })
      expect((await client.response()).content.toString()).toBe('of b')
      await first.gone
    })

    it('is answered by the first try where that comes before the other', async () => {
      const scene = sceneOf()
      const [client, first] = await scene.exchange({ authority: 'hedged.example' })
      const second = await scene.next('b')
      await first.respond({ content: 'of a' })
      expect((await client.response()).content.toString()).toBe('of a')
      await second.gone
    })

    it('takes both tries with it when its client leaves', async () => {
      const scene = sceneOf()
      const [client, first] = await scene.exchange({ authority: 'hedged.example' })
      const second = await scene.next('b')
      client.reset()
      await Promise.all([first.gone, second.gone])
    })
  })

  describe('a mirrored request', () => {
    it('goes to both with its content; the client gets the answer of the first', async () => {
      const scene = sceneOf()
      const spec = { method: 'POST', target: '/m?x=1', content: 'copied', authority: 'mirrored.example' }
      const [client, origin] = await scene.exchange(spec)
      const mirror = await scene.next('b')
      expect((await origin.request()).content.toString()).toBe('copied')
      expect(await mirror.request()).toMatchObject({ method: 'POST', target: '/m?x=1', authority: 'mirrored.example' })
      expect((await mirror.request()).content.toString()).toBe('copied')
      await mirror.respond({ status: 500, content: 'nobody reads this' })
      await origin.respond({ content: 'answer' })
      expect((await client.response()).content.toString()).toBe('answer')
    })

    it('is copied with content of unknown length and trailers', async () => {
      const scene = sceneOf()
      const trailers = [['x-end', 'yes']] as const
      const spec = { method: 'POST', open: true, authority: 'mirrored.example' }
      const [client, origin] = await scene.exchange(spec)
      await client.write('piece by ')
      await client.write('piece')
      await client.end(trailers)
      const mirror = await scene.next('b')
      for (const end of [origin, mirror]) {
        const request = await end.request()
        expect([request.content.toString(), request.trailers]).toEqual(['piece by piece', trailers])
      }
      await mirror.respond()
      await origin.respond()
      expect((await client.response()).status).toBe(200)
    })

    it('is answered though its copy breaks', async () => {
      const scene = sceneOf()
      const [client, origin] = await scene.exchange({ authority: 'mirrored.example' })
      const mirror = await scene.next('b')
      mirror.cut()
      await origin.respond({ content: 'answer' })
      expect((await client.response()).content.toString()).toBe('answer')
    })
  })

  describe('who gets a request', () => {
    it('is who had the client before, where its cookie says so', async () => {
      const scene = sceneOf()
      const first = await scene.send({ authority: 'sticky.example' })
      const [name, origin] = await scene.nextOf('a', 'b')
      await origin.respond()
      const [cookie = ''] = valuesOf((await first.response()).fields, 'set-cookie')
      expect(cookie).toMatch(/^sluice_sid=[^;]+;/)
      const fields = [['cookie', `other=1; ${cookie.split(';')[0]}`]] as const
      for (let count = 0; count < 3; count += 1) {
        const client = await scene.send({ authority: 'sticky.example', fields })
        await (await scene.next(name)).respond()
        expect((await client.response()).status).toBe(200)
      }
    })

    it('is who its key says', async () => {
      const scene = sceneOf()
      const names = new Set<string>()
      for (let count = 0; count < 4; count += 1) {
        const client = await scene.send({ authority: 'hashed.example', fields: [['x-user', 'somebody']] })
        const [name, origin] = await scene.nextOf('a', 'b')
        names.add(name)
        await origin.respond()
        expect((await client.response()).status).toBe(200)
      }
      expect(names.size).toBe(1)
    })

    it('is the target of a split whose conditions hold', async () => {
      const scene = sceneOf()
      const canary = await scene.send({ authority: 'split.example', fields: [['x-canary', 'yes']] })
      await (await scene.next('b')).respond({ content: 'of b' })
      expect((await canary.response()).content.toString()).toBe('of b')
      const [other, origin] = await scene.exchange({ authority: 'split.example' })
      await origin.respond({ content: 'of a' })
      expect((await other.response()).content.toString()).toBe('of a')
    })
  })
}
