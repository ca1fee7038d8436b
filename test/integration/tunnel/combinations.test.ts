import { createHash, randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { atRest } from '../../support/at-rest.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { waitFor } from '../../support/wait-for.ts'
import { FORGIVING } from '../upstream/scene.ts'
import { type Handshake, handshake, KEY, type Origin, openOrigin, type TunnelEnd, type Version } from './ends.ts'

const TUNNEL_MS = 500
const PATIENT = 0
const IMPATIENT = 1
const MIB = 1024 * 1024

const origins: Partial<Record<Version, Origin>> = {}
let withoutConnect: Origin
let proxy: InstrumentedProxy
const open: Handshake[] = []
let taken = 0

beforeAll(async () => {
  origins.h1 = await openOrigin('h1')
  origins.h2 = await openOrigin('h2')
  withoutConnect = await openOrigin('h2', false)
  const timeouts = { idleMs: 400 }
  proxy = await startInstrumentedProxy({
    listeners: [{}, { timeouts: { tunnelMs: TUNNEL_MS } }],
    upstreams: {
      h1: { endpoints: [origins.h1.address], ...FORGIVING, timeouts },
      h2: { endpoints: [origins.h2.address], protocol: 'h2c', ...FORGIVING, timeouts },
      plain: { endpoints: [withoutConnect.address], protocol: 'h2c', ...FORGIVING },
    },
    routes: ['h1', 'h2', 'plain'].map(name => ({ to: name, match: { path: { kind: 'prefix', path: `/${name}/` } } })),
  })
})
afterEach(async () => {
  for (const one of open.splice(0)) one[Symbol.dispose]()
  for (const origin of Object.values(origins)) {
    for (const { end } of origin.tunnels) end.reset()
    origin.refuses = 0
    origin.first = ''
  }
  await waitFor(() => proxy.stats().exchangesActive === 0, 'all exchanges to end')
  expect(proxy.events.filter(({ kind }) => kind === 'connection_fault')).toEqual([])
  taken = (await proxy.reports()).flatMap(({ records }) => records).length
})
afterAll(async () => {
  await proxy.stop()
  for (const origin of [...Object.values(origins), withoutConnect]) await origin[Symbol.asyncDispose]()
})

async function lastRecord() {
  return (await proxy.records(taken + 1)).at(-1)
}

const COMBINATIONS: readonly (readonly [client: Version, origin: Version])[] = [
  ['h1', 'h1'],
  ['h1', 'h2'],
  ['h2', 'h1'],
  ['h2', 'h2'],
]

describe.each(COMBINATIONS)('a WebSocket from %s to %s', (clientVersion, originVersion) => {
  const path = `/${originVersion}/chat?room=1`
  const originOf = () => origins[originVersion] as Origin

  async function ask(listener = PATIENT, ahead = ''): Promise<Handshake> {
    const asked = await handshake(clientVersion, proxy.portOf(listener), path, ahead)
    open.push(asked)
    return asked
  }

  async function openTunnel(listener = PATIENT): Promise<{ client: TunnelEnd; origin: TunnelEnd }> {
    const { tunnels } = originOf()
    const before = tunnels.length
    const { end: client, status } = await ask(listener)
    expect(status).toBe(clientVersion === 'h1' ? 101 : 200)
    const tunnel = await waitFor(() => tunnels[before], 'a tunnel at the origin')
    return { client, origin: tunnel.end }
  }

  it('is agreed on in the words of each version', async () => {
    const { tunnels } = originOf()
    const before = tunnels.length
    const asked = await ask()
    expect(asked.field('sec-websocket-protocol')).toBe('chat')
    if (clientVersion === 'h1') {
      expect(asked.status).toBe(101)
      expect(asked.field('upgrade').toLowerCase()).toBe('websocket')
      const accept = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
      expect(asked.field('sec-websocket-accept')).toBe(accept)
    } else {
      expect(asked.status).toBe(200)
      for (const name of ['upgrade', 'connection', 'sec-websocket-accept']) expect(asked.field(name)).toBe('')
    }
    const tunnel = await waitFor(() => tunnels[before], 'a tunnel at the origin')
    expect(tunnel.path).toBe(path)
    expect(tunnel.field('sec-websocket-version')).toBe('13')
    expect(tunnel.field('sec-websocket-protocol')).toBe('chat')
    if (originVersion === 'h1') {
      expect(Buffer.from(tunnel.field('sec-websocket-key'), 'base64')).toHaveLength(16)
      expect(tunnel.field('upgrade').toLowerCase()).toBe('websocket')
    } else {
      for (const name of ['upgrade', 'connection', 'sec-websocket-key']) expect(tunnel.field(name)).toBe('')
    }
  })

  it('passes bytes on as they come, both ways', async () => {
    const { client, origin } = await openTunnel()
    for (let turn = 1; turn <= 20; turn += 1) {
      await client.send('ping')
      await origin.receivedUntil(4 * turn)
      await origin.send('pong')
      await client.receivedUntil(4 * turn)
    }
    expect(client.received.toString()).toBe('pong'.repeat(20))
    expect(origin.received.toString()).toBe('ping'.repeat(20))
  })

  it('carries megabytes each way at once, unchanged', async () => {
    const { client, origin } = await openTunnel()
    const bytes = randomBytes(3 * MIB)
    void client.send(bytes)
    void origin.send(bytes)
    expect(bytes.equals(await origin.receivedUntil(bytes.length))).toBe(true)
    expect(bytes.equals(await client.receivedUntil(bytes.length))).toBe(true)
  })

  it('lets bytes that were sent ahead reach the origin once it has agreed, and those behind its answer the client', async () => {
    const { tunnels } = originOf()
    const before = tunnels.length
    originOf().first = 'welcome'
    const { end } = await ask(PATIENT, 'early bird')
    expect((await end.receivedUntil(7)).toString()).toBe('welcome')
    const tunnel = await waitFor(() => tunnels[before], 'a tunnel at the origin')
    expect((await tunnel.end.receivedUntil(10)).toString()).toBe('early bird')
  })

  it('that one side has ended goes on the other way', async () => {
    const { client, origin } = await openTunnel()
    await client.send('last words')
    client.end()
    expect((await origin.receivedUntil(10)).toString()).toBe('last words')
    expect(await origin.ended).toBe('fin')
    await origin.send('still here')
    expect((await client.receivedUntil(10)).toString()).toBe('still here')
    origin.end()
    expect(await client.ended).toBe('fin')
    expect(await lastRecord()).toMatchObject({ status: 101, error: '' })
  })

  it('that the origin has ended goes on the other way, too', async () => {
    const { client, origin } = await openTunnel()
    await origin.send('last words')
    origin.end()
    expect((await client.receivedUntil(10)).toString()).toBe('last words')
    expect(await client.ended).toBe('fin')
    await client.send('still here')
    expect((await origin.receivedUntil(10)).toString()).toBe('still here')
    client.end()
    expect(await origin.ended).toBe('fin')
  })

  it('delivers everything that was sent before an end, however much it is', async () => {
    const { client, origin } = await openTunnel()
    const bytes = randomBytes(2 * MIB)
    void client.send(bytes)
    client.end()
    expect(bytes.equals(await origin.receivedUntil(bytes.length))).toBe(true)
    expect(await origin.ended).toBe('fin')
    void origin.send(bytes)
    origin.end()
    expect(bytes.equals(await client.receivedUntil(bytes.length))).toBe(true)
    expect(await client.ended).toBe('fin')
  })

  it('that breaks on one side breaks on the other', async () => {
    const first = await openTunnel()
    first.client.reset()
    await first.origin.ended
    expect(await lastRecord()).toMatchObject({ status: 101, error: 'client_closed' })
    taken += 1
    const second = await openTunnel()
    second.origin.reset()
    await second.client.ended
    expect(await lastRecord()).toMatchObject({ status: 101, error: 'upstream_closed' })
  })

  it('without a byte in either direction is closed after its idle deadline, and not before', async () => {
    const { client, origin } = await openTunnel(IMPATIENT)
    let turns = 0
    // For longer than that, and than the deadline between two reads of a response.
    const talk = setInterval(() => {
      turns += 1
      void client.send('.')
    }, TUNNEL_MS / 10)
    await origin.receivedUntil(15)
    clearInterval(talk)
    expect(turns).toBeGreaterThanOrEqual(15)
    await Promise.all([client.ended, origin.ended])
    expect(await lastRecord()).toMatchObject({ status: 101, error: 'tunnel_idle_timeout' })
  })

  it.each(['client', 'origin'] as const)('of which the %s reads nothing stops the other side', async reader => {
    const ends = await openTunnel()
    const [slow, fast] = reader === 'client' ? [ends.client, ends.origin] : [ends.origin, ends.client]
    slow.pause()
    const bytes = randomBytes(24 * MIB)
    void fast.send(bytes)
    // Windows and the buffers of kernels have taken some of it.
    expect(await atRest(() => fast.unsent)).toBeGreaterThan(0)
    slow.resume()
    expect((await slow.receivedUntil(bytes.length, 20_000)).equals(bytes)).toBe(true)
  })

  it.each([403, 503])('that is refused with %i is answered so', async status => {
    originOf().refuses = status
    const asked = await ask()
    expect(asked.status).toBe(status)
    if (clientVersion === 'h2') expect(asked.content).toBe('no')
    originOf().refuses = 0
    expect((await ask()).status).toBe(clientVersion === 'h1' ? 101 : 200)
  })
})

describe.each(['h1', 'h2'] as const)('a WebSocket from %s to an origin that knows none over HTTP/2', version => {
  it('is answered with 502', async () => {
    const asked = await handshake(version, proxy.port, '/plain/')
    open.push(asked)
    expect(asked.status).toBe(502)
    expect(await lastRecord()).toMatchObject({ status: 502, error: 'upstream_upgrade_unsupported' })
    expect(withoutConnect.tunnels).toHaveLength(0)
  })
})
