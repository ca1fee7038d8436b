import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DatagramPeer, namedEcho } from '../../support/datagrams.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import type { TestProxyOptions, TestUdpListener } from '../../support/snapshot.ts'
import { waitFor } from '../../support/wait-for.ts'

/** Clients are so many that each of the workers has some. */
const CLIENTS = 12

let a: DatagramPeer
let b: DatagramPeer
let clients: DatagramPeer[]

beforeEach(async () => {
  a = await namedEcho('a')
  b = await namedEcho('b')
  clients = await Promise.all(Array.from({ length: CLIENTS }, () => DatagramPeer.open()))
})

afterEach(async () => {
  await Promise.all([a, b, ...clients].map(peer => peer.close()))
})

function configuration(endpoint: DatagramPeer, ...udpListeners: readonly TestUdpListener[]): TestProxyOptions {
  return { listeners: [], routes: [], udpListeners, upstreams: { peers: [endpoint.address] } }
}

function start(endpoint: DatagramPeer, ...listeners: readonly TestUdpListener[]): Promise<InstrumentedProxy> {
  return startInstrumentedProxy({ workers: 2, shutdownGraceMs: 0, ...configuration(endpoint, ...listeners) })
}

/** Who answers each of them. */
async function ask(port: number, whom: readonly DatagramPeer[] = clients): Promise<string> {
  return (await Promise.all(whom.map(client => client.ask('', port)))).join('')
}

const active = (proxy: InstrumentedProxy) => proxy.stats().flows.active

describe('several workers', () => {
  it('share a port, and each keeps its flows', async () => {
    await using proxy = await start(a, { name: 'u' })
    for (let round = 0; round < 5; round += 1) expect(await ask(proxy.port)).toBe('a'.repeat(CLIENTS))
    expect(active(proxy)).toBe(CLIENTS)
    // No client has ever had a second one.
    expect(proxy.stats().flows.total).toBe(0)
    expect(new Set(a.received.map(({ port }) => port)).size).toBe(CLIENTS)
  })
})

describe('a reload', () => {
  it('leaves flows where they are, and gives new ones to the endpoints that there are now', async () => {
    await using proxy = await start(a, { name: 'u', idleMs: 60_000 })
    const old = clients.slice(0, 6)
    const fresh = clients.slice(6)
    await ask(proxy.port, old)
    await proxy.reload(configuration(b, { name: 'u', idleMs: 59_000 }))
    expect(await ask(proxy.port, old)).toBe('a'.repeat(6))
    expect(await ask(proxy.port, fresh)).toBe('b'.repeat(6))
    expect(active(proxy)).toBe(CLIENTS)
  })

  it('that takes a listener away lets its flows go on, and nobody else in', async () => {
    await using proxy = await start(a, { name: 'u' }, { name: 'other' })
    const { port } = proxy
    const old = clients.slice(0, 6)
    await ask(port, old)
    await proxy.reload(configuration(a, { name: 'other' }))
    expect(await ask(port, old)).toBe('a'.repeat(6))
    for (const stranger of clients.slice(6)) stranger.send('', port)
    await waitFor(() => proxy.stats().flows.datagramsDropped === 6)
    expect(active(proxy)).toBe(6)
  })

  it('may bring the address back while its old flows go on', async () => {
    await using proxy = await start(a, { name: 'u' }, { name: 'other' })
    const { port } = proxy
    const old = clients.slice(0, 6)
    await ask(port, old)
    await proxy.reload(configuration(a, { name: 'other' }))
    const again = { name: 'again', address: { kind: 'tcp', host: '127.0.0.1', port } } as const
    await proxy.reload(configuration(b, { name: 'other' }, again))
    expect(await ask(port, old)).toBe('a'.repeat(6))
    expect(await ask(port, clients.slice(6))).toBe('b'.repeat(6))
    // And once more: the socket has two listeners behind it by now.
    await proxy.reload(configuration(b, { name: 'other' }))
    await proxy.reload(configuration(a, { name: 'other' }, again))
    expect(await ask(port)).toBe('a'.repeat(6) + 'b'.repeat(6))
  })

  it('may put all addresses in the place of one, whose old flows go on', async () => {
    await using proxy = await start(a, { name: 'u' }, { name: 'other' })
    const { port } = proxy
    const old = clients.slice(0, 6)
    await ask(port, old)
    const all = { name: 'u', address: { kind: 'tcp', host: '0.0.0.0', port } } as const
    await proxy.reload(configuration(b, all, { name: 'other' }))
    // The system gives them to the old sockets as long as there are some.
    expect(await ask(port, clients.slice(6))).toBe('b'.repeat(6))
    expect(await ask(port, old)).toBe('a'.repeat(6))
    expect(await ask(port, clients.slice(6))).toBe('b'.repeat(6))
  })

  it('frees the address when the last flow there has ended', async () => {
    await using proxy = await start(a, { name: 'u', responses: 1 }, { name: 'other' })
    const { port } = proxy
    await ask(port)
    await proxy.reload(configuration(a, { name: 'other' }))
    await using taker = await DatagramPeer.open(null, '127.0.0.1', port)
    expect(taker.port).toBe(port)
  })
})

it('an endpoint that is taken out keeps a flow only as long as it answers', async () => {
  const [talker, teller] = clients as [DatagramPeer, DatagramPeer]
  await using silent = await DatagramPeer.open(({ text }) => (text === 'talk' ? [Buffer.from('old')] : []))
  await using proxy = await start(silent, { name: 'u', idleMs: 300 })
  const { port } = proxy
  expect(await talker.ask('talk', port)).toBe('old')
  teller.send('tell', port)
  await waitFor(() => silent.received.length === 2)
  const peers = proxy.upstream('peers')
  await peers.add({ address: a.address })
  await peers.remove(`127.0.0.1:${silent.port}`)
  const speaking = setInterval(() => {
    talker.send('talk', port)
    teller.send('tell', port)
  }, 50)
  await waitFor(() => a.received.length > 0)
  clearInterval(speaking)
  expect(a.received[0]?.text).toBe('tell')
  expect(talker.received.every(({ text }) => text === 'old')).toBe(true)
})

it('an address that somebody else has is refused, with one worker and with several', async () => {
  await using taken = await DatagramPeer.open()
  const listener = { name: 'u', address: taken.address }
  const options = { listeners: [], routes: [], udpListeners: [listener], upstreams: { peers: [a.address] } }
  for (const workers of [1, 2]) {
    await expect(startInstrumentedProxy({ workers, ...options })).rejects.toThrow(
      `listener u: 127.0.0.1:${taken.port}: the address is in use`,
    )
  }
})
