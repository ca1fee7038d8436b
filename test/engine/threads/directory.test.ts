import { describe, expect, it } from 'vitest'
import { StatePage } from '../../../engine/shared/state-page.ts'
import { HEDGE_TOKENS, RETRY_TOKENS, UPSTREAM_CELLS } from '../../../engine/shared/upstream-cells.ts'
import type { EngineEvent } from '../../../engine/threads/api.ts'
import { Directory } from '../../../engine/threads/directory.ts'
import { startDnsServer } from '../../support/dns-server.ts'
import { type TestUpstream, testSnapshot } from '../../support/snapshot.ts'

const address = { kind: 'tcp', host: '127.0.0.1', port: 80 } as const

function open(upstreams: Readonly<Record<string, TestUpstream>>, slots = Object.keys(upstreams).length) {
  const page = StatePage.create(2, 8, slots)
  const events: EngineEvent[] = []
  const directory = new Directory(testSnapshot({ upstreams }), page, {
    publish: () => Promise.resolve(),
    onEvent: event => events.push(event),
  })
  return { page, directory, events }
}

describe('the account of all upstreams', () => {
  it('has their endpoints in the order of the snapshot, each in a column of its own', async () => {
    const { directory } = open({ a: { endpoints: [address, { ...address, port: 81 }] }, b: { endpoints: [address] } })
    await directory.open()
    expect(directory.placements.map(({ endpoints }) => endpoints.map(({ column }) => column))).toEqual([[0, 1], [2]])
    expect(directory.endpoints().map(({ upstream, name }) => `${upstream} ${name}`)).toEqual([
      'a 127.0.0.1:80',
      'a 127.0.0.1:81',
      'b 127.0.0.1:80',
    ])
    expect(directory.upstream('b').endpoints().length).toBe(1)
    expect(directory.names).toBeNull()
    directory.close()
  })

  it('says what there is when asked for what there is not', async () => {
    const { directory } = open({ a: { endpoints: [] }, b: { endpoints: [] } })
    await directory.open()
    expect(() => directory.upstream('c')).toThrow(new RangeError('there is no upstream c; there is a, b'))
    const none = open({})
    await none.directory.open()
    expect(() => none.directory.upstream('c')).toThrow('there is no upstream c; there is none')
    for (const one of [directory, none.directory]) one.close()
  })

  it('fills the budgets of each upstream before anybody tries again', async () => {
    const { page, directory } = open({ a: { endpoints: [] }, b: { endpoints: [], hedge: {} } })
    await directory.open()
    const cells = (cell: number) => [page.upstreamCells[cell], page.upstreamCells[UPSTREAM_CELLS + cell]]
    expect(cells(RETRY_TOKENS)).toEqual([10_000, 10_000])
    expect(cells(HEDGE_TOKENS)).toEqual([0, 10_000])
    directory.close()
  })

  it('waits for names before it is open, tells of those that fail, and makes cookies for all', async () => {
    await using dns = await startDnsServer()
    dns.set('one.test', { a: ['127.0.0.1'] })
    const resolver = { addresses: [dns.address], timeoutMs: 2_000 }
    const { directory, events } = open({
      a: {
        endpoints: [
          { ...address, host: 'one.test' },
          { ...address, host: 'none.test' },
        ],
        resolver,
        sticky: {},
      },
    })
    await directory.open()
    expect(directory.placements).toMatchObject([
      { slot: 0, since: 1, endpoints: [{ name: '127.0.0.1:80', token: expect.stringMatching(/^[\w-]{22}$/) }] },
    ])
    expect(events).toMatchObject([{ kind: 'name_failed', upstream: 'a', name: 'none.test:80' }])
    directory.close()
  })

  it('rejects for a DNS server that is none, and leaves nothing behind', async () => {
    const { directory } = open({
      a: { endpoints: [{ ...address, host: 'one.test' }], resolver: { addresses: ['ns.test'] } },
    })
    await expect(directory.open()).rejects.toThrow(TypeError)
    directory.close()
    const late = open({ a: { endpoints: [], resolver: { addresses: ['ns.test'] } } })
    await late.directory.open()
    const api = late.directory.upstream('a')
    const add = () => api.add({ address: { ...address, host: 'one.test' } })
    await expect(add()).rejects.toThrow('a DNS server is named by its IP address')
    await expect(add()).rejects.toThrow('a DNS server is named by its IP address')
    await expect(api.up('one.test:80')).rejects.toThrow('has no endpoint')
    late.directory.close()
  })

  it('watches no name that comes as it is closed', async () => {
    await using dns = await startDnsServer()
    const { directory } = open({ a: { endpoints: [], resolver: { addresses: [dns.address] } } })
    await directory.open()
    const added = directory.upstream('a').add({ address: { ...address, host: 'one.test' } })
    directory.close()
    await added
    expect(dns.queries).toEqual([])
    expect(directory.placements).toEqual([{ slot: 0, since: 1, endpoints: [] }])
  })
})

describe('another configuration of them', () => {
  const other = { ...address, port: 81 }
  const snapshotOf = (upstreams: Readonly<Record<string, TestUpstream>>, generation: number) => ({
    ...testSnapshot({ upstreams, routes: [] }),
    generation,
  })

  it('is made ready beside the one in force, without touching it, and given up without a trace', async () => {
    const { page, directory } = open({ a: { endpoints: [address] }, gone: { endpoints: [address] } }, 4)
    await directory.open()
    const before = directory.placements
    const cells = page.endpointCells.slice()
    await directory.prepare(
      snapshotOf({ b: { endpoints: [other] }, a: { endpoints: [other, address], balance: 'random' } }, 2),
    )
    expect(directory.placements).toEqual(before)
    const [b, a] = directory.nextPlacements(2)
    expect(b).toMatchObject({ since: 2, slot: 2, endpoints: [{ name: '127.0.0.1:81' }] })
    // The address that stays has its column.
    expect(a).toMatchObject({ since: 2, slot: 0, endpoints: [{}, { column: before[0]!.endpoints[0]!.column }] })
    directory.abandon()
    expect(directory.placements).toEqual(before)
    expect(page.endpointCells).toEqual(cells)
    expect(directory.nextPlacements(2)).toEqual([])
    for (let round = 0; round < 20; round += 1) {
      await directory.prepare(snapshotOf({ b: { endpoints: [other] }, a: { endpoints: [other] } }, 2))
      directory.abandon()
    }
    expect([directory.slots.used, directory.columns.used]).toEqual([3, 4])
    directory.close()
  })

  it('is in force with adopt; what is gone is given to others only when nobody can know it any more', async () => {
    const { directory } = open({ a: { endpoints: [address, other] }, gone: { endpoints: [address] } }, 4)
    await directory.open()
    const control = directory.upstream('a')
    await directory.prepare(snapshotOf({ a: { endpoints: [other] }, b: { endpoints: [] } }, 2))
    const leftovers = directory.adopt(snapshotOf({ a: { endpoints: [other] }, b: { endpoints: [] } }, 2))
    expect(directory.upstream('a')).toBe(control)
    expect(control.endpoints().map(({ name }) => name)).toEqual(['127.0.0.1:81'])
    expect(() => directory.upstream('gone')).toThrow('there is no upstream gone; there is a, b')
    expect(directory.columns.take()).toBe(3)
    leftovers.retire()
    expect(directory.columns.take()).toBe(0)
    expect(directory.slots.take()).toBe(3)
    leftovers.free()
    expect(directory.slots.take()).toBe(1)
    expect(directory.columns.take()).toBe(2)
    directory.close()
  })

  it('is refused where there is no room, and leaves what is in force whole', async () => {
    const { directory } = open({ a: { endpoints: [address] } })
    await directory.open()
    const before = directory.placements
    const many = Array.from({ length: 9 }, (_, index) => ({ ...address, port: 1_000 + index }))
    const refusal = directory.prepare(snapshotOf({ a: { endpoints: many } }, 2))
    await expect(refusal).rejects.toMatchObject({
      name: 'ReloadError',
      reason: 'no_room',
      message: expect.stringContaining('no room for the endpoints of the upstream a: there is room for 8 in all'),
    })
    await expect(directory.prepare(snapshotOf({ a: { endpoints: [] }, b: { endpoints: [] } }, 2))).rejects.toThrow(
      'no room for the upstream b: there is room for 1',
    )
    expect(directory.placements).toEqual(before)
    await directory.prepare(snapshotOf({ a: { endpoints: many.slice(0, 7) } }, 2))
    directory.abandon()
    directory.close()
  })

  it('has the budget of what is new filled, and leaves that of what stays', async () => {
    const { page, directory } = open({ a: { endpoints: [] } })
    await directory.open()
    page.upstreamCells[RETRY_TOKENS] = 3_000
    const next = snapshotOf({ a: { endpoints: [], hedge: {}, balance: 'random' } }, 2)
    await directory.prepare(next)
    directory.adopt(next)
    expect([page.upstreamCells[RETRY_TOKENS], page.upstreamCells[HEDGE_TOKENS]]).toEqual([3_000, 10_000])
    directory.close()
  })

  it('waits for names as the first one does, and keeps what a name had until it is looked up anew', async () => {
    await using dns = await startDnsServer()
    dns.set('one.test', { a: ['127.0.0.1'] })
    const resolver = { addresses: [dns.address], timeoutMs: 2_000 }
    const named = { ...address, host: 'one.test' }
    const { directory } = open({ a: { endpoints: [named], resolver } })
    await directory.open()
    const [before] = directory.placements
    dns.set('one.test', { a: ['127.0.0.1', '127.0.0.2'] })
    dns.set('two.test', { a: ['127.0.0.3'] })
    const next = snapshotOf(
      { a: { endpoints: [named, { ...address, host: 'two.test' }], resolver: { ...resolver, timeoutMs: 1_900 } } },
      2,
    )
    await directory.prepare(next)
    const [after] = directory.nextPlacements(2)
    expect(after!.endpoints.map(({ name }) => name)).toEqual(['127.0.0.1:80', '127.0.0.2:80', '127.0.0.3:80'])
    expect(after!.endpoints[0]!.column).toBe(before!.endpoints[0]!.column)
    directory.adopt(next)
    directory.close()
  })
})
