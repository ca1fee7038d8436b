import { describe, expect, it } from 'vitest'
import { valuesOf } from '../../support/strict-head.ts'
import type { RequestSpec } from '../peers/exchange.ts'
import type { Scene } from '../scene.ts'

/** What routes change, and what the proxy answers itself. */
export function actionBehaviours(sceneOf: () => Scene): void {
  const ask = async (spec: RequestSpec) => await (await sceneOf().send(spec)).response()

  describe('a route that rewrites', () => {
    it('sends the path, the query and the host that it makes', async () => {
      const [client, origin] = await sceneOf().exchange({
        authority: 'rewritten.example',
        target: '/old/12-34?debug=1&a=b&lang=de',
        fields: [['x-tenant', 'acme']],
      })
      const { target, authority } = origin.head
      expect([authority, target]).toEqual(['acme.internal:81', '/new/34-12?a=b&lang=en&from=rewritten.example'])
      await origin.respond()
      expect((await client.response()).status).toBe(200)
    })

    it('tells the origin the host that was asked for', async () => {
      const [client, origin] = await sceneOf().exchange({ authority: 'rewritten.example', fields: [['x-tenant', 'x']] })
      expect(valuesOf(origin.head.fields, 'x-forwarded-host')).toEqual(['rewritten.example'])
      await origin.respond()
      expect((await client.response()).status).toBe(200)
    })
  })

  describe('a route that edits', () => {
    it('changes the fields of requests', async () => {
      const [client, origin] = await sceneOf().exchange({
        method: 'PUT',
        authority: 'edited.example',
        target: '/e?q',
        fields: [
          ['x-old', 'kept'],
          ['x-gone', '1'],
          ['x-gone', '2'],
          ['x-asked', 'a lie'],
          ['x-other', 'same'],
        ],
        content: 'x',
      })
      const { fields } = origin.head
      expect(valuesOf(fields, 'x-new')).toEqual(['kept'])
      expect(valuesOf(fields, 'x-old')).toEqual([])
      expect(valuesOf(fields, 'x-gone')).toEqual([])
      expect(valuesOf(fields, 'x-asked')).toEqual(['PUT /e'])
      expect(valuesOf(fields, 'x-trace')).toEqual(valuesOf(fields, 'x-request-id'))
      expect(valuesOf(fields, 'x-other')).toEqual(['same'])
      await origin.respond()
      await client.response()
    })

    it('changes the fields of responses', async () => {
      const spec = { authority: 'edited.example', fields: [['x-trace', 'mine']] } as const
      const [client, origin] = await sceneOf().exchange(spec)
      await origin.respond({
        status: 201,
        fields: [
          ['server', 'an origin'],
          ['x-secret', 's'],
        ],
        content: 'made',
      })
      const { fields, content } = await client.response()
      expect(valuesOf(fields, 'x-server')).toEqual(['an origin'])
      expect(valuesOf(fields, 'server')).toEqual([])
      expect(valuesOf(fields, 'x-secret')).toEqual([])
      expect(valuesOf(fields, 'x-answer')).toEqual(['201 main a'])
      expect(valuesOf(fields, 'x-trace')).toEqual(['mine'])
      expect(content.toString()).toBe('made')
    })
  })

  describe('an error page', () => {
    it('stands in place of our own error', async () => {
      const response = await ask({ method: 'POST', content: 'x', target: '/p', authority: 'pages.example' })
      expect([response.status, response.content.toString()]).toEqual([502, 'sorry: 502 POST /p'])
      expect(valuesOf(response.fields, 'content-type')).toEqual(['text/html'])
    })

    it('stands in place of an error of the origin where it is to', async () => {
      const [client, origin] = await sceneOf().exchange({ target: '/q', authority: 'taken.example' })
      await origin.respond({ status: 500, content: 'a stack trace', fields: [['content-type', 'text/plain']] })
      const response = await client.response()
      expect([response.status, response.content.toString()]).toEqual([500, 'sorry: 500 GET /q'])
      expect(valuesOf(response.fields, 'content-type')).toEqual(['text/html'])
    })

    it('has no content for HEAD', async () => {
      const response = await ask({ method: 'HEAD', authority: 'pages.example' })
      expect([response.status, response.content.length]).toEqual([502, 0])
      expect(response.length).toBe('sorry: 502 HEAD /'.length)
    })
  })

  describe('an answer of our own', () => {
    it('is that of the route', async () => {
      const response = await ask({ method: 'POST', content: 'read and thrown away', authority: 'respond.example' })
      expect([response.status, response.content.toString()]).toEqual([418, 'a teapot'])
      expect(valuesOf(response.fields, 'x-own')).toEqual(['yes'])
      expect(response.length).toBe(8)
    })

    it('to HEAD has no content', async () => {
      const response = await ask({ method: 'HEAD', authority: 'respond.example' })
      expect([response.status, response.length, response.content.length]).toEqual([418, 8, 0])
    })

    it('is that of the route behind one that fails', async () => {
      const response = await ask({ authority: 'fallback.example' })
      expect([response.status, response.content.toString()]).toEqual([203, 'sorry'])
    })

    it('may lead elsewhere', async () => {
      const response = await ask({ authority: 'redirect.example', target: '/x?y=z' })
      expect(response.status).toBe(308)
      expect(valuesOf(response.fields, 'location')).toEqual(['https://redirect.example/to/x?y=z'])
    })

    it('leaves the connection for more', async () => {
      const connection = await sceneOf().connect()
      for (const status of [418, 418]) {
        const exchange = await connection.request({ authority: 'respond.example' })
        expect((await exchange.response()).status).toBe(status)
      }
    })
  })

  describe('a file', () => {
    it('is served whole', async () => {
      const response = await ask({ authority: 'files.example', target: '/page.txt' })
      expect([response.status, response.length, response.content.toString()]).toEqual([200, 9, 'of a file'])
      expect(valuesOf(response.fields, 'cache-control')).toEqual(['max-age=60'])
      expect(valuesOf(response.fields, 'content-type').join()).toMatch(/^text\/plain/)
    })

    it('is served in part', async () => {
      const response = await ask({ authority: 'files.example', target: '/page.txt', fields: [['range', 'bytes=3-']] })
      expect([response.status, response.content.toString()]).toEqual([206, 'a file'])
      expect(valuesOf(response.fields, 'content-range')).toEqual(['bytes 3-8/9'])
    })

    it('is not served again to who has it', async () => {
      const { fields } = await ask({ authority: 'files.example', target: '/page.txt' })
      const etag = valuesOf(fields, 'etag').join()
      const again = { authority: 'files.example', target: '/page.txt', fields: [['if-none-match', etag]] } as const
      expect(await ask(again)).toMatchObject({ status: 304, length: null })
    })

    it('to HEAD has no content', async () => {
      const response = await ask({ method: 'HEAD', authority: 'files.example', target: '/page.txt' })
      expect([response.status, response.length, response.content.length]).toEqual([200, 9, 0])
    })

    it('that is not there is 404', async () => {
      expect((await ask({ authority: 'files.example', target: '/none' })).status).toBe(404)
    })
  })

  describe('a route', () => {
    const good = {
      method: 'POST',
      authority: 'conditional.example',
      target: '/only?v=2',
      fields: [
        ['cookie', 'a=1; beta=x'],
        ['content-type', 'application/json; charset=utf-8'],
      ],
      content: '{}',
    } as const

    it('takes requests by method, path, query, cookie and content type together', async () => {
      expect((await ask(good)).status).toBe(203)
    })

    it.each([
      { method: 'PUT' },
      { target: '/only?v=3' },
      { target: '/other?v=2' },
      { fields: [['content-type', 'application/json']] as const },
      { fields: [['cookie', 'beta=x']] as const },
    ])('does not take one that differs: %j', async difference => {
      const [client, origin] = await sceneOf().exchange({ ...good, ...difference })
      await origin.request()
      await origin.respond({ status: 299 })
      expect((await client.response()).status).toBe(299)
    })

    it('takes a host in any case, with any port', async () => {
      expect((await ask({ authority: 'RESPOND.example:4711' })).status).toBe(418)
    })
  })

  describe('a request past a limit', () => {
    it('of its target is refused with 414', async () => {
      const client = await sceneOf().send({ target: `/${'x'.repeat(600)}` }, 'tight')
      expect((await client.response()).status).toBe(414)
    })

    it('of its head is refused with 431', async () => {
      const client = await sceneOf().send({ fields: [['x-long', 'v'.repeat(3_000)]] }, 'tight')
      expect((await client.response()).status).toBe(431)
    })

    it('of its field lines is refused with 431', async () => {
      const fields = Array.from({ length: 25 }, (_, index) => [`x-${index}`, '1'] as const)
      const client = await sceneOf().send({ fields }, 'tight')
      expect((await client.response()).status).toBe(431)
    })

    it('never reaches the origin', async () => {
      const scene = sceneOf()
      const client = await scene.send({ target: `/${'x'.repeat(600)}` }, 'tight')
      await client.response()
      expect(scene.count('a')).toBe(0)
    })
  })

  it.each(['/a/%2e%2e/%2e%2e/%2e%2e', '/%zz', '/a%00b'])(
    'a path that cannot be is refused with 400: %s',
    async target => {
      expect((await ask({ target })).status).toBe(400)
    },
  )
}
