import { describe, expect, it, vi } from 'vitest'
import { ADMIN_DOWN, ADMIN_STATE } from '../../../engine/shared/endpoint-cells.ts'
import { CONNECTIONS_REFUSED, DATAGRAMS_DROPPED, FLOWS_ACTIVE } from '../../../engine/shared/state-page.ts'
import { DatagramPeer, namedEcho, unreachableDatagrams } from '../../support/datagrams.ts'
import { type SameThreadProxy, startSameThreadProxy } from '../../support/proxy.ts'
import type { TestUdpListener, TestUpstream } from '../../support/snapshot.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'

function start(upstream: TestUpstream, listener: TestUdpListener = {}): Promise<SameThreadProxy> {
  return startSameThreadProxy({ udpListeners: [listener], upstreams: { peers: upstream } }, 0)
}

function clients(count: number): Promise<DatagramPeer[]> {
  return Promise.all(Array.from({ length: count }, () => DatagramPeer.open()))
}

async function closeAll(peers: readonly DatagramPeer[]): Promise<void> {
  await Promise.all(peers.map(peer => peer.close()))
}

describe('an endpoint that cannot be reached', () => {
  it('has failed, and what was sent goes to the next one', async () => {
    await using gone = await unreachableDatagrams()
    await using echo = await namedEcho('echo ')
    await using client = await DatagramPeer.open()
    await using proxy = await start(
      { endpoints: [gone.address, echo.address], passive: { consecutive: 1 } },
      { responses: 2 },
    )
    client.send('a', proxy.port)
    client.send('b', proxy.port)
    expect([(await client.next()).text, (await client.next()).text]).toEqual(['echo a', 'echo b'])
    client.send('c', proxy.port)
    client.send('d', proxy.port)
    await client.next()
    await client.next()
    expect(proxy.events).toMatchObject([{ kind: 'endpoint_health', change: 'ejected' }])
    expect(proxy.page.rows[0]?.tries[0]).toBe(1)
  })

  it('is told of in the log where there is no other', async () => {
    await using gone = await unreachableDatagrams()
    await using client = await DatagramPeer.open()
    await using proxy = await start({ endpoints: [gone.address] })
    client.send('a', proxy.port)
    const [flow] = await waitFor(() => proxy.flows.length > 0 && proxy.flows)
    expect(flow).toMatchObject({
      error: 'upstream_connect_failed',
      flag: 'UF',
      errorDetail: 'ECONNREFUSED',
      endpoint: expect.stringMatching(/^127\.0\.0\.1:/),
    })
    expect(proxy.page.inFlight(0)).toBe(0)
  })

  it('is not left for another where that is not wanted', async () => {
    await using gone = await unreachableDatagrams()
    await using echo = await namedEcho()
    await using client = await DatagramPeer.open()
    await using proxy = await start({ endpoints: [gone.address, echo.address], retry: { onConnect: false } })
    client.send('a', proxy.port)
    expect(await waitFor(() => proxy.flows[0])).toMatchObject({ error: 'upstream_connect_failed', retries: 0 })
    expect(echo.received).toEqual([])
  })

  it('is left for another after a pause where one is configured', async () => {
    await using gone = await unreachableDatagrams()
    await using echo = await namedEcho()
    await using client = await DatagramPeer.open()
    await using proxy = await start(
      { endpoints: [gone.address, echo.address], retry: { backoffMs: 20, backoffMaxMs: 20 } },
      { responses: 1 },
    )
    expect(await client.ask('a', proxy.port)).toBe('a')
    expect(proxy.flows).toMatchObject([{ retries: 1, error: '', datagramsIn: 1 }])
    expect(proxy.flows[0]?.totalUs).toBeGreaterThan(10_000)
  })

  it('gets back nothing that was sent long ago', async () => {
    await using endpoint = await DatagramPeer.open()
    await using echo = await namedEcho()
    await using client = await DatagramPeer.open()
    await using proxy = await start({ endpoints: [endpoint.address, echo.address] })
    client.send('old', proxy.port)
    const { port } = await endpoint.next()
    await endpoint.close()
    const begun = performance.now()
    const now = vi.spyOn(performance, 'now').mockImplementation(() => begun + 5_000)
    try {
      client.send('new', proxy.port)
      await turns(6)
      client.send('newer', proxy.port)
      expect(await waitFor(() => proxy.flows[0])).toMatchObject({ error: 'upstream_connect_failed', retries: 0 })
    } finally {
      now.mockRestore()
    }
    expect(port).toBeGreaterThan(0)
    expect(await client.ask('newest', proxy.port)).toMatch(/^new/)
    expect(echo.received.every(({ text }) => text !== 'old')).toBe(true)
  })

  it('fails as well when it has answered before, and the next datagram begins another flow', async () => {
    await using endpoint = await namedEcho('first ')
    await using echo = await namedEcho('second ')
    await using client = await DatagramPeer.open()
    await using proxy = await start({ endpoints: [endpoint.address, echo.address], passive: { consecutive: 1 } })
    expect(await client.ask('a', proxy.port)).toBe('first a')
    await endpoint.close()
    client.send('b', proxy.port)
    expect(await waitFor(() => proxy.flows[0])).toMatchObject({
      error: 'upstream_closed',
      flag: 'UC',
      errorDetail: 'ECONNREFUSED',
      datagramsIn: 2,
      datagramsOut: 1,
    })
    expect(proxy.events).toMatchObject([{ kind: 'endpoint_health', change: 'ejected' }])
    expect(await client.ask('c', proxy.port)).toBe('second c')
  })
})

describe('an endpoint that is told things, and answers nobody', () => {
  it.each([50, 60_000])('is back when it refuses nothing any more: flows idle for %i ms', async idleMs => {
    await using other = await DatagramPeer.open()
    const down = await DatagramPeer.open()
    await using proxy = await start(
      { endpoints: [down.address, other.address], passive: { consecutive: 1, ejectMs: 50, ejectMaxMs: 50 } },
      { idleMs },
    )
    const clients = await Promise.all(Array.from({ length: 4 }, () => DatagramPeer.open()))
    await down.close()
    for (const client of clients) client.send('anybody?', proxy.port)
    await waitFor(() => proxy.events.length > 0)
    await using back = await DatagramPeer.open(null, '127.0.0.1', down.port)
    const more = await Promise.all(Array.from({ length: 4 }, () => DatagramPeer.open()))
    const telling = setInterval(() => more.map(client => client.send('news', proxy.port)), 60)
    await waitFor(() => proxy.events.length > 1)
    clearInterval(telling)
    expect(back.received.length).toBeGreaterThan(0)
    expect(proxy.events).toMatchObject([{ change: 'ejected' }, { change: 'up' }])
    await Promise.all([...clients, ...more].map(client => client.close()))
  })
})

describe('an endpoint that does not answer', () => {
  it('has failed where answers are counted', async () => {
    await using silent = await DatagramPeer.open()
    await using echo = await namedEcho()
    await using client = await DatagramPeer.open()
    await using proxy = await start(
      { endpoints: [silent.address, echo.address], passive: { consecutive: 1 } },
      { responses: 1, idleMs: 50 },
    )
    client.send('a', proxy.port)
    await waitFor(() => proxy.events.length > 0)
    expect(proxy.events).toMatchObject([{ kind: 'endpoint_health', change: 'ejected' }])
  })

  it('has done nothing wrong where it answers others meanwhile', async () => {
    await using picky = await DatagramPeer.open(({ text }) => (text === 'garbage' ? [] : [Buffer.from(text)]))
    await using other = await namedEcho()
    await using stranger = await DatagramPeer.open()
    await using client = await DatagramPeer.open()
    await using proxy = await start(
      {
        endpoints: [{ address: picky.address }, { address: other.address, backup: true }],
        passive: { consecutive: 1 },
      },
      { responses: 1, idleMs: 100 },
    )
    stranger.send('garbage', proxy.port)
    await picky.next()
    expect(await client.ask('a', proxy.port)).toBe('a')
    await waitFor(() => proxy.flows.length === 2)
    expect(proxy.flows[1]).toMatchObject({ error: 'flow_idle_timeout' })
    expect(proxy.events).toEqual([])
    // Nobody is answered any more.
    stranger.send('garbage', proxy.port)
    await waitFor(() => proxy.flows.length === 3)
    expect(proxy.events).toMatchObject([{ kind: 'endpoint_health', change: 'ejected' }])
  })

  it('has done nothing wrong where nobody knows of any', async () => {
    await using silent = await DatagramPeer.open()
    await using echo = await namedEcho()
    await using client = await DatagramPeer.open()
    await using proxy = await start(
      { endpoints: [silent.address, echo.address], passive: { consecutive: 1 } },
      { idleMs: 50 },
    )
    client.send('a', proxy.port)
    expect(await waitFor(() => proxy.flows[0])).toMatchObject({ error: '' })
    expect(proxy.events).toEqual([])
  })
})

describe('the balancer', () => {
  it('gives flows, not datagrams, to endpoints in turn', async () => {
    await using a = await namedEcho('a')
    await using b = await namedEcho('b')
    await using proxy = await start({ endpoints: [a.address, b.address] })
    const all = await clients(4)
    for (const client of all) await client.ask('', proxy.port)
    for (const client of all) await client.ask('', proxy.port)
    expect(all.map(({ received }) => received.map(({ text }) => text).join(''))).toEqual(['aa', 'bb', 'aa', 'bb'])
    await closeAll(all)
  })

  it('keeps all ports of one client at one endpoint where it goes by the address', async () => {
    await using a = await namedEcho('a')
    await using b = await namedEcho('b')
    await using proxy = await start({ endpoints: [a.address, b.address], balance: 'ip_hash' })
    const all = await clients(6)
    const said = new Set<string>()
    for (const client of all) said.add(await client.ask('', proxy.port))
    expect(said.size).toBe(1)
    await closeAll(all)
  })

  it('counts open flows where it goes by the fewest', async () => {
    await using a = await namedEcho('a')
    await using b = await namedEcho('b')
    await using proxy = await start({ endpoints: [a.address, b.address], balance: 'least_connections' })
    const all = await clients(6)
    for (const client of all) await client.ask('', proxy.port)
    expect([proxy.page.inFlight(0), proxy.page.inFlight(1)]).toEqual([3, 3])
    await closeAll(all)
  })
})

describe('an endpoint at its limit', () => {
  it('takes no more flows', async () => {
    await using echo = await namedEcho()
    await using proxy = await start({ endpoints: [{ address: echo.address, connectionsMax: 1 }] })
    const [first, second] = (await clients(2)) as [DatagramPeer, DatagramPeer]
    await first.ask('a', proxy.port)
    second.send('b', proxy.port)
    expect(await waitFor(() => proxy.flows[0])).toMatchObject({ error: 'upstream_full', flag: 'UO' })
    expect(proxy.page.counter(FLOWS_ACTIVE)).toBe(1)
    await closeAll([first, second])
  })

  it('is waited for where there is a queue, with what has come meanwhile', async () => {
    await using endpoint = await DatagramPeer.open()
    await using proxy = await start(
      { endpoints: [{ address: endpoint.address, connectionsMax: 1 }], queue: { size: 1, timeoutMs: 15_000 } },
      { responses: 1 },
    )
    const [first, second, third] = (await clients(3)) as [DatagramPeer, DatagramPeer, DatagramPeer]
    first.send('a', proxy.port)
    const { port } = await endpoint.next()
    second.send('b', proxy.port)
    await turns()
    second.send('c', proxy.port)
    third.send('d', proxy.port)
    expect(await waitFor(() => proxy.flows[0])).toMatchObject({ error: 'upstream_queue_full' })
    for (let more = 0; more < 8; more += 1) second.send('more', proxy.port)
    // Eight wait, two more than may.
    await waitFor(() => proxy.page.counter(DATAGRAMS_DROPPED) === 2)
    endpoint.send('A', port)
    expect((await first.next()).text).toBe('A')
    const said: string[] = []
    while (said.length < 8) said.push((await endpoint.next()).text)
    expect(said.slice(0, 3)).toEqual(['b', 'c', 'more'])
    expect(proxy.flows[1]).toMatchObject({ client: `127.0.0.1:${first.port}`, error: '' })
    await closeAll([first, second, third])
  })
})

it('an endpoint that is taken down by order has its flows go elsewhere with their next datagrams', async () => {
  await using a = await namedEcho('a')
  await using b = await namedEcho('b')
  await using client = await DatagramPeer.open()
  await using proxy = await start({ endpoints: [a.address, b.address] })
  expect(await client.ask('', proxy.port)).toBe('a')
  Atomics.store(proxy.page.endpointCells, ADMIN_STATE, ADMIN_DOWN)
  Atomics.add(proxy.page.upstreamCells, 0, 1)
  expect(await client.ask('', proxy.port)).toBe('b')
  expect(proxy.flows).toMatchObject([{ error: '', datagramsIn: 1 }])
})

describe('limits on flows', () => {
  it('keep out those of a client that has too many', async () => {
    await using endpoint = await DatagramPeer.open()
    const limits = { connectionsPerClientMax: 2 }
    await using proxy = await start({ endpoints: [endpoint.address] }, { name: 'few', limits, responses: 1 })
    const [a, b, c] = (await clients(3)) as [DatagramPeer, DatagramPeer, DatagramPeer]
    a.send('a', proxy.port)
    b.send('b', proxy.port)
    const { port } = await endpoint.next()
    await endpoint.next()
    c.send('c', proxy.port)
    await waitFor(() => proxy.page.counter(CONNECTIONS_REFUSED) === 1)
    expect(proxy.events).toMatchObject([
      { kind: 'connections_refused', listener: 'few', reason: 'too_many_of_client', count: 1 },
    ])
    endpoint.send('A', port)
    await a.next()
    c.send('again', proxy.port)
    expect((await endpoint.next()).text).toBe('again')
    await closeAll([a, b, c])
  })

  it('keep out new ones that come too fast, and none that is open', async () => {
    await using echo = await namedEcho()
    const limits = { newConnectionsRate: 1, newConnectionsBurst: 2 }
    await using proxy = await start({ endpoints: [echo.address] }, { limits })
    const all = await clients(3)
    const [a, b, c] = all as [DatagramPeer, DatagramPeer, DatagramPeer]
    await a.ask('1', proxy.port)
    await b.ask('1', proxy.port)
    c.send('1', proxy.port)
    await waitFor(() => proxy.page.counter(CONNECTIONS_REFUSED) === 1)
    expect(await a.ask('2', proxy.port)).toBe('2')
    expect(proxy.page.counter(FLOWS_ACTIVE)).toBe(2)
    await closeAll(all)
  })
})
