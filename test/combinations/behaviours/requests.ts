import { describe, expect, it } from 'vitest'
import type { Field } from '../../support/strict-head.ts'
import { valuesOf } from '../../support/strict-head.ts'
import type { RequestSpec } from '../peers/exchange.ts'
import type { Scene } from '../scene.ts'
import type { ListenerName } from '../settings.ts'

/** What of a request arrives at the origin. */
export function requestBehaviours(sceneOf: () => Scene): void {
  /** The head that arrives, after an answer that ends the exchange. */
  async function arrived(spec: RequestSpec, listener?: ListenerName) {
    const client = await sceneOf().send(spec, listener)
    const origin = await sceneOf().next()
    const request = await origin.request()
    await origin.respond()
    expect((await client.response()).status).toBe(200)
    return request
  }

  /** The fields that the client sent, without those that the proxy adds. */
  const own = (fields: readonly Field[]) =>
    fields.filter(([name]) => !/^(?:x-forwarded-|via$|x-request-id$)/.test(name))

  describe('a request', () => {
    it.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'REPORT', 'M-SEARCH'])(
      'has its method: %s',
      async method => {
        expect((await arrived({ method })).method).toBe(method)
      },
    )

    it.each([
      '/',
      '/a/b.c?d=e&f=g',
      '/?',
      '/a?b?c=/d/../e',
      "/-._~!$&'()*+,;=:@",
      '/%20%25%C3%A9?q=%20%2F+%00',
      '/a%2Fb',
      '/?[]{}|^`"<>',
    ])('has its target byte for byte: %s', async target => {
      expect((await arrived({ target })).target).toBe(target)
    })

    it('has a target of several thousand bytes', async () => {
      const target = `/${'abcdefghi/'.repeat(300)}?${'k=v&'.repeat(500)}`
      expect((await arrived({ target })).target).toBe(target)
    })

    it('has its path in canonical form', async () => {
      expect((await arrived({ target: '/a/./b/../c//%7Ed?e/../f' })).target).toBe('/a/c/~d?e/../f')
    })

    it.each(['a.example', 'A.Example:8080', '[::1]:99', '192.0.2.1'])('has its authority: %s', async authority => {
      expect((await arrived({ authority })).authority).toBe(authority)
    })

    it('OPTIONS may be of the server as a whole', async () => {
      const { method, target } = await arrived({ method: 'OPTIONS', target: '*' })
      expect([method, target]).toEqual(['OPTIONS', '*'])
    })

    it('has its fields in their order, repeated and empty ones, with every byte of the values', async () => {
      const fields: Field[] = [
        ['accept', '*/*'],
        ['x-b', '1'],
        ['x-a', ''],
        ['x-b', '2, 3'],
        ['x-obs', 'caf\u00e9 \u00ff\u0080'],
        ['x-tab', 'a\tb  c'],
        ['x-all', '!#$%&\'*+-.^_`|~ "(),/:;<=>?@[\\]{}'],
        ['x-b', ''],
        ['x-long', 'v'.repeat(6_000)],
      ]
      expect(own((await arrived({ fields })).fields)).toEqual(fields)
    })

    it('has a hundred fields', async () => {
      const fields = Array.from({ length: 95 }, (_, index): Field => [`x-field-${index}`, String(index)])
      expect(own((await arrived({ fields })).fields)).toEqual(fields)
    })

    it('has all of its cookies', async () => {
      const crumbs: Field[] =
        sceneOf().combination.client === 'h2'
          ? [
              ['cookie', 'a=1'],
              ['cookie', 'b=2; c="3 4"'],
              ['cookie', 'd='],
            ]
          : [['cookie', 'a=1; b=2; c="3 4"; d=']]
      const { fields } = await arrived({ fields: crumbs })
      expect(valuesOf(fields, 'cookie').join('; ')).toBe('a=1; b=2; c="3 4"; d=')
      if (sceneOf().combination.origin === 'h1') expect(valuesOf(fields, 'cookie')).toHaveLength(1)
    })

    it('has TE: trailers, and no other TE', async () => {
      expect(valuesOf((await arrived({ fields: [['te', 'trailers']] })).fields, 'te')).toEqual(['trailers'])
    })

    it('has credentials and conditions as they are', async () => {
      const fields: Field[] = [
        ['authorization', 'Bearer abc.def=='],
        ['if-none-match', '"x", W/"y"'],
        ['range', 'bytes=0-1,5-'],
        ['accept-encoding', 'gzip;q=1.0, *;q=0'],
        ['max-forwards', '5'],
      ]
      expect(own((await arrived({ fields })).fields)).toEqual(fields)
    })
  })

  describe('what the proxy adds to a request', () => {
    const via = () => (sceneOf().combination.client === 'h2' ? '2 sluice' : '1.1 sluice')

    it('says who asked, for what and by which way', async () => {
      const { fields } = await arrived({ authority: 'a.example:81' })
      const added = fields.filter(([name]) => name !== 'x-request-id')
      expect(Object.fromEntries(added)).toEqual({
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-proto': 'http',
        'x-forwarded-host': 'a.example:81',
        'x-forwarded-port': String(sceneOf().proxy.port),
        via: via(),
      })
      expect(valuesOf(fields, 'x-request-id')).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)])
    })

    const claims: Field[] = [
      ['x-forwarded-for', '192.0.2.1'],
      ['x-forwarded-proto', 'https'],
      ['x-forwarded-host', 'shop.example'],
      ['x-forwarded-port', '443'],
      ['x-request-id', 'from-afar'],
      ['forwarded', 'for=192.0.2.1'],
    ]

    it('replaces what a stranger claims', async () => {
      const { fields } = await arrived({ fields: claims })
      expect(valuesOf(fields, 'x-forwarded-for')).toEqual(['127.0.0.1'])
      expect(valuesOf(fields, 'x-forwarded-proto')).toEqual(['http'])
      expect(valuesOf(fields, 'x-forwarded-host')).toEqual(['a.example'])
      expect(valuesOf(fields, 'x-request-id')).not.toContain('from-afar')
      expect(valuesOf(fields, 'forwarded')).toEqual([])
    })

    it('extends what a trusted proxy says', async () => {
      const { fields } = await arrived({ fields: claims }, 'trusting')
      expect(valuesOf(fields, 'x-forwarded-for').join(', ')).toBe('192.0.2.1, 127.0.0.1')
      expect(valuesOf(fields, 'x-forwarded-proto')).toEqual(['https'])
      expect(valuesOf(fields, 'x-forwarded-host')).toEqual(['shop.example'])
      expect(valuesOf(fields, 'x-request-id')).toEqual(['from-afar'])
      const forwarded = 'for=192.0.2.1, for=127.0.0.1;host=a.example;proto=http'
      expect(valuesOf(fields, 'forwarded').join(', ')).toBe(forwarded)
    })

    it('extends Via', async () => {
      const { fields } = await arrived({ fields: [['via', '1.0 fred']] })
      expect(valuesOf(fields, 'via').join(', ')).toBe(`1.0 fred, ${via()}`)
    })

    it('has another request id each time', async () => {
      const ids = new Set<string>()
      for (let index = 0; index < 5; index += 1) ids.add(valuesOf((await arrived({})).fields, 'x-request-id').join())
      expect(ids.size).toBe(5)
    })
  })

  describe('requests on one connection', () => {
    it('one after the other all arrive', async () => {
      const scene = sceneOf()
      const client = await scene.connect()
      for (let index = 0; index < 5; index += 1) {
        const exchange = await client.request({ target: `/${index}` })
        const origin = await scene.next()
        expect(origin.head.target).toBe(`/${index}`)
        await origin.respond({ content: `answer ${index}` })
        expect((await exchange.response()).content.toString()).toBe(`answer ${index}`)
      }
    })

    it('at once all have their own answers', async () => {
      const scene = sceneOf()
      const client = await scene.connect()
      const exchanges = await Promise.all(
        Array.from({ length: 8 }, (_, index) => client.request({ target: `/${index}` })),
      )
      const serve = async () => {
        for (let left = 8; left > 0; left -= 1) {
          const origin = await scene.next()
          await origin.respond({ content: `answer to ${origin.head.target}` })
        }
      }
      await serve()
      for (const [index, exchange] of exchanges.entries()) {
        expect((await exchange.response()).content.toString()).toBe(`answer to /${index}`)
      }
    })

    it('share connections to the origin', async () => {
      const scene = sceneOf()
      const used = new Set<number>()
      for (let index = 0; index < 4; index += 1) {
        const [client, origin] = await scene.exchange()
        used.add(origin.connection)
        await origin.respond({ content: 'x' })
        await client.response()
      }
      expect(used.size).toBe(1)
    })
  })
}
