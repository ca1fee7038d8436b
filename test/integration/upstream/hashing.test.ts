import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { HashKeySource } from '../../../engine/snapshot.ts'
import { get } from '../../support/heads.ts'
import { rawClient } from '../../support/raw-client.ts'
import type { TestUpstream } from '../../support/snapshot.ts'
import { byName, openScene, type Scene } from './scene.ts'

/** Which endpoint a request goes to by a key of its own: that equal keys stay together, and others do not. */

let scene: Scene
beforeAll(async () => {
  scene = await openScene('abcd', (...origins) => {
    const endpoints = origins.map(({ address, name }) => ({ address, name }))
    const by = (hashOn: HashKeySource): TestUpstream => ({ endpoints, passive: null, balance: 'hash', hashOn })
    return {
      listeners: [{ trustedProxies: ['127.0.0.1', '10.0.0.0/8'] }, {}],
      ...byName({
        header: by({ kind: 'header', name: 'x-user' }),
        cookie: by({ kind: 'cookie', name: 'user' }),
        query: by({ kind: 'query', name: 'user' }),
        client: by({ kind: 'client_ip' }),
        path: by({ kind: 'path' }),
        maglev: { endpoints, passive: null, balance: 'maglev', hashOn: { kind: 'header', name: 'x-user' } },
        address: { endpoints, passive: null, balance: 'ip_hash' },
      }),
    }
  })
})
afterEach(() => scene.rest())
afterAll(() => scene[Symbol.asyncDispose]())

async function endpointOf(target: string, ...fields: string[]): Promise<string> {
  return (await scene.get(target, ...fields)).content.toString()
}

const KEYS = Array.from({ length: 24 }, (_, index) => `key-${index}`)

describe('requests that are spread by a key of their own', () => {
  it.each([
    ['a field', (key: string) => ['/header/x', `X-User: ${key}`]],
    ['a field, by maglev', (key: string) => ['/maglev/x', `x-user: ${key}`]],
    ['a cookie', (key: string) => ['/cookie/x', `Cookie: other=1; user=${key}`]],
    ['a parameter of the query', (key: string) => [`/query/x?other=1&user=${key}&more`]],
    ['the path', (key: string) => [`/path/${key}?query`]],
    ['the client', (key: string) => ['/client/x', `X-Forwarded-For: 192.0.2.${key.slice(4)}`]],
    ['the network of the client', (key: string) => ['/address/x', `X-Forwarded-For: 198.51.${key.slice(4)}.7`]],
  ] as const)('stay where they are for equal keys, and are spread for others: %s', async (_, requestOf) => {
    const endpoints = new Set<string>()
    for (const key of KEYS) {
      const [target, ...fields] = requestOf(key)
      const first = await endpointOf(target!, ...fields)
      expect(await endpointOf(target!, ...fields)).toBe(first)
      endpoints.add(first)
    }
    expect(endpoints.size).toBeGreaterThan(2)
  })

  it('are not parted by what is not the key', async () => {
    const home = await endpointOf('/path/one?a=1')
    for (const query of ['', '?', '?a=2', '?b']) expect(await endpointOf(`/path/one${query}`)).toBe(home)
    const network = await endpointOf('/address/x', 'X-Forwarded-For: 198.51.100.1')
    for (const last of [2, 77, 255]) {
      expect(await endpointOf('/address/x', `X-Forwarded-For: 198.51.100.${last}`)).toBe(network)
    }
  })

  it.each([
    ["the last address that is no proxy's", 'X-Forwarded-For: 203.0.113.9, 192.0.2.5, 10.1.2.3'],
    [
      'over several lines',
      'X-Forwarded-For: 203.0.113.9\r\nX-Other: 1\r\nX-Forwarded-For: 192.0.2.5\r\nX-Forwarded-For: 10.0.0.1',
    ],
    ['with a port', 'X-Forwarded-For: 192.0.2.5:4711, 10.0.0.1'],
    ['with empty entries', 'X-Forwarded-For: , 192.0.2.5, ,10.0.0.1,'],
  ])('go by the client behind trusted proxies: %s', async (_, field) => {
    const homes = new Map<string, string>()
    for (let last = 0; last < 20; last += 1) {
      const address = `192.0.2.${last}`
      homes.set(address, await endpointOf('/client/x', `X-Forwarded-For: ${address}`))
    }
    expect(new Set(homes.values()).size).toBeGreaterThan(1)
    expect(await endpointOf('/client/x', field)).toBe(homes.get('192.0.2.5'))
  })

  it('go by the peer where nobody says who it was', async () => {
    const homes = new Set<string>()
    for (let round = 0; round < 5; round += 1) homes.add(await endpointOf('/client/x'))
    expect(homes.size).toBe(1)
  })

  it('go by the peer where it is not trusted, whatever it says', async () => {
    const homes = new Set<string>()
    using client = await rawClient(scene.proxy.portOf(1))
    for (let last = 0; last < 20; last += 1) {
      await client.send(get('/client/x', `X-Forwarded-For: 192.0.2.${last}`))
      homes.add((await client.readResponse()).content.toString())
    }
    expect(homes.size).toBe(1)
  })

  it('go to another endpoint when theirs is taken away, and the others stay', async () => {
    const before = new Map<string, string>()
    for (const key of KEYS) before.set(key, await endpointOf('/header/x', `X-User: ${key}`))
    const control = scene.proxy.upstream('header')
    await control.down('b')
    for (const [key, home] of before) {
      const now = await endpointOf('/header/x', `X-User: ${key}`)
      if (home === 'b') expect(now).not.toBe('b')
      else expect(now).toBe(home)
    }
    await control.up('b')
    for (const [key, home] of before) expect(await endpointOf('/header/x', `X-User: ${key}`)).toBe(home)
  })

  it('keep their key when they wait or are tried again', async () => {
    const homes = new Map<string, string>()
    for (const key of KEYS) homes.set(key, await endpointOf('/header/x', `X-User: ${key}`))
    const [key] = [...homes].find(([, home]) => home === 'c')!
    const origin = scene.origins[2]!
    origin.playEach(connection => connection.reset())
    const next = await endpointOf('/header/x', `X-User: ${key}`)
    expect(next).not.toBe('c')
    expect(await endpointOf('/header/x', `X-User: ${key}`)).toBe(next)
  })

  it('without a key are served, too', async () => {
    for (const target of ['/header/x', '/cookie/x', '/query/x', '/maglev/x']) {
      const client = await scene.client()
      await client.send(get(target))
      expect((await client.readResponse()).status).toBe(200)
    }
  })
})
