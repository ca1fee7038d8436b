import { constants } from 'node:os'
import { describe, expect, it, vi } from 'vitest'
import { UdpSocket } from '../../../engine/net/udp-socket.ts'
import {
  DATAGRAMS_DROPPED,
  FLOWS_ACTIVE,
  FLOWS_EVICTED,
  FLOWS_TOTAL,
  type StatePage,
} from '../../../engine/shared/state-page.ts'
import { Upstream } from '../../../engine/upstream/upstream.ts'
import { DatagramPeer, namedEcho } from '../../support/datagrams.ts'
import { type SameThreadProxy, startSameThreadProxy } from '../../support/proxy.ts'
import type { TestUdpListener } from '../../support/snapshot.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'

function start(endpoint: DatagramPeer, listener: TestUdpListener = {}): Promise<SameThreadProxy> {
  return startSameThreadProxy({ udpListeners: [listener], upstreams: { peers: [endpoint.address] } }, 0)
}

function counts(page: StatePage): Record<'active' | 'total' | 'evicted' | 'dropped', number> {
  return {
    active: page.counter(FLOWS_ACTIVE),
    total: page.counter(FLOWS_TOTAL),
    evicted: page.counter(FLOWS_EVICTED),
    dropped: page.counter(DATAGRAMS_DROPPED),
  }
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter(name => name === 'UDPWrap').length
}

describe('a flow', () => {
  it('takes datagrams to the endpoint and back, and the log hears of it when it has been idle', async () => {
    await using echo = await namedEcho('echo ')
    await using client = await DatagramPeer.open()
    await using proxy = await start(echo, { name: 'games', idleMs: 400 })
    expect(await client.ask('one', proxy.port)).toBe('echo one')
    expect(await client.ask('three', proxy.port)).toBe('echo three')
    expect(counts(proxy.page)).toMatchObject({ active: 1, total: 0 })
    const [flow] = await waitFor(() => proxy.flows.length > 0 && proxy.flows)
    expect(flow).toMatchObject({
      protocol: 'udp',
      listener: 'games',
      client: `127.0.0.1:${client.port}`,
      proxy: '',
      upstream: 'peers',
      endpoint: `127.0.0.1:${echo.port}`,
      bytesIn: 8,
      bytesOut: 18,
      datagramsIn: 2,
      datagramsOut: 2,
      connectUs: 0,
      retries: 0,
      flag: '',
      error: '',
      errorDetail: '',
    })
    expect(flow?.firstByteUs).toBeGreaterThan(0)
    expect(flow?.totalUs).toBeGreaterThan(400_000)
    expect(Math.abs((flow?.startedAtMs ?? 0) - Date.now())).toBeLessThan(20_000)
    expect(counts(proxy.page)).toEqual({ active: 0, total: 1, evicted: 0, dropped: 0 })
  })

  it('is that of one address and port, and has a socket of its own to the endpoint', async () => {
    await using echo = await namedEcho()
    await using first = await DatagramPeer.open()
    await using second = await DatagramPeer.open()
    await using proxy = await start(echo)
    await first.ask('a', proxy.port)
    await second.ask('b', proxy.port)
    await first.ask('c', proxy.port)
    const [a, b, c] = echo.received
    expect(a?.port).toBe(c?.port)
    expect(a?.port).not.toBe(b?.port)
    expect(counts(proxy.page).active).toBe(2)
  })

  it.each([0, 1, 1472, 1473, 9000, 65_507])('carries datagrams of %i bytes whole', async size => {
    await using echo = await namedEcho()
    await using client = await DatagramPeer.open()
    await using proxy = await start(echo)
    const sent = Buffer.alloc(size, 'datagram')
    client.send(sent, proxy.port)
    const { bytes } = await client.next()
    expect(bytes.equals(sent)).toBe(true)
    expect(echo.received[0]?.bytes.equals(sent)).toBe(true)
  })

  it('carries the largest datagrams of IPv6, too', async () => {
    await using echo = await namedEcho('', '::1')
    await using client = await DatagramPeer.open(null, '::1')
    await using proxy = await start(echo, { address: { kind: 'tcp', host: '::1', port: 0 } })
    const sent = Buffer.alloc(65_527, 'datagram')
    client.send(sent, proxy.port, '::1')
    const { bytes } = await client.next()
    expect(bytes.equals(sent)).toBe(true)
  })

  it('loses a datagram that is too large for the way to the client, and nothing else', async () => {
    const answer = ({ text }: { text: string }) => [Buffer.alloc(Number(text), 'x')]
    await using endpoint = await DatagramPeer.open(answer, '::1')
    await using client = await DatagramPeer.open()
    await using proxy = await start(endpoint)
    client.send('65527', proxy.port)
    expect(await client.ask('3', proxy.port)).toBe('xxx')
    expect(counts(proxy.page)).toMatchObject({ active: 1, dropped: 1 })
  })

  it('loses a datagram that is too large for the way to the endpoint, and nothing else', async () => {
    await using echo = await namedEcho()
    await using client = await DatagramPeer.open()
    await using proxy = await start(echo)
    const connect = vi.spyOn(UdpSocket, 'connect')
    expect(await client.ask('1', proxy.port)).toBe('1')
    const [, , owner] = connect.mock.calls[0] ?? []
    connect.mockRestore()
    // What ICMP says of the narrowest part of the way comes as an error of the connected socket.
    owner?.onSocketError('EMSGSIZE')
    expect(await client.ask('2', proxy.port)).toBe('2')
    expect(counts(proxy.page)).toEqual({ active: 1, total: 0, evicted: 0, dropped: 1 })
  })

  it('comes by IPv4 and by IPv6 to a listener on all addresses', async () => {
    await using echo = await namedEcho()
    await using four = await DatagramPeer.open()
    await using six = await DatagramPeer.open(null, '::1')
    await using proxy = await start(echo, { address: { kind: 'tcp', host: '::', port: 0 }, responses: 1 })
    expect(await four.ask('four', proxy.port)).toBe('four')
    expect(await six.ask('six', proxy.port, '::1')).toBe('six')
    expect(proxy.flows.map(({ client }) => client)).toEqual([`127.0.0.1:${four.port}`, `[::1]:${six.port}`])
  })

  it('ends without an endpoint where there is none', async () => {
    await using client = await DatagramPeer.open()
    await using proxy = await startSameThreadProxy({ udpListeners: [{}], upstreams: { none: [] } }, 0)
    client.send('a', proxy.port)
    const [flow] = await waitFor(() => proxy.flows.length > 0 && proxy.flows)
    expect(flow).toMatchObject({ error: 'no_endpoint', flag: 'UH', endpoint: '', datagramsIn: 1, firstByteUs: -1 })
    expect(counts(proxy.page)).toMatchObject({ active: 0, total: 1 })
  })

  it('is the only one that an exception of ours costs', async () => {
    await using echo = await namedEcho()
    await using unlucky = await DatagramPeer.open()
    await using lucky = await DatagramPeer.open()
    await using proxy = await start(echo)
    await lucky.ask('a', proxy.port)
    const choose = vi.spyOn(Upstream.prototype, 'choose').mockImplementationOnce(() => {
      throw new Error('a defect that a test asked for')
    })
    unlucky.send('a', proxy.port)
    const [flow] = await waitFor(() => proxy.flows.length > 0 && proxy.flows)
    choose.mockRestore()
    expect(flow).toMatchObject({ error: 'internal', client: `127.0.0.1:${unlucky.port}` })
    expect(proxy.events).toMatchObject([{ kind: 'connection_fault', error: 'a defect that a test asked for' }])
    expect(await lucky.ask('b', proxy.port)).toBe('b')
    expect(await unlucky.ask('c', proxy.port)).toBe('c')
    expect(counts(proxy.page)).toMatchObject({ active: 2, total: 1 })
  })
})

describe('answers that are counted', () => {
  it('end the flow with the last one', async () => {
    await using echo = await DatagramPeer.open(({ bytes }) => [bytes, bytes])
    await using client = await DatagramPeer.open()
    await using proxy = await start(echo, { responses: 2 })
    await client.ask('a', proxy.port)
    await client.next()
    expect(proxy.flows).toMatchObject([{ datagramsIn: 1, datagramsOut: 2, error: '' }])
    expect(counts(proxy.page)).toMatchObject({ active: 0, total: 1 })
  })

  it('are as many for each datagram of the client', async () => {
    await using endpoint = await DatagramPeer.open()
    await using client = await DatagramPeer.open()
    await using proxy = await start(endpoint, { responses: 1 })
    client.send('a', proxy.port)
    client.send('b', proxy.port)
    const { port } = await endpoint.next()
    await endpoint.next()
    endpoint.send('A', port)
    await client.next()
    expect(proxy.flows).toEqual([])
    endpoint.send('B', port)
    await client.next()
    expect(proxy.flows).toMatchObject([{ datagramsIn: 2, datagramsOut: 2 }])
  })

  it('are none where none is awaited: the flow ends with the datagram', async () => {
    await using endpoint = await DatagramPeer.open()
    await using client = await DatagramPeer.open()
    await using proxy = await start(endpoint, { responses: 0 })
    client.send('a', proxy.port)
    expect((await endpoint.next()).text).toBe('a')
    expect(proxy.flows).toMatchObject([{ datagramsIn: 1, datagramsOut: 0, error: '' }])
  })

  it('that do not come are an error of the flow', async () => {
    await using endpoint = await DatagramPeer.open()
    await using client = await DatagramPeer.open()
    await using proxy = await start(endpoint, { responses: 1, idleMs: 50 })
    client.send('a', proxy.port)
    const [flow] = await waitFor(() => proxy.flows.length > 0 && proxy.flows)
    expect(flow).toMatchObject({ error: 'flow_idle_timeout', datagramsIn: 1, datagramsOut: 0 })
  })
})

describe('the bound on amplification', () => {
  it('drops what goes beyond it, over the life of the flow', async () => {
    await using endpoint = await DatagramPeer.open(({ text }) => [Buffer.alloc(Number(text), 'x')])
    await using client = await DatagramPeer.open()
    await using proxy = await start(endpoint, { limits: { amplificationMax: 10 } })
    // 30 bytes may come back for 3.
    client.send('100', proxy.port)
    await endpoint.next()
    // 60 for 6 by now.
    expect(await client.ask('060', proxy.port)).toHaveLength(60)
    await endpoint.next()
    client.send('031', proxy.port)
    await endpoint.next()
    expect(await client.ask('030', proxy.port)).toHaveLength(30)
    expect(client.received.map(({ text }) => text.length)).toEqual([60, 30])
    expect(counts(proxy.page)).toMatchObject({ active: 1, dropped: 2 })
  })
})

describe('the table of flows', () => {
  it('gives up the flow that has been idle for the longest, counts it, and tells once', async () => {
    await using echo = await namedEcho()
    await using a = await DatagramPeer.open()
    await using b = await DatagramPeer.open()
    await using c = await DatagramPeer.open()
    await using proxy = await start(echo, { name: 'small', limits: { connectionsMax: 2 } })
    await a.ask('1', proxy.port)
    await b.ask('1', proxy.port)
    await a.ask('2', proxy.port)
    await c.ask('1', proxy.port)
    expect(proxy.flows).toMatchObject([{ client: `127.0.0.1:${b.port}`, error: 'flow_evicted', flag: 'OL' }])
    await b.ask('2', proxy.port)
    expect(proxy.flows[1]).toMatchObject({ client: `127.0.0.1:${a.port}`, error: 'flow_evicted' })
    expect(counts(proxy.page)).toMatchObject({ active: 2, total: 2, evicted: 2 })
    expect(proxy.events).toMatchObject([{ kind: 'flows_full', listener: 'small', limit: 2 }])
  })

  it('keeps those who talk with the endpoint when strangers flood it', async () => {
    await using echo = await DatagramPeer.open(({ text }) => (text === 'garbage' ? [] : [Buffer.from(text)]))
    await using proxy = await start(echo, { limits: { connectionsMax: 8 } })
    const friends = await Promise.all(Array.from({ length: 3 }, () => DatagramPeer.open()))
    for (const friend of friends) {
      await friend.ask('1', proxy.port)
      await friend.ask('2', proxy.port)
    }
    const strangers = await Promise.all(Array.from({ length: 20 }, () => DatagramPeer.open()))
    for (const stranger of strangers) stranger.send('garbage', proxy.port)
    await waitFor(() => counts(proxy.page).evicted === 15)
    for (const friend of friends) expect(await friend.ask('3', proxy.port)).toBe('3')
    expect(counts(proxy.page)).toMatchObject({ active: 8, total: 15 })
    await Promise.all([...friends, ...strangers].map(peer => peer.close()))
  })

  it('gives one up for a new one where the system has no socket left', async () => {
    await using echo = await namedEcho()
    await using a = await DatagramPeer.open()
    await using b = await DatagramPeer.open()
    await using proxy = await start(echo)
    await a.ask('1', proxy.port)
    const { connect } = UdpSocket
    const failures = [constants.errno.EMFILE]
    vi.spyOn(UdpSocket, 'connect').mockImplementation((...given) => {
      const failure = failures.pop()
      return failure === undefined ? connect.apply(UdpSocket, given) : -failure
    })
    expect(await b.ask('2', proxy.port)).toBe('2')
    expect(proxy.flows).toMatchObject([{ client: `127.0.0.1:${a.port}`, error: 'flow_evicted' }])
    vi.restoreAllMocks()
  })
})

describe('many flows', () => {
  it('leave no socket, and counts of zero', async () => {
    const FLOWS = 1_500
    const AT_ONCE = 50
    await using echo = await namedEcho()
    await using proxy = await start(echo, { responses: 1 })
    await turns()
    const before = openSockets()
    for (let done = 0; done < FLOWS; done += AT_ONCE) {
      const clients = await Promise.all(Array.from({ length: AT_ONCE }, () => DatagramPeer.open()))
      await Promise.all(clients.map(client => client.ask('x', proxy.port)))
      await Promise.all(clients.map(client => client.close()))
    }
    await turns()
    expect(counts(proxy.page)).toEqual({ active: 0, total: FLOWS, evicted: 0, dropped: 0 })
    expect(proxy.page.inFlight(0)).toBe(0)
    expect(openSockets()).toBe(before)
  })

  it('are ended by a worker that stops, when its grace is over', async () => {
    await using echo = await namedEcho()
    await using client = await DatagramPeer.open()
    await turns()
    const before = openSockets()
    const proxy = await start(echo)
    await client.ask('a', proxy.port)
    await proxy.stop()
    expect(proxy.flows).toMatchObject([{ error: 'shutdown' }])
    expect(counts(proxy.page)).toMatchObject({ active: 0, total: 1 })
    await turns()
    expect(openSockets()).toBe(before)
  })
})
