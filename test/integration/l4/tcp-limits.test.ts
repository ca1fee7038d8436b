import { afterEach, describe, expect, it } from 'vitest'
import { slots } from '../../../engine/http1/llhttp.ts'
import { BYTES_IN, BYTES_OUT, FLOWS_ACTIVE } from '../../../engine/shared/state-page.ts'
import { atRest } from '../../support/at-rest.ts'
import { type SameThreadProxy, startSameThreadProxy } from '../../support/proxy.ts'
import type { TestTcpListener } from '../../support/snapshot.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type FlowEnd, type FlowOrigin, flowClient, flowOrigin } from './flow-ends.ts'

/** How much of a flow is let through, and how much of it is held. */

const MIB = 1024 * 1024

let origin: FlowOrigin
let proxy: SameThreadProxy

async function open(listener: TestTcpListener = {}) {
  origin = await flowOrigin()
  proxy = await startSameThreadProxy({ tcpListeners: [listener], upstreams: { a: [origin.address] } })
  const client = await flowClient(proxy.port)
  return { client, server: await origin.end(0) }
}

afterEach(async () => {
  try {
    await waitFor(() => proxy.page.counter(FLOWS_ACTIVE) === 0, 'the end of all flows')
    await waitFor(() => slots.taken === 0, 'all slots to be free')
    expect(proxy.events).toEqual([])
  } finally {
    await proxy.stop()
    await origin.close()
  }
})

const flow = () => waitFor(() => proxy.flows[0], 'the flow to end', 20_000)

function numbered(bytes: number): Buffer {
  const content = Buffer.alloc(bytes)
  for (let at = 0; at < bytes; at += 4) content.writeUInt32LE(at, at)
  return content
}

describe('a rate', () => {
  const RATE = 256 * 1024

  it.each([
    ['upload', 'client', 'server'],
    ['download', 'server', 'client'],
  ] as const)('of %s lets no more through, and loses nothing', async (direction, from, to) => {
    const { client, server } = await open({ limits: { [`${direction}Rate`]: RATE } })
    const ends: Record<'client' | 'server', FlowEnd> = { client, server }
    const content = numbered(RATE)
    const startedAt = performance.now()
    ends[from].end(content)
    await ends[to].fin(10_000)
    // A quarter of a second's worth may be there from the beginning.
    expect(performance.now() - startedAt).toBeGreaterThan(700)
    expect(ends[to].received.equals(content)).toBe(true)
    ends[to].end()
    expect(await flow()).toMatchObject({ error: '' })
  })

  it('of one direction leaves the other alone', async () => {
    const { client, server } = await open({ limits: { uploadRate: 1024 } })
    server.end(numbered(4 * MIB))
    await client.fin(10_000)
    expect(client.count).toBe(4 * MIB)
    client.end('a')
    await server.text('a')
    await flow()
  })

  it('is no silence, however long the next byte is waited for', async () => {
    const { client, server } = await open({ limits: { uploadRate: 2048 }, timeouts: { idleMs: 100 } })
    client.end(numbered(2048))
    await server.fin(10_000)
    expect(server.count).toBe(2048)
    server.end()
    expect(await flow()).toMatchObject({ error: '', bytesIn: 2048 })
  })

  it('ends with its flow', async () => {
    const { client, server } = await open({ limits: { uploadRate: 100 } })
    client.socket.write(numbered(MIB))
    await server.bytes(1)
    client.sendReset()
    await server.reset()
    expect(await flow()).toMatchObject({ error: 'client_closed' })
  })
})

describe('somebody who does not read', () => {
  it.each([
    ['client', BYTES_OUT],
    ['server', BYTES_IN],
  ] as const)('as the %s makes the other side wait: what is held is bounded', async (who, counter) => {
    const { client, server } = await open()
    const ends: Record<'client' | 'server', FlowEnd> = { client, server }
    const other = who === 'client' ? server : client
    ends[who].socket.pause()
    const content = numbered(48 * MIB)
    other.end(content)
    const taken = await atRest(() => proxy.page.counter(counter))
    // The kernel's buffers, and one read.
    expect(taken).toBeLessThan(24 * MIB)
    expect(slots.taken).toBeLessThanOrEqual(2)
    ends[who].socket.resume()
    await ends[who].fin(20_000)
    expect(ends[who].received.equals(content)).toBe(true)
    ends[who].end()
    expect(await flow()).toMatchObject({ error: '' })
  })
})
