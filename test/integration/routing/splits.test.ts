import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { HashKeySource, RouteAction } from '../../../engine/snapshot.ts'
import { get, ok, post } from '../../support/heads.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { waitFor } from '../../support/wait-for.ts'
import { FORGIVING, openScene, type Player, type Scene } from '../upstream/scene.ts'

type Target = Extract<RouteAction, { kind: 'split' }>['targets'][number]

const A = 0
const B = 1
const DEAD = 2

function target(upstream: number, weight: number, header?: string): Target {
  const when = header === undefined ? null : [{ kind: 'header', name: header, test: { kind: 'present' } } as const]
  return { upstream, weight, when }
}

function split(targets: readonly Target[], by: HashKeySource | null = null): RouteAction {
  return { kind: 'split', targets, by }
}

const dead = await refusingPort()
let scene: Scene
let a: Player
let b: Player
beforeAll(async () => {
  scene = await openScene('ab', (first, second) => {
    const quick = { timeouts: { responseMs: 5_000 }, ...FORGIVING }
    const under = (path: string) => ({ match: { path: { kind: 'prefix', path } as const } })
    return {
      upstreams: {
        a: { endpoints: [{ address: first!.address, name: 'a' }], ...quick },
        b: { endpoints: [{ address: second!.address, name: 'b' }], ...quick },
        dead: { endpoints: [{ address: dead.address, name: 'dead' }], ...quick },
        open: {
          endpoints: [{ address: first!.address, name: 'a' }],
          ...quick,
          circuitBreaker: {
            scope: 'upstream',
            minimum: 1,
            openMs: 60_000,
            failureRatio: 0.01,
            fallback: { kind: 'respond', status: 200, fields: [], content: Buffer.from('of the circuit') },
          },
        },
      },
      routes: [
        { ...under('/half/'), to: split([target(A, 1), target(B, 1)]) },
        { ...under('/user/'), to: split([target(A, 1), target(B, 1)], { kind: 'cookie', name: 'user' }) },
        { ...under('/canary/'), to: split([target(A, 100), target(B, 0, 'x-canary')]) },
        {
          ...under('/edited/'),
          to: split([target(B, 1)]),
          request: { set: [['X-Split', 'yes']] },
          response: { set: [['X-From', [{ kind: 'upstream' }, ' ', { kind: 'endpoint' }]]] },
          timeouts: { responseMs: 150 },
        },
        { ...under('/dead/'), to: split([target(DEAD, 1)]), fallback: 0 },
        { ...under('/open/'), to: split([target(3, 1)]) },
      ],
    }
  })
  ;[a, b] = scene.origins as [Player, Player]
})
afterEach(() => scene.rest())
afterAll(async () => {
  await scene[Symbol.asyncDispose]()
  await dead.close()
})

const contentOf = async (path: string, ...fields: string[]) => (await scene.get(path, ...fields)).content.toString()

describe('a split', () => {
  it('sends requests to each of its upstreams', async () => {
    const client = await scene.client()
    await client.send(get('/half/x').repeat(60))
    for (let count = 0; count < 60; count += 1) await client.readResponse()
    expect(a.requests.length + b.requests.length).toBe(60)
    expect(Math.min(a.requests.length, b.requests.length)).toBeGreaterThan(10)
    const records = await scene.records(60)
    expect(new Set(records.map(({ upstream, endpoint, route }) => [upstream, endpoint, route].join()))).toEqual(
      new Set(['a,a,route0', 'b,b,route0']),
    )
  })

  it('keeps a person in her group, on whatever connection she comes', async () => {
    const chosen = new Map<string, Set<string>>()
    for (let round = 0; round < 3; round += 1) {
      for (let user = 0; user < 12; user += 1) {
        const content = await contentOf('/user/x', `Cookie: user=u-${user}`)
        chosen.set(`u-${user}`, (chosen.get(`u-${user}`) ?? new Set()).add(content))
      }
    }
    expect([...chosen.values()].every(groups => groups.size === 1)).toBe(true)
    expect(new Set([...chosen.values()].flatMap(groups => [...groups])).size).toBe(2)
  })

  it('gives a request to the target whose conditions hold', async () => {
    for (let round = 0; round < 5; round += 1) {
      expect(await contentOf('/canary/x', 'X-Canary: 1')).toBe('b')
      expect(await contentOf('/canary/x')).toBe('a')
    }
  })

  it('passes content on like every route', async () => {
    const client = await scene.client()
    await client.send(post('/canary/x', 'content', 'X-Canary: 1'))
    expect((await client.readResponse()).content.toString()).toBe('b')
    expect(b.requests[0]!.content.toString()).toBe('content')
  })

  it("has its route's changes and times", async () => {
    const response = await scene.get('/edited/x')
    expect(valuesOf(response.fields, 'x-from')).toEqual(['b b'])
    expect(valuesOf(b.requests[0]!.fields, 'x-split')).toEqual(['yes'])
    b.playEach(() => undefined)
    expect((await scene.get('/edited/x')).status).toBe(504)
  })

  it('has a fallback for whatever its targets cannot answer', async () => {
    const content = await contentOf('/dead/x')
    expect(['a', 'b']).toContain(content)
    expect((await scene.records(1))[0]).toMatchObject({ route: 'route0', upstream: content })
  })

  it("has the fallback of its target's circuit", async () => {
    a.playEach(connection => connection.close())
    expect((await scene.get('/open/x')).status).toBe(502)
    expect(await contentOf('/open/x')).toBe('of the circuit')
  })

  it('loses nothing where clients go away in the middle', async () => {
    for (const origin of [a, b]) origin.playEach(() => undefined)
    for (let count = 0; count < 8; count += 1) {
      const client = await scene.client()
      await client.send(get('/half/x'))
      await waitFor(() => a.requests.length + b.requests.length > count, 'the request')
      client.reset()
    }
    expect((await scene.records(8)).every(({ error }) => error === 'client_closed')).toBe(true)
  })

  it('serves many at once', async () => {
    a.playEach((connection, { target: path }) => connection.send(ok(`a ${path}`)))
    b.playEach((connection, { target: path }) => connection.send(ok(`b ${path}`)))
    const contents = await Promise.all(Array.from({ length: 80 }, (_, index) => contentOf(`/half/${index}`)))
    expect(contents.map(content => content.slice(2))).toEqual(
      Array.from({ length: 80 }, (_, index) => `/half/${index}`),
    )
  })
})
