import { describe, expect, it } from 'vitest'
import type { Field } from '../../support/strict-head.ts'
import { valuesOf } from '../../support/strict-head.ts'
import type { RequestSpec, ResponseSpec } from '../peers/exchange.ts'
import type { Scene } from '../scene.ts'

/** What of a response arrives at the client. */
export function responseBehaviours(sceneOf: () => Scene): void {
  async function answered(response: ResponseSpec, request?: RequestSpec) {
    const [client, origin] = await sceneOf().exchange(request)
    await origin.request()
    await origin.respond(response)
    return await client.response()
  }

  const own = (fields: readonly Field[]) => fields.filter(([name]) => name !== 'date')

  describe('a response', () => {
    it.each([200, 201, 206, 299, 301, 400, 404, 418, 451, 500, 503, 599])('has its status: %i', async status => {
      const { status: got, content } = await answered({ status, content: 'text' })
      expect([got, content.toString()]).toEqual([status, 'text'])
    })

    it('has its fields in their order, repeated and empty ones, with every byte of the values', async () => {
      const fields: Field[] = [
        ['server', 'an origin'],
        ['x-b', '1'],
        ['x-a', ''],
        ['x-b', '2, 3'],
        ['set-cookie', 'a=1; Path=/'],
        ['set-cookie', 'b=2, 3'],
        ['x-obs', 'caf\u00e9 \u00ff'],
        ['cache-control', 'max-age=3, private'],
        ['x-long', 'v'.repeat(6_000)],
      ]
      const expected = fields.filter(([name]) => name !== 'date')
      expect(own((await answered({ fields })).fields)).toEqual(expected)
    })

    it('has its Date', async () => {
      const date: Field = ['date', 'Tue, 15 Nov 1994 08:12:31 GMT']
      expect(valuesOf((await answered({ fields: [date] })).fields, 'date')).toEqual([date[1]])
    })

    it.each([204, 304])('has no content with status %i', async status => {
      const response = await answered({ status, fields: [['etag', '"x"']] })
      expect(response).toMatchObject({ status, length: null })
      expect(response.content.length).toBe(0)
      expect(valuesOf(response.fields, 'etag')).toEqual(['"x"'])
    })

    it('to HEAD has the length of what GET would get, and no content', async () => {
      const response = await answered({ fields: [['content-length', '12345']] }, { method: 'HEAD' })
      expect(response).toMatchObject({ status: 200, length: 12_345 })
      expect(response.content.length).toBe(0)
    })

    it('to HEAD may say no length', async () => {
      const response = await answered({}, { method: 'HEAD' })
      expect(response.status).toBe(200)
      expect(response.content.length).toBe(0)
    })

    it('of an error may have content that HEAD does not get', async () => {
      const response = await answered({ status: 404, fields: [['content-length', '9']] }, { method: 'HEAD' })
      expect(response).toMatchObject({ status: 404, length: 9 })
    })

    it('after one to HEAD on the same connection is read from its beginning', async () => {
      const scene = sceneOf()
      const connection = await scene.connect()
      const first = await connection.request({ method: 'HEAD' })
      await (await scene.next()).respond({ fields: [['content-length', '5']] })
      await first.response()
      const second = await connection.request()
      await (await scene.next()).respond({ content: 'whole' })
      expect((await second.response()).content.toString()).toBe('whole')
    })
  })

  describe('interim responses', () => {
    it('arrive before the final one, with their fields', async () => {
      const [client, origin] = await sceneOf().exchange()
      origin.interim(103, ['link', '</a.css>; rel=preload'])
      origin.interim(103, ['link', '</b.js>; rel=preload'])
      expect(await client.interims(2)).toMatchObject([
        { status: 103, fields: [['link', '</a.css>; rel=preload']] },
        { status: 103, fields: [['link', '</b.js>; rel=preload']] },
      ])
      await origin.respond({ content: 'final' })
      const response = await client.response()
      expect(response.interim.map(({ status }) => status)).toEqual([103, 103])
      expect(response.content.toString()).toBe('final')
    })

    it('arrive as soon as they come', async () => {
      const [client, origin] = await sceneOf().exchange()
      origin.interim(102)
      expect(await client.interims(1)).toMatchObject([{ status: 102 }])
      origin.interim(103, ['link', '</c.css>'])
      expect(await client.interims(2)).toMatchObject([{ status: 102 }, { status: 103 }])
      await origin.respond()
      expect((await client.response()).status).toBe(200)
    })

    it('to HEAD arrive too', async () => {
      const [client, origin] = await sceneOf().exchange({ method: 'HEAD' })
      origin.interim(103, ['link', '</a.css>'])
      await origin.respond({ fields: [['content-length', '3']] })
      const { interim, length } = await client.response()
      expect(interim.map(({ status }) => status)).toEqual([103])
      expect(length).toBe(3)
    })
  })
}
