import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { get, head, ok } from '../../support/heads.ts'
import { startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { rawClient } from '../../support/raw-client.ts'
import { recordingOrigin } from '../../support/recording-origin.ts'
import { valuesOf } from '../../support/strict-head.ts'
import type { StrictResponse } from '../../support/strict-response.ts'
import { waitFor } from '../../support/wait-for.ts'
import { byName, ladder, openScene, type Player, type Scene } from './scene.ts'

const SECRET = 'a secret of sixteen characters or more'

let scene: Scene
let a: Player
let b: Player
let c: Player
beforeAll(async () => {
  scene = await openScene('abc', (...origins) => {
    const endpoints = origins.map(({ address, name }) => ({ address, name, route: `node-${name}` }))
    const common = { endpoints, passive: null, retry: { budget: 10, statuses: [503] } }
    return byName({
      own: { ...common, sticky: { secret: SECRET } },
      other: { ...common, sticky: { secret: SECRET } },
      dressed: { ...common, sticky: { cookie: 'sid', attributes: '; Path=/app; Max-Age=3600; Secure' } },
      origins: { ...common, sticky: { kind: 'route', cookie: 'JSESSIONID', attributes: '' } },
      tried: { ...common, endpoints: ladder(origins), sticky: {} },
      drained: { ...common, sticky: {} },
      probed: { ...common, passive: { consecutive: 1, ejectMs: 60_000 }, sticky: {} },
      hashed: { ...common, balance: 'hash', hashOn: { kind: 'path' }, sticky: {} },
    })
  })
  ;[a, b, c] = scene.origins as [Player, Player, Player]
})
afterEach(() => scene.rest())
afterAll(() => scene[Symbol.asyncDispose]())

const cookiesOf = ({ fields }: StrictResponse) => valuesOf(fields, 'set-cookie')
const nameIn = ({ content }: StrictResponse) => content.toString()

/** The `Cookie` value that leads to each endpoint. */
async function cookies(upstream: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (let round = 0; round < 3; round += 1) {
    const response = await scene.get(`/${upstream}/x`)
    found[nameIn(response)] = cookiesOf(response)[0]!.split(';')[0]!
  }
  expect(Object.keys(found).toSorted()).toEqual(['a', 'b', 'c'])
  return found
}

describe('a cookie of our own', () => {
  it('is set with the first response, and leads every request that has it to the same endpoint', async () => {
    const found = await cookies('own')
    for (const name of ['c', 'a', 'b', 'b', 'c']) {
      const response = await scene.get('/own/x', `Cookie: ${found[name]}`)
      expect(nameIn(response)).toBe(name)
      expect(cookiesOf(response)).toEqual([])
    }
  })

  it('does not tell which endpoint it is, and is another for each upstream', async () => {
    const own = Object.values(await cookies('own'))
    const other = Object.values(await cookies('other'))
    expect(new Set([...own, ...other]).size).toBe(6)
    for (const cookie of [...own, ...other]) expect(cookie).toMatch(/^sluice_sid=[\w-]{22}$/)
  })

  it('has the attributes that are asked for', async () => {
    const [cookie] = cookiesOf(await scene.get('/dressed/x'))
    expect(cookie).toMatch(/^sid=[\w-]{22}; Path=\/app; Max-Age=3600; Secure$/)
  })

  it('is set beside those of the origin', async () => {
    for (const origin of [a, b, c]) origin.playEach(connection => connection.send(ok('x', 'Set-Cookie: mine=1')))
    const set = cookiesOf(await scene.get('/own/x'))
    expect(set.length).toBe(2)
    expect(set[0]).toBe('mine=1')
  })

  it.each([
    ['made up', 'sluice_sid=AAAAAAAAAAAAAAAAAAAAAA'],
    ['empty', 'sluice_sid='],
    ['without a value', 'sluice_sid'],
    ['garbage', 'sluice_sid="; ===;;\x80\xff'],
    ['as long as a head may be', `sluice_sid=${'x'.repeat(20_000)}`],
    ['an endpoint in plain text', 'sluice_sid=a'],
    ["one of JavaScript's own names", 'sluice_sid=__proto__'],
  ])('is ignored, and set anew, where it is %s', async (_, cookie) => {
    const response = await scene.get('/own/x', `Cookie: ${cookie}`)
    expect(response.status).toBe(200)
    expect(cookiesOf(response).length).toBe(1)
  })

  it("is ignored where it is another upstream's, with the same secret", async () => {
    const other = await cookies('other')
    const names = new Set<string>()
    for (let round = 0; round < 3; round += 1) {
      const response = await scene.get('/own/x', `Cookie: ${other.a}`)
      expect(cookiesOf(response).length).toBe(1)
      names.add(nameIn(response))
    }
    expect(names.size).toBe(3)
  })

  it('is found among many cookies, in several lines, and in quotes', async () => {
    const { b: cookie } = await cookies('own')
    const many = Array.from({ length: 200 }, (_, index) => `c${index}=${'v'.repeat(20)}`).join('; ')
    const [name, value] = cookie!.split('=')
    const variants = [
      [`Cookie: ${many}; ${cookie}`],
      [`Cookie: ${many}`, `cookie: ${cookie}`],
      [`COOKIE: x${cookie}; ${name}="${value}"; y=1`],
      [`Cookie: ${name} = ${value} ;z=2`],
    ]
    for (const fields of variants) {
      const response = await scene.get('/own/x', ...fields)
      expect([nameIn(response), cookiesOf(response)]).toEqual(['b', []])
    }
  })

  it('goes on to the origin as it came', async () => {
    const { a: cookie } = await cookies('own')
    await scene.get('/own/last', `Cookie: x=1; ${cookie}`)
    expect(valuesOf(a.requests.at(-1)!.fields, 'cookie')).toEqual([`x=1; ${cookie}`])
  })

  it('serves clients that speak HTTP/1.0, and requests for a head alone', async () => {
    const { c: cookie } = await cookies('own')
    const old = await scene.client()
    await old.send(`GET /own/x HTTP/1.0\r\nCookie: ${cookie}\r\n\r\n`)
    expect(nameIn(await old.readResponse({ clientVersion: '1.0' }))).toBe('c')
    const client = await scene.client()
    await client.send(head('HEAD /own/x HTTP/1.1', 'Host: a'))
    expect(cookiesOf(await client.readResponse({ method: 'HEAD' })).length).toBe(1)
  })

  it('comes before what a balancer would choose, and a balancer decides without it', async () => {
    const home = nameIn(await scene.get('/hashed/x'))
    for (let round = 0; round < 3; round += 1) expect(nameIn(await scene.get('/hashed/x'))).toBe(home)
    for (const path of ['/hashed/1', '/hashed/2', '/hashed/3', '/hashed/4']) {
      const response = await scene.get(path)
      const cookie = cookiesOf(response)[0]!.split(';')[0]
      expect(nameIn(await scene.get('/hashed/x', `Cookie: ${cookie}`))).toBe(nameIn(response))
    }
  })

  it('is the one of the endpoint that answers, where the one before it has failed', async () => {
    const first = await scene.get('/tried/x')
    const cookie = cookiesOf(first)[0]!.split(';')[0]!
    expect(nameIn(first)).toBe('a')
    a.playEach(connection => connection.reset())
    const second = await scene.get('/tried/x', `Cookie: ${cookie}`)
    expect(nameIn(second)).toBe('b')
    const moved = cookiesOf(second)[0]!.split(';')[0]!
    expect(moved).not.toBe(cookie)
    a.playEach(connection => connection.send(ok('a')))
    expect(nameIn(await scene.get('/tried/x', `Cookie: ${moved}`))).toBe('b')
  })

  it('is the one of the endpoint that answers, where another status is asked for', async () => {
    a.playEach(connection => connection.send(head('HTTP/1.1 503 Busy', 'Content-Length: 0')))
    const response = await scene.get('/tried/x')
    expect([nameIn(response), cookiesOf(response).length]).toEqual(['b', 1])
    const cookie = cookiesOf(response)[0]!.split(';')[0]!
    expect(cookiesOf(await scene.get('/tried/x', `Cookie: ${cookie}`))).toEqual([])
  })

  it('is set anew where its endpoint is ejected', async () => {
    const found = await cookies('probed')
    a.playEach(connection => connection.reset())
    const broken = await scene.get('/probed/x', `Cookie: ${found.a}`)
    expect(nameIn(broken)).not.toBe('a')
    expect(cookiesOf(broken).length).toBe(1)
    const before = a.requests.length
    const response = await scene.get('/probed/x', `Cookie: ${found.a}`)
    expect(cookiesOf(response).length).toBe(1)
    expect(a.requests.length).toBe(before)
  })

  it('still leads to an endpoint that is drained, where nothing new goes, and to no endpoint that is down', async () => {
    const found = await cookies('drained')
    const control = scene.proxy.upstream('drained')
    await control.drain('a')
    for (let round = 0; round < 4; round += 1) {
      expect(nameIn(await scene.get('/drained/new'))).not.toBe('a')
      const response = await scene.get('/drained/x', `Cookie: ${found.a}`)
      expect([nameIn(response), cookiesOf(response)]).toEqual(['a', []])
    }
    await control.down('a')
    const moved = await scene.get('/drained/x', `Cookie: ${found.a}`)
    expect(nameIn(moved)).not.toBe('a')
    expect(cookiesOf(moved).length).toBe(1)
    await control.up('a')
    expect(nameIn(await scene.get('/drained/x', `Cookie: ${found.a}`))).toBe('a')
  })

  it('holds the drain of its endpoint up until its request has ended', async () => {
    const found = await cookies('drained')
    a.playEach(() => undefined)
    const client = await scene.client()
    await client.send(get('/drained/long', `Cookie: ${found.a}`))
    await waitFor(() => a.requests.at(-1)?.target === '/drained/long', 'the request')
    const control = scene.proxy.upstream('drained')
    let isDrained = false
    const drained = control.drain('a').then(() => {
      isDrained = true
    })
    await scene.get('/drained/new')
    expect(isDrained).toBe(false)
    await a.connections.find(({ open }) => open)!.send(ok('a'))
    expect(nameIn(await client.readResponse())).toBe('a')
    await drained
    await control.up('a')
  })

  it('leads nowhere once its endpoint is removed, and to it again when it is back', async () => {
    const found = await cookies('drained')
    const control = scene.proxy.upstream('drained')
    await control.remove('c')
    expect(nameIn(await scene.get('/drained/x', `Cookie: ${found.c}`))).not.toBe('c')
    await control.add({ address: c.address, name: 'c' })
    expect(nameIn(await scene.get('/drained/x', `Cookie: ${found.c}`))).toBe('c')
  })
})

describe('a cookie of the origins', () => {
  it.each([
    ['behind the session', 'JSESSIONID=A1B2C3.node-b'],
    ['behind a session with dots', 'JSESSIONID=A1.B2.C3.node-b'],
    ['alone', 'JSESSIONID=node-b'],
  ])('leads to the endpoint that it names %s', async (_, cookie) => {
    for (let round = 0; round < 4; round += 1) {
      const response = await scene.get('/origins/x', `Cookie: ${cookie}`)
      expect([nameIn(response), cookiesOf(response)]).toEqual(['b', []])
    }
  })

  it.each(['JSESSIONID=A1B2C3', 'JSESSIONID=A1B2C3.node-z', 'JSESSIONID=A1B2C3.', 'OTHER=x.node-b'])(
    'leads nowhere where it names nobody, and none is set: %s',
    async cookie => {
      const names = new Set<string>()
      for (let round = 0; round < 3; round += 1) {
        const response = await scene.get('/origins/x', `Cookie: ${cookie}`)
        expect(cookiesOf(response)).toEqual([])
        names.add(nameIn(response))
      }
      expect(names.size).toBe(3)
    },
  )
})

describe('two proxies with one secret', () => {
  it.each([
    ["understand each other's cookies", SECRET, true],
    ['do not without one', '', false],
  ])('%s', async (_, secret, understands) => {
    await using first = await recordingOrigin()
    await using second = await recordingOrigin()
    const upstreams = { all: { endpoints: [first.address, second.address], sticky: { secret } } }
    await using one = await startInstrumentedProxy({ upstreams })
    await using other = await startInstrumentedProxy({ upstreams })
    using client = await rawClient(one.port)
    await client.send(get())
    const cookie = valuesOf((await client.readResponse()).fields, 'set-cookie')[0]!.split(';')[0]!
    using next = await rawClient(other.port)
    await next.send(get('/', `Cookie: ${cookie}`))
    const set = valuesOf((await next.readResponse()).fields, 'set-cookie')
    expect(set.length === 0).toBe(understands)
  })
})
