import { constants } from 'node:os'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { openTcp } from '../../../engine/net/handles.ts'
import { CONNECTIONS_USED, ENDPOINT_CELLS } from '../../../engine/shared/endpoint-cells.ts'
import { FLOWS_ACTIVE, RETRIES_TOTAL } from '../../../engine/shared/state-page.ts'
import { atRest } from '../../support/at-rest.ts'
import { blackhole } from '../../support/blackhole.ts'
import { type SameThreadProxy, startSameThreadProxy } from '../../support/proxy.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import type { TestUpstream } from '../../support/snapshot.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type FlowOrigin, flowClient, flowOrigin, refusedClient } from './flow-ends.ts'

/** How a flow gets to an endpoint, and what becomes of it where it does not. */

const stack: AsyncDisposable[] = []
let proxy: SameThreadProxy

async function use<T extends AsyncDisposable>(made: Promise<T>): Promise<T> {
  const resource = await made
  stack.push(resource)
  return resource
}

async function start(upstream: TestUpstream): Promise<void> {
  proxy = await use(startSameThreadProxy({ tcpListeners: [{}], upstreams: { a: upstream } }))
}

afterEach(async () => {
  try {
    await waitFor(() => proxy.page.counter(FLOWS_ACTIVE) === 0, 'the end of all flows')
    for (let column = 0; column < proxy.page.endpoints; column += 1) {
      expect(proxy.page.inFlight(column)).toBe(0)
      expect(connectionsAt(column)).toBe(0)
    }
    expect(proxy.events).toEqual(proxy.events.filter(({ kind }) => kind !== 'connection_fault'))
  } finally {
    for (const resource of stack.splice(0).reverse()) await resource[Symbol.asyncDispose]()
  }
})

const connectionsAt = (column: number) => proxy.page.endpointCells[column * ENDPOINT_CELLS + CONNECTIONS_USED]

/** A client that has said something, and the end that has heard it. */
async function talk(origin: FlowOrigin, index: number) {
  const client = await flowClient(proxy.port)
  await client.send('a')
  const server = await origin.end(index)
  await server.text('a')
  return { client, server }
}

const flow = (index: number) => waitFor(() => proxy.flows[index], `flow ${index} to end`)

/** As libuv has it. */
const EMFILE = -constants.errno.EMFILE

const NO_PASSIVE = { passive: null } as const

describe('an endpoint that does not answer', () => {
  it('is passed over: the next one has the flow', async () => {
    const dead = await use(refusingPort())
    const origin = await use(flowOrigin())
    await start({ endpoints: [dead.address, origin.address], ...NO_PASSIVE })
    for (const index of [0, 1, 2, 3]) {
      const { client, server } = await talk(origin, index)
      client.end()
      server.end()
      expect(await flow(index)).toMatchObject({ endpoint: `127.0.0.1:${origin.port}`, error: '', bytesIn: 1 })
    }
    expect(proxy.flows.reduce((sum, { retries }) => sum + retries, 0)).toBe(proxy.page.counter(RETRIES_TOTAL))
    expect(proxy.page.counter(RETRIES_TOTAL)).toBeGreaterThan(0)
  })

  it('in time is passed over as well', async () => {
    const silent = await use(blackhole())
    const origin = await use(flowOrigin())
    await start({
      endpoints: [{ address: silent.address }, { address: origin.address, backup: true }],
      timeouts: { connectMs: 60 },
    })
    const { client, server } = await talk(origin, 0)
    client.end()
    server.end()
    expect(await flow(0)).toMatchObject({ retries: 1, endpoint: `127.0.0.1:${origin.port}`, error: '' })
  })

  it('is ejected by what flows have seen of it', async () => {
    const dead = await use(refusingPort())
    const origin = await use(flowOrigin())
    await start({ endpoints: [dead.address, origin.address], passive: { consecutive: 1 } })
    for (const index of [0, 1, 2, 3, 4]) {
      const { client, server } = await talk(origin, index)
      client.end()
      server.end()
      await flow(index)
    }
    expect(proxy.events).toMatchObject([
      { kind: 'endpoint_health', endpoint: `127.0.0.1:${dead.port}`, change: 'ejected' },
    ])
    expect(proxy.page.counter(RETRIES_TOTAL)).toBe(1)
  })

  it('ends the flow by RST where there is no other', async () => {
    const dead = await use(refusingPort())
    await start({ endpoints: [dead.address] })
    await refusedClient(proxy.port)
    expect(await flow(0)).toMatchObject({
      error: 'upstream_connect_failed',
      flag: 'UF',
      errorDetail: 'ECONNREFUSED',
      endpoint: `127.0.0.1:${dead.port}`,
      retries: 0,
      connectUs: -1,
      bytesIn: 0,
    })
  })

  it('in time ends the flow where there is no other', async () => {
    const silent = await use(blackhole())
    await start({ endpoints: [silent.address], timeouts: { connectMs: 60 } })
    await refusedClient(proxy.port)
    expect(await flow(0)).toMatchObject({ error: 'upstream_connect_timeout', errorDetail: 'ETIMEDOUT' })
  })

  it('is the last one that is tried where no retries are wanted', async () => {
    const dead = [await use(refusingPort()), await use(refusingPort())]
    await start({ endpoints: dead.map(({ address }) => address), ...NO_PASSIVE, retry: { onConnect: false } })
    await refusedClient(proxy.port)
    expect(await flow(0)).toMatchObject({ error: 'upstream_connect_failed', retries: 0 })
  })

  it('is followed by as many others as retries may be', async () => {
    const dead = await Promise.all([1, 2, 3, 4].map(() => use(refusingPort())))
    await start({ endpoints: dead.map(({ address }) => address), ...NO_PASSIVE, retry: { attempts: 2, budget: 10 } })
    await refusedClient(proxy.port)
    expect(await flow(0)).toMatchObject({ error: 'upstream_connect_failed', retries: 2 })
  })

  it('is followed by another after a pause', async () => {
    const dead = await use(refusingPort())
    const origin = await use(flowOrigin())
    await start({
      endpoints: [{ address: dead.address }, { address: origin.address, backup: true }],
      retry: { backoffMs: 40, backoffMaxMs: 40 },
    })
    const { client, server } = await talk(origin, 0)
    client.end()
    server.end()
    expect((await flow(0)).totalUs).toBeGreaterThan(19_000)
  })

  it('takes no more out of the budget than there is', async () => {
    const dead = await Promise.all([1, 2].map(() => use(refusingPort())))
    await start({ endpoints: dead.map(({ address }) => address), ...NO_PASSIVE, retry: { budget: 0 } })
    for (let index = 0; index < 15; index += 1) {
      await refusedClient(proxy.port)
      await flow(index)
    }
    // What is saved up for upstreams with little traffic.
    expect(proxy.flows.filter(({ retries }) => retries === 1).length).toBe(10)
  })
})

describe('a system without a descriptor left', () => {
  it('ends the flow, and says nothing of the endpoint', async () => {
    const origins = [await use(flowOrigin()), await use(flowOrigin())]
    await start({ endpoints: origins.map(({ address }) => address), passive: { consecutive: 1 } })
    const handles = Object.getPrototypeOf(openTcp())
    const { connect } = handles
    const ports = new Set(origins.map(({ port }) => port))
    const full = vi.spyOn(handles, 'connect').mockImplementation(function (this: unknown, ...parts: unknown[]) {
      return ports.has(parts[2] as number) ? EMFILE : connect.apply(this, parts)
    })
    await refusedClient(proxy.port)
    full.mockRestore()
    expect(await flow(0)).toMatchObject({ error: 'upstream_connect_failed', errorDetail: 'EMFILE', retries: 0 })
    expect(proxy.events).toEqual([])
  })
})

describe('a client', () => {
  it('may send, and end its side, before there is an endpoint', async () => {
    const silent = await use(blackhole())
    const origin = await use(flowOrigin())
    await start({
      endpoints: [{ address: silent.address }, { address: origin.address, backup: true }],
      timeouts: { connectMs: 300 },
    })
    const client = await flowClient(proxy.port)
    await client.send('one ')
    await turns(10)
    client.end('two')
    const server = await origin.end(0)
    await server.fin()
    await server.text('one two')
    server.end('three')
    await client.fin()
    await client.text('three')
    expect(await flow(0)).toMatchObject({ bytesIn: 7, bytesOut: 5, error: '', retries: 1 })
  })

  it('that sends a lot before there is an endpoint is made to wait, and loses nothing', async () => {
    const silent = await use(blackhole())
    const origin = await use(flowOrigin())
    await start({
      endpoints: [{ address: silent.address }, { address: origin.address, backup: true }],
      timeouts: { connectMs: 400 },
    })
    const content = Buffer.alloc(8 * 1024 * 1024)
    for (let at = 0; at < content.length; at += 4) content.writeUInt32LE(at, at)
    const client = await flowClient(proxy.port)
    client.end(content)
    const server = await origin.end(0)
    await server.fin()
    expect(server.received.equals(content)).toBe(true)
    server.end()
    expect(await flow(0)).toMatchObject({ bytesIn: content.length })
  })

  it('that goes away while an endpoint is dialled has nothing more done for it', async () => {
    const silent = await use(blackhole())
    await start({ endpoints: [silent.address], timeouts: { connectMs: 60_000 } })
    const client = await flowClient(proxy.port)
    await waitFor(() => proxy.page.inFlight(0) === 1, 'a dial')
    client.sendReset()
    expect(await flow(0)).toMatchObject({ error: 'client_closed', flag: 'DC', connectUs: -1 })
    expect(proxy.page.inFlight(0)).toBe(0)
  })

  it('that goes away while it is made to wait is seen as well', async () => {
    const silent = await use(blackhole())
    await start({ endpoints: [silent.address], timeouts: { connectMs: 60_000 } })
    const client = await flowClient(proxy.port)
    client.socket.write(Buffer.alloc(16 * 1024 * 1024))
    await waitFor(() => proxy.page.inFlight(0) === 1, 'a dial')
    await atRest(() => client.socket.writableLength)
    client.sendReset()
    expect(await flow(0)).toMatchObject({ error: 'client_closed', errorDetail: 'ECONNRESET' })
  })

  it('that goes away during a pause between two tries is not served', async () => {
    const dead = await use(refusingPort())
    const origin = await use(flowOrigin())
    await start({
      endpoints: [{ address: dead.address }, { address: origin.address, backup: true }],
      retry: { backoffMs: 60_000, backoffMaxMs: 60_000 },
    })
    const client = await flowClient(proxy.port)
    await turns(5)
    client.sendReset()
    expect(await flow(0)).toMatchObject({ error: 'client_closed', endpoint: `127.0.0.1:${dead.port}` })
    expect(origin.ends).toEqual([])
  })
})

describe('an upstream whose endpoints are at their limit on connections', () => {
  const limited = (origin: FlowOrigin, more: Partial<TestUpstream> = {}): TestUpstream => ({
    endpoints: [{ address: origin.address, connectionsMax: 1 }],
    ...more,
  })

  it('refuses a flow where nobody waits', async () => {
    const origin = await use(flowOrigin())
    await start(limited(origin))
    const first = await talk(origin, 0)
    expect(connectionsAt(0)).toBe(1)
    await refusedClient(proxy.port)
    expect(await flow(0)).toMatchObject({ error: 'upstream_full', flag: 'UO', endpoint: '' })
    first.client.end()
    first.server.end()
    await flow(1)
    expect(connectionsAt(0)).toBe(0)
    const again = await talk(origin, 1)
    again.client.end()
    again.server.end()
    await flow(2)
  })

  it('has flows wait, first come, first served', async () => {
    const origin = await use(flowOrigin())
    await start(limited(origin, { queue: { size: 2, timeoutMs: 10_000 } }))
    const first = await talk(origin, 0)
    const second = await flowClient(proxy.port)
    await second.send('second')
    await waitFor(() => proxy.page.rows[0]?.queued[0] === 1, 'the second to wait')
    const third = await flowClient(proxy.port)
    await third.send('third')
    await waitFor(() => proxy.page.rows[0]?.queued[0] === 2, 'the third to wait')
    await refusedClient(proxy.port)
    expect(await flow(0)).toMatchObject({ error: 'upstream_queue_full', flag: 'UO' })
    first.client.end()
    first.server.end()
    const next = await origin.end(1)
    await next.text('second')
    second.end()
    next.end()
    const last = await origin.end(2)
    await last.text('third')
    third.end()
    last.end()
    await flow(3)
    expect(proxy.page.rows[0]?.queued[0]).toBe(0)
  })

  it('lets nobody wait for too long', async () => {
    const origin = await use(flowOrigin())
    await start(limited(origin, { queue: { size: 2, timeoutMs: 60 } }))
    const first = await talk(origin, 0)
    await refusedClient(proxy.port)
    expect(await flow(0)).toMatchObject({ error: 'upstream_queue_timeout', flag: 'UO' })
    first.client.end()
    first.server.end()
    await flow(1)
  })

  it('forgets a client that has ended its side, and goes away while it waits for its answer', async () => {
    const origin = await use(flowOrigin())
    await start(limited(origin, { queue: { size: 2, timeoutMs: 60_000 } }))
    const first = await talk(origin, 0)
    const second = await flowClient(proxy.port)
    second.end('a')
    await waitFor(() => proxy.page.rows[0]?.queued[0] === 1, 'the second to wait')
    await waitFor(() => second.socket.writableFinished, 'its FIN to be out')
    second.sendReset()
    expect(await flow(0)).toMatchObject({ error: 'client_closed', errorDetail: 'ECONNRESET', endpoint: '' })
    expect(proxy.page.rows[0]?.queued[0]).toBe(0)
    first.client.end()
    first.server.end()
    await flow(1)
  })

  it('forgets a client that goes away while it waits', async () => {
    const origin = await use(flowOrigin())
    await start(limited(origin, { queue: { size: 2, timeoutMs: 60_000 } }))
    const first = await talk(origin, 0)
    const second = await flowClient(proxy.port)
    await waitFor(() => proxy.page.rows[0]?.queued[0] === 1, 'the second to wait')
    second.sendReset()
    expect(await flow(0)).toMatchObject({ error: 'client_closed', endpoint: '' })
    expect(proxy.page.rows[0]?.queued[0]).toBe(0)
    first.client.end()
    first.server.end()
    await flow(1)
    expect(origin.ends.length).toBe(1)
  })
})

describe('an upstream', () => {
  it('without endpoints takes no flow', async () => {
    await start({ endpoints: [] })
    await refusedClient(proxy.port)
    expect(await flow(0)).toMatchObject({ error: 'no_endpoint', flag: 'UH', upstream: 'a', endpoint: '' })
  })

  it('may have endpoints on unix sockets, which cannot be reset but are closed', async () => {
    const folder = await use(temporaryFolder())
    const path = folder.file('endpoint')
    const origin = await use(flowOrigin(path))
    await start({ endpoints: [origin.address] })
    const { client, server } = await talk(origin, 0)
    server.end('b')
    await client.text('b')
    client.end()
    expect(await flow(0)).toMatchObject({ endpoint: `unix:${path}`, error: '', bytesIn: 1, bytesOut: 1 })
    const second = await talk(origin, 1)
    second.client.sendReset()
    await second.server.fin()
    second.server.end()
    expect(await flow(1)).toMatchObject({ error: 'client_closed' })
  })

  it('whose circuit is open takes no flow', async () => {
    const dead = await use(refusingPort())
    const circuitBreaker = { scope: 'upstream', minimum: 2, failureRatio: 0.5 } as const
    await start({ endpoints: [dead.address], ...NO_PASSIVE, circuitBreaker })
    for (const index of [0, 1, 2]) {
      await refusedClient(proxy.port)
      await flow(index)
    }
    expect(proxy.flows.map(({ error }) => error)).toEqual([
      'upstream_connect_failed',
      'upstream_connect_failed',
      'upstream_circuit_open',
    ])
  })

  it('with an endpoint whose circuit is open takes no flow either', async () => {
    const dead = await use(refusingPort())
    const circuitBreaker = { scope: 'endpoint', minimum: 2, failureRatio: 0.5 } as const
    await start({ endpoints: [dead.address], ...NO_PASSIVE, circuitBreaker })
    for (const index of [0, 1, 2]) {
      await refusedClient(proxy.port)
      await flow(index)
    }
    expect(proxy.flows[2]).toMatchObject({ error: 'upstream_circuit_open', flag: 'UO', upstream: 'a' })
  })

  it('whose endpoint takes connections and resets them before it has said anything has a broken one', async () => {
    const origin = await use(flowOrigin())
    await start({ endpoints: [origin.address], passive: { consecutive: 2 }, retry: { attempts: 0 } })
    for (const index of [0, 1]) {
      const { client, server } = await talk(origin, index)
      server.sendReset()
      await client.reset()
      await flow(index)
    }
    const tries = proxy.page.rows[0]!
    expect([tries.tries[0], tries.goodTries[0]]).toEqual([2, 0])
  })

  it('keeps one client at one endpoint where its balancer goes by the address', async () => {
    const origins = await Promise.all([1, 2, 3].map(() => use(flowOrigin())))
    await start({ endpoints: origins.map(({ address }) => address), balance: 'hash', hashOn: { kind: 'client_ip' } })
    for (let index = 0; index < 6; index += 1) {
      const client = await flowClient(proxy.port)
      client.end()
      await client.send('').catch(() => undefined)
      const end = await waitFor(() => origins.flatMap(({ ends }) => ends)[index], 'a connection')
      end.end()
      await flow(index)
    }
    expect(new Set(proxy.flows.map(({ endpoint }) => endpoint)).size).toBe(1)
  })

  it('spreads flows over all of its endpoints else', async () => {
    const origins = await Promise.all([1, 2, 3].map(() => use(flowOrigin())))
    await start({ endpoints: origins.map(({ address }) => address), balance: 'least_connections' })
    const clients = await Promise.all([1, 2, 3].map(() => flowClient(proxy.port)))
    const servers = await Promise.all(origins.map(origin => origin.end(0)))
    for (const end of [...clients, ...servers]) end.end()
    await flow(2)
  })
})
