import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { ConnectionLimits } from '../../../engine/snapshot.ts'
import { createAuthority } from '../../support/certificates.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { type Listening, listenOn } from '../../support/listen.ts'
import { startSameThreadProxy } from '../../support/proxy.ts'
import { type RawClient, rawClient } from '../../support/raw-client.ts'
import { recordingOrigin } from '../../support/recording-origin.ts'
import { certificateSnapshot, listenerTls } from '../../support/tls.ts'
import { waitFor } from '../../support/wait-for.ts'

const GET = 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n'

/** Whoever comes is answered with what it sends. */
async function echo(): Promise<Listening> {
  return await listenOn(
    createServer({ noDelay: true }, socket => {
      socket.on('error', () => socket.destroy())
      socket.pipe(socket)
    }),
  )
}

/** Whoever is refused may hear of it before it knows that it was connected. */
async function arrive(port: number): Promise<RawClient | null> {
  return await rawClient(port).catch((error: NodeJS.ErrnoException) => {
    expect(error.code).toBe('ECONNRESET')
    return null
  })
}

/** A connection that was let in, as an answer to its first bytes shows; `null` for one that was not. */
async function enter(port: number, first = GET): Promise<RawClient | null> {
  const client = await arrive(port)
  if (client === null) return null
  await client.send(first)
  await waitFor(() => client.unread.length > 0 || client.ended !== 'no', 'an answer, or the end')
  if (client.ended === 'no') return client
  expect([client.ended, client.received.length]).toEqual(['reset', 0])
  return null
}

/** One after the other: those that were let in. */
async function enterTimes(count: number, port: number, first = GET): Promise<RawClient[]> {
  const inside: RawClient[] = []
  for (let times = 0; times < count; times += 1) {
    const client = await enter(port, first)
    if (client !== null) inside.push(client)
  }
  return inside
}

function closeAll(clients: readonly RawClient[]): void {
  for (const client of clients) client.close()
}

const refusals = ({ events }: Pick<InstrumentedProxy, 'events'>) =>
  events.filter(({ kind }) => kind === 'connections_refused')

describe('connections of one client', () => {
  it('are counted over all workers of a listener, and each client has its own', async () => {
    await using origin = await recordingOrigin()
    await using proxy = await startInstrumentedProxy({
      listeners: [{ limits: { connectionsPerClientMax: 5 } }, {}],
      upstreams: { web: { endpoints: [origin.address], pool: { idleTimeoutMs: 100 } } },
      workers: 2,
    })
    const inside = await enterTimes(12, proxy.port)
    expect(inside.length).toBe(5)
    expect(proxy.stats().connectionsRefused).toBe(7)
    const other = connect({ port: proxy.port, host: '127.0.0.1', localAddress: '127.0.0.2' })
    other.write(GET)
    expect(String((await once(other, 'data'))[0])).toContain('200')
    other.destroy()
    const elsewhere = await enterTimes(7, proxy.portOf(1))
    expect(elsewhere.length).toBe(7)
    expect(refusals(proxy)[0]).toMatchObject({
      listener: 'listener0',
      count: 1,
      client: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      reason: 'too_many_of_client',
      detail: 'the client has 5 open, as many as one may have',
    })
    // Whoever leaves makes room.
    closeAll(inside.splice(0, 2))
    closeAll(elsewhere)
    await waitFor(() => proxy.stats().connectionsOpen === 3)
    inside.push(...(await enterTimes(4, proxy.port)))
    expect(inside.length).toBe(5)
    closeAll(inside)
    await proxy.nothingLeft()
  })

  it('are those of the client that a header tells of', async () => {
    await using origin = await echo()
    await using proxy = await startSameThreadProxy({
      tcpListeners: [
        { proxyProtocol: { trusted: ['127.0.0.1/32'], timeoutMs: 5000 }, limits: { connectionsPerClientMax: 2 } },
      ],
      upstreams: { pg: [origin.address] },
    })
    const inside: RawClient[] = []
    for (const client of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
      inside.push(...(await enterTimes(4, proxy.port, `PROXY TCP4 ${client} 192.0.2.9 1 2\r\nhello`)))
    }
    expect(inside.length).toBe(6)
    expect(refusals(proxy)[0]).toMatchObject({ client: '192.0.2.1:1', reason: 'too_many_of_client' })
    closeAll(inside)
  })

  it('count from when they have come, in the midst of their handshakes too', async () => {
    const authority = await createAuthority()
    const leaf = await authority.issue({ names: ['localhost'] })
    await using origin = await echo()
    await using proxy = await startSameThreadProxy({
      tcpListeners: [
        {
          tls: listenerTls({ certificates: [certificateSnapshot(leaf)], handshakesMax: 1 }),
          limits: { connectionsPerClientMax: 2 },
        },
      ],
      upstreams: { pg: [origin.address] },
    })
    const silent = [await rawClient(proxy.port), await rawClient(proxy.port)]
    using third = await arrive(proxy.port)
    expect(await third?.closed).not.toBe('fin')
    expect(refusals(proxy)).toMatchObject([{ reason: 'too_many_of_client' }])
    expect(silent.map(({ ended }) => ended)).toEqual(['no', 'no'])
    closeAll(silent)
  })

  it('that were open before there was a limit count as well, and a limit that rises is one at once', async () => {
    await using origin = await recordingOrigin()
    const options = (limits: Partial<ConnectionLimits>, port = 0) => ({
      listeners: [{ address: { kind: 'tcp', host: '127.0.0.1', port }, limits } as const],
      upstreams: { web: { endpoints: [origin.address], pool: { idleTimeoutMs: 100 } } },
      workers: 2,
    })
    await using proxy = await startInstrumentedProxy(options({}))
    const inside = await enterTimes(4, proxy.port)
    await proxy.reload(options({ connectionsPerClientMax: 6 }, proxy.port))
    inside.push(...(await enterTimes(5, proxy.port)))
    expect(inside.length).toBe(6)
    await proxy.reload(options({ connectionsPerClientMax: 8 }, proxy.port))
    inside.push(...(await enterTimes(5, proxy.port)))
    expect(inside.length).toBe(8)
    await proxy.reload(options({}, proxy.port))
    inside.push(...(await enterTimes(3, proxy.port)))
    expect(inside.length).toBe(11)
    closeAll(inside)
    await proxy.nothingLeft()
  })

  it('are gone with their worker when that dies', async () => {
    await using origin = await recordingOrigin()
    await using proxy = await startInstrumentedProxy({
      listeners: [{ limits: { connectionsPerClientMax: 8 } }],
      upstreams: { web: { endpoints: [origin.address], pool: { idleTimeoutMs: 100 } } },
      workers: 2,
    })
    const inside = await enterTimes(8, proxy.port)
    const busy = () => proxy.workers().map(({ connectionsOpen }) => connectionsOpen)
    await inside[0]!.send(GET.replace('/a', '/crash'))
    await waitFor(() => proxy.events.some(({ kind }) => kind === 'worker_died'), 'a death')
    await waitFor(() => inside.filter(({ ended }) => ended === 'no').length === sum(busy()), 'clients that were cut')
    const survivors = inside.filter(({ ended }) => ended === 'no')
    expect(survivors.length).toBeLessThan(8)
    survivors.push(...(await enterTimes(10, proxy.port)))
    expect(survivors.length).toBe(8)
    closeAll(inside)
    closeAll(survivors)
  })
})

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)

describe('new connections', () => {
  it('come in as many as the burst lets, over all workers; the rest is reset, counted and told', async () => {
    await using origin = await echo()
    // A new one every quarter of an hour.
    const limits = { newConnectionsRate: 0.001, newConnectionsBurst: 6 }
    await using proxy = await startInstrumentedProxy({
      tcpListeners: [{ limits }],
      upstreams: { pg: [origin.address] },
      workers: 2,
    })
    const tries = await Promise.all(Array.from({ length: 20 }, () => enter(proxy.port, 'hello')))
    const inside = tries.filter(client => client !== null)
    expect(inside.length).toBe(6)
    expect(proxy.stats().connectionsRefused).toBe(14)
    expect(refusals(proxy)[0]).toMatchObject({
      listener: 'tcp0',
      reason: 'too_many_new',
      detail: 'more than 0.001 new ones in a second, and 6 at once',
    })
    closeAll(inside)
    expect(await enter(proxy.port, 'hello')).toBeNull()
    await proxy.nothingLeft()
  })

  it('come in by the rate of a reload at once', async () => {
    await using origin = await recordingOrigin()
    const options = (newConnectionsRate: number, port = 0) => ({
      listeners: [
        {
          address: { kind: 'tcp', host: '127.0.0.1', port },
          limits: { newConnectionsRate, newConnectionsBurst: 2 },
        } as const,
      ],
      upstreams: { web: { endpoints: [origin.address], pool: { idleTimeoutMs: 100 } } },
    })
    await using proxy = await startInstrumentedProxy(options(0.001))
    const inside = await enterTimes(4, proxy.port)
    expect(inside.length).toBe(2)
    await proxy.reload(options(0, proxy.port))
    inside.push(...(await enterTimes(10, proxy.port)))
    expect(inside.length).toBe(12)
    await proxy.reload(options(0.001, proxy.port))
    expect(await enterTimes(3, proxy.port)).toEqual([])
    closeAll(inside)
  })
})

describe('new flows of UDP', () => {
  it('are limited for each client, and by their rate', async () => {
    const server = createSocket('udp4')
    server.on('message', (bytes, { port, address }) => server.send(bytes, port, address))
    server.bind(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address()
    await using proxy = await startSameThreadProxy({
      udpListeners: [
        { idleMs: 100, limits: { connectionsPerClientMax: 2 } },
        { idleMs: 100, limits: { newConnectionsRate: 0.001, newConnectionsBurst: 3 } },
      ],
      upstreams: { dns: [{ kind: 'tcp', host: '127.0.0.1', port }] },
    })
    const answered = [0, 0]
    const clients = [0, 0, 0, 0, 1, 1, 1, 1].map(listener => {
      const client = createSocket('udp4')
      client.on('message', () => {
        answered[listener] = (answered[listener] as number) + 1
      })
      client.send('hello', proxy.portOf(listener), '127.0.0.1')
      return client
    })
    await waitFor(() => sum(answered) === 5 && refusals(proxy).length === 2, 'two and three answers')
    expect(answered).toEqual([2, 3])
    expect(refusals(proxy)).toMatchObject([
      { listener: 'udp0', reason: 'too_many_of_client' },
      { listener: 'udp1', reason: 'too_many_new' },
    ])
    for (const client of clients) client.close()
    server.close()
  })
})
