import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { RouteAction, Template } from '../../../engine/snapshot.ts'
import { get, head, post } from '../../support/heads.ts'
import type { TestRoute } from '../../support/snapshot.ts'
import { type Field, valuesOf } from '../../support/strict-head.ts'
import { openScene, type Scene } from '../upstream/scene.ts'

function redirect(to: Template, status = 302, keepsQuery = true): RouteAction {
  return { kind: 'redirect', status, to, keepsQuery }
}

const under = (path: string): NonNullable<TestRoute['match']> => ({ path: { kind: 'prefix', path } })
const rest = { kind: 'capture', name: '*' } as const

const lineOf = (fields: readonly Field[], name: string) => valuesOf(fields, name).join()

let scene: Scene
beforeAll(async () => {
  scene = await openScene('', () => ({
    routes: [
      ...[301, 302, 303, 307, 308].map(
        (status): TestRoute => ({ match: under(`/${status}/`), to: redirect('https://b.example/', status) }),
      ),
      { match: under('/old/'), to: redirect(['/new/', rest]) },
      {
        match: under('/edited/'),
        to: redirect('/x'),
        response: {
          set: [['Cache-Control', 'max-age=60']],
          add: [['X-Id', [{ kind: 'request_id' }, ' ', { kind: 'status' }]]],
        },
      },
      {
        match: { path: { kind: 'template', segments: ['users', { name: 'id' }], rest: false } },
        to: redirect(['https://', { kind: 'host' }, '/people/', { kind: 'capture', name: 'id' }], 308, false),
      },
    ],
  }))
})
afterEach(() => scene.rest())
afterAll(() => scene[Symbol.asyncDispose]())

const location = async (target: string, ...fields: string[]) => {
  const response = await scene.get(target, ...fields)
  return [response.status, lineOf(response.fields, 'location')]
}

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('has the status that it is told to have: %d', async status => {
    expect(await location(`/${status}/x`)).toEqual([status, 'https://b.example/'])
    expect((await scene.records(1))[0]).toMatchObject({ status, error: '', upstream: '', firstByteUs: -1 })
  })

  it('has no content, and says so', async () => {
    const response = await scene.get('/302/')
    expect(response.content.length).toBe(0)
    expect(valuesOf(response.fields, 'content-length')).toEqual(['0'])
    expect(valuesOf(response.fields, 'date').length).toBe(1)
  })

  it('leads where the request says, and takes its query along', async () => {
    expect(await location('/old/a/b?c=d')).toEqual([302, '/new/a/b?c=d'])
    expect(await location('/users/7?c=d')).toEqual([308, 'https://a.example/people/7'])
  })

  it('never leads to a host that the path names', async () => {
    expect(await location('/old//evil.example')).toEqual([302, '/new/evil.example'])
    expect(await location('/old/%0d%0aSet-Cookie:x')).toEqual([302, '/new/%0D%0ASet-Cookie:x'])
  })

  it("has the route's changes to the response", async () => {
    const { fields } = await scene.get('/edited/')
    expect(lineOf(fields, 'cache-control')).toBe('max-age=60')
    expect(lineOf(fields, 'x-id')).toMatch(/^[0-9a-f-]+ 302$/)
  })

  it('answers HEAD as GET', async () => {
    const client = await scene.client()
    await client.send(head('HEAD /old/a HTTP/1.1', 'Host: a.example') + get('/old/b'))
    const first = await client.readResponse({ method: 'HEAD' })
    expect([first.status, lineOf(first.fields, 'location')]).toEqual([302, '/new/a'])
    expect(lineOf((await client.readResponse()).fields, 'location')).toBe('/new/b')
  })
})

describe('the connection of a redirect', () => {
  it('goes on with the next request', async () => {
    const client = await scene.client()
    await client.send(get('/old/1') + get('/old/2') + get('/old/3'))
    for (const name of ['1', '2', '3']) {
      expect(lineOf((await client.readResponse()).fields, 'location')).toBe(`/new/${name}`)
    }
    await client.send(post('/old/4', 'content') + get('/old/5'))
    for (const name of ['4', '5']) {
      expect(lineOf((await client.readResponse()).fields, 'location')).toBe(`/new/${name}`)
    }
    expect(client.ended).toBe('no')
  })

  it('is closed where the content has not come whole, and only then', async () => {
    const client = await scene.client()
    await client.send(head('POST /old/1 HTTP/1.1', 'Host: a.example', 'Content-Length: 5'))
    const response = await client.readResponse()
    expect(valuesOf(response.fields, 'connection')).toEqual(['close'])
    await client.closed
  })

  it('is closed where the client waits for 100 before it sends content', async () => {
    const client = await scene.client()
    await client.send(head('PUT /old/1 HTTP/1.1', 'Host: a', 'Content-Length: 5', 'Expect: 100-continue'))
    const response = await client.readResponse()
    expect([response.status, response.interim.length]).toEqual([302, 0])
    await client.closed
  })

  it('goes on in HTTP/1.0 only where the client asks for it', async () => {
    const client = await scene.client()
    await client.send(head('GET /old/1 HTTP/1.0', 'Connection: keep-alive'))
    const first = await client.readResponse({ clientVersion: '1.0' })
    expect(valuesOf(first.fields, 'connection')).toEqual(['keep-alive'])
    await client.send(head('GET /old/2 HTTP/1.0'))
    expect(lineOf((await client.readResponse({ clientVersion: '1.0' })).fields, 'location')).toBe('/new/2')
    await client.closed
  })

  it('is nobody any more where the client has gone', async () => {
    const client = await scene.client()
    await client.send(get('/old/1'))
    client.reset()
    await scene.proxy.nothingLeft()
  })
})
