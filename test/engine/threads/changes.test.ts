import { describe, expect, it } from 'vitest'
import { changesBetween, isSameUpstream } from '../../../engine/threads/changes.ts'
import { type TestProxyOptions, type TestRoute, testSnapshot, upstreamSnapshot } from '../../support/snapshot.ts'

const address = { kind: 'tcp', host: '10.0.0.1', port: 80 } as const
const other = { ...address, port: 81 }

const changes = (before: TestProxyOptions, after: TestProxyOptions) =>
  changesBetween(testSnapshot(before), testSnapshot(after))

const NONE = { added: [], changed: [], removed: [] }

describe('what has changed', () => {
  it('is told by names, in the order of the new snapshot', () => {
    const report = changes(
      {
        listeners: [{ name: 'a' }, { name: 'b' }, { name: 'c' }],
        upstreams: { x: [address], y: [address], z: [address] },
        routes: [
          { name: 'one', to: 'x' },
          { name: 'two', to: 'y' },
        ],
      },
      {
        listeners: [{ name: 'd' }, { name: 'b', forwarded: true }, { name: 'a' }],
        upstreams: { z: [address], y: [other], v: [address] },
        routes: [
          { name: 'two', to: 'y', priority: 1 },
          { name: 'three', to: 'z' },
        ],
      },
    )
    expect(report).toEqual({
      listeners: { added: ['d'], changed: ['b'], removed: ['c'], kept: ['a'] },
      upstreams: { added: ['v'], changed: ['y'], removed: ['x'], kept: ['z'] },
      routes: { added: ['three'], changed: ['two'], removed: ['one'], kept: [] },
    })
  })

  it('of listeners of TCP and UDP is where they lead to, by name', () => {
    const to = (upstream: number) => ({
      tcpListeners: [
        { name: 'tcp', upstream, serverNames: [{ names: ['*'], alpn: [], upstream }] },
        { name: 'bytes', upstream: 2, firstBytes: { http: upstream, proxy: -1, tls: -1 } },
      ],
      udpListeners: [{ name: 'udp', upstream }],
      routes: [],
    })
    const [x, y, z] = [[address], [address], [address]]
    const moved = changes({ ...to(0), upstreams: { x, y, z } }, { ...to(1), upstreams: { y, x, z } })
    expect(moved.listeners).toEqual({ ...NONE, kept: ['tcp', 'bytes', 'udp'] })
    const others = changes({ ...to(0), upstreams: { x, y, z } }, { ...to(0), upstreams: { y, x, z } })
    expect(others.listeners).toEqual({ ...NONE, changed: ['tcp', 'bytes', 'udp'], kept: [] })
  })

  it('is not that others have come before it: indices are names', () => {
    const routes = (listener: number, upstreams: [number, number], fallback: number): readonly TestRoute[] => [
      { name: 'last', to: 'x' },
      {
        name: 'split',
        match: { listeners: [listener] },
        to: {
          kind: 'split',
          by: null,
          targets: upstreams.map(upstream => ({ upstream, weight: 1, when: null })),
        },
        mirror: { upstream: upstreams[0], share: 1, concurrencyMax: 1, contentBytesMax: 1 },
        fallback,
      },
    ]
    const before = {
      listeners: [{ name: 'a' }, { name: 'b' }],
      upstreams: { x: [address], y: [other] },
      routes: routes(1, [0, 1], 0),
    }
    const [last, split] = routes(0, [2, 1], 1)!
    const after = {
      listeners: [{ name: 'b' }, { name: 'a' }],
      upstreams: { new: [address], y: [other], x: [address] },
      routes: [split!, last!],
    }
    const { listeners, upstreams, routes: changed } = changes(before, after)
    expect(listeners).toEqual({ ...NONE, kept: ['b', 'a'] })
    expect(upstreams).toEqual({ ...NONE, added: ['new'], kept: ['y', 'x'] })
    expect(changed).toEqual({ ...NONE, kept: ['split', 'last'] })
  })

  it('is the content of an answer, byte by byte', () => {
    const saying = (text: string): TestProxyOptions => ({
      routes: [{ name: 'r', to: { kind: 'respond', status: 200, fields: [], content: Buffer.from(text) } }],
    })
    expect(changes(saying('a'), saying('a')).routes.kept).toEqual(['r'])
    expect(changes(saying('a'), saying('b')).routes.changed).toEqual(['r'])
  })

  it('is not what a circuit falls back to: that is the business of routes, which are made anew', () => {
    const fallingBack = (route: number) =>
      upstreamSnapshot('api', { endpoints: [address], circuitBreaker: { fallback: { kind: 'route', route } } })
    expect(isSameUpstream(fallingBack(1), fallingBack(2))).toBe(true)
    const without = upstreamSnapshot('api', { endpoints: [address], circuitBreaker: {} })
    expect(isSameUpstream(fallingBack(1), without)).toBe(true)
    const slower = upstreamSnapshot('api', { endpoints: [address], circuitBreaker: { openMs: 1 } })
    expect(isSameUpstream(without, slower)).toBe(false)
  })

  it('cannot be told where two have one name', () => {
    const two = { upstreams: { a: { name: 'x', endpoints: [] }, b: { name: 'x', endpoints: [] } }, routes: [] }
    expect(() => changes({}, two)).toThrow('two upstreams have the name x: give each its own')
    expect(() => changes({}, { listeners: [{ name: 'x' }, { name: 'x' }] })).toThrow('two listeners have the name x')
  })
})
