import { describe, expect, it } from 'vitest'
import { StatePage } from '../../../engine/shared/state-page.ts'
import { HEDGE_TOKENS, RETRY_TOKENS, UPSTREAM_CELLS } from '../../../engine/shared/upstream-cells.ts'
import type { EngineEvent } from '../../../engine/threads/api.ts'
import { Directory } from '../../../engine/threads/directory.ts'
import { startDnsServer } from '../../support/dns-server.ts'
import { type TestUpstream, testSnapshot } from '../../support/snapshot.ts'

const address = { kind: 'tcp', host: '127.0.0.1', port: 80 } as const

function open(upstreams: Readonly<Record<string, TestUpstream>>) {
  const page = StatePage.create(2, 8, Object.keys(upstreams).length)
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
    expect(directory.placements.map(placements => placements.map(({ column }) => column))).toEqual([[0, 1], [2]])
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
      [{ name: '127.0.0.1:80', token: expect.stringMatching(/^[\w-]{22}$/) }],
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
    expect(directory.placements).toEqual([[]])
  })
})
