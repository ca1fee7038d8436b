import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { FlowTries } from '../../../engine/l4/flow-tries.ts'
import { FlowTry } from '../../../engine/l4/flow-try.ts'
import { Pipe } from '../../../engine/net/pipe.ts'
import { BYTES_IN, BYTES_OUT, CONNECTIONS_OPEN, FLOWS_ACTIVE, FLOWS_TOTAL } from '../../../engine/shared/state-page.ts'
import { type SameThreadProxy, startSameThreadProxy } from '../../support/proxy.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type FlowOrigin, flowClient, flowOrigin } from './flow-ends.ts'

/** What a flow is, and what is counted and told of it. */

let origin: FlowOrigin
let proxy: SameThreadProxy

beforeAll(async () => {
  origin = await flowOrigin()
  proxy = await startSameThreadProxy({ tcpListeners: [{ name: 'db' }], upstreams: { pg: [origin.address] } })
})
afterAll(async () => {
  await proxy.stop()
  await origin.close()
})

const counter = (index: number) => proxy.page.counter(index)

async function open() {
  const index = origin.ends.length
  const client = await flowClient(proxy.port)
  return { client, server: await origin.end(index) }
}

async function nextFlow(before: number) {
  return await waitFor(() => proxy.flows[before], 'a flow that has ended')
}

describe('a defect of ours', () => {
  it.each([
    ['before there is an endpoint', false, () => vi.spyOn(FlowTries.prototype, 'next')],
    ['when there is one', false, () => vi.spyOn(Pipe.prototype, 'begin')],
    ['on the way', true, () => vi.spyOn(FlowTry.prototype, 'answered')],
  ])('%s costs that flow and no other', async (_, isAnswered, spy) => {
    const before = proxy.flows.length
    const other = await open()
    await other.server.send('here')
    await other.client.text('here')
    const defect = spy().mockImplementation(() => {
      throw new Error('a defect')
    })
    const index = origin.ends.length
    const client = connect(proxy.port, '127.0.0.1')
    let error: string | undefined
    client.on('error', ({ code }: NodeJS.ErrnoException) => {
      error = code
    })
    client.write('a')
    if (isAnswered) await (await origin.end(index)).send('b')
    expect(await nextFlow(before)).toMatchObject({ error: 'internal', flag: 'IE' })
    await new Promise(resolve => (client.closed ? resolve(null) : client.once('close', resolve)))
    defect.mockRestore()
    // What it has had is not to be taken for whole.
    expect(error).toBe('ECONNRESET')
    expect(proxy.events.at(-1)).toMatchObject({ kind: 'connection_fault', error: 'a defect' })
    await other.client.send('still there')
    await other.server.text('still there')
    other.client.end()
    other.server.end()
    await nextFlow(before + 1)
    expect([counter(FLOWS_ACTIVE), proxy.page.inFlight(0)]).toEqual([0, 0])
  })
})

describe('a flow of TCP', () => {
  it('goes to an endpoint at once, and carries what either side says first', async () => {
    const { client, server } = await open()
    await server.send('220 ready')
    await client.text('220 ready')
    await client.send('HELO')
    await server.text('HELO')
    client.end()
    await server.fin()
    server.end()
    await client.closed()
  })

  it('is counted while it runs, with its bytes as they come', async () => {
    const [active, total, bytesIn, bytesOut] = [FLOWS_ACTIVE, FLOWS_TOTAL, BYTES_IN, BYTES_OUT].map(counter)
    const { client, server } = await open()
    await client.send('12345')
    await server.text('12345')
    await server.send('123')
    await client.text('123')
    expect([FLOWS_ACTIVE, FLOWS_TOTAL, BYTES_IN, BYTES_OUT].map(counter)).toEqual([
      active! + 1,
      total,
      bytesIn! + 5,
      bytesOut! + 3,
    ])
    expect(proxy.page.inFlight(0)).toBe(1)
    client.end()
    server.end()
    await client.closed()
    await waitFor(() => counter(FLOWS_ACTIVE) === active, 'its end')
    expect([FLOWS_TOTAL, CONNECTIONS_OPEN].map(counter)).toEqual([total! + 1, 0])
    expect(proxy.page.inFlight(0)).toBe(0)
  })

  it('is told of when it has ended', async () => {
    const before = proxy.flows.length
    const { client, server } = await open()
    const { localPort } = client.socket
    await client.send('select 1')
    await server.text('select 1')
    server.end('1')
    await client.text('1')
    client.end()
    const record = await nextFlow(before)
    expect(record).toMatchObject({
      protocol: 'tcp',
      listener: 'db',
      client: `127.0.0.1:${localPort}`,
      proxy: '',
      upstream: 'pg',
      endpoint: `127.0.0.1:${origin.port}`,
      bytesIn: 8,
      bytesOut: 1,
      datagramsIn: 0,
      datagramsOut: 0,
      retries: 0,
      serverName: '',
      tlsVersion: '',
      tlsCipher: '',
      flag: '',
      error: '',
      errorDetail: '',
    })
    expect(Math.abs(Date.now() - record.startedAtMs)).toBeLessThan(60_000)
    expect(record.connectUs).toBeGreaterThan(0)
    expect(record.firstByteUs).toBeGreaterThan(record.connectUs)
    expect(record.totalUs).toBeGreaterThanOrEqual(record.firstByteUs)
  })

  it('without a byte of the endpoint has no time to the first', async () => {
    const before = proxy.flows.length
    const { client, server } = await open()
    client.end()
    await server.fin()
    server.end()
    expect(await nextFlow(before)).toMatchObject({ bytesIn: 0, bytesOut: 0, firstByteUs: -1, error: '' })
  })

  it.each([
    ['the client', 'client_closed', 'DC'],
    ['the endpoint', 'upstream_closed', 'UC'],
  ])('that %s resets is reset on the other side, and says so', async (who, error, flag) => {
    const before = proxy.flows.length
    const { client, server } = await open()
    await client.send('a')
    await server.text('a')
    const [one, other] = who === 'the client' ? [client, server] : [server, client]
    one.sendReset()
    await other.reset()
    expect(await nextFlow(before)).toMatchObject({ error, flag, errorDetail: 'ECONNRESET', bytesIn: 1 })
  })
})
