import { afterEach, describe, expect, it, vi } from 'vitest'
import { slots } from '../../../engine/http1/llhttp.ts'
import { Connection } from '../../../engine/net/connection.ts'
import { BYTES_IN, BYTES_OUT, FLOWS_ACTIVE } from '../../../engine/shared/state-page.ts'
import { atRest } from '../../support/at-rest.ts'
import { type SameThreadProxy, startSameThreadProxy } from '../../support/proxy.ts'
import type { TestTcpListener } from '../../support/snapshot.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type FlowOrigin, flowClient, flowOrigin } from './flow-ends.ts'

/** How flows end that do not end by themselves, and those of whom nobody reads. */

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
    expect(proxy.page.inFlight(0)).toBe(0)
    expect(proxy.events).toEqual([])
  } finally {
    await proxy.stop()
    await origin.close()
  }
})

const flow = () => waitFor(() => proxy.flows[0], 'the flow to end')

describe('a flow on which nobody says anything', () => {
  it('is closed past its deadline, on both sides', async () => {
    const { client, server } = await open({ timeouts: { idleMs: 100 } })
    await client.send('a')
    await server.text('a')
    await Promise.all([client.fin(), server.fin()])
    expect(await flow()).toMatchObject({ error: 'flow_idle_timeout', flag: 'SI', bytesIn: 1 })
    expect([client.error, server.error]).toEqual(['', ''])
  })

  it('stays as long as one of them does', async () => {
    const { client, server } = await open({ timeouts: { idleMs: 300 } })
    const speaking = setInterval(() => server.socket.write('.'), 50)
    await client.bytes(12)
    clearInterval(speaking)
    expect(proxy.flows).toEqual([])
    client.end()
    server.end()
    expect(await flow()).toMatchObject({ error: '' })
  })

  it.each(['client', 'server'] as const)('after the FIN of the %s has a deadline of its own', async who => {
    const ends = await open({ timeouts: { idleMs: 60_000, halfCloseMs: 100 } })
    const other = who === 'client' ? ends.server : ends.client
    ends[who].end('last words')
    await other.text('last words')
    await ends[who].fin()
    expect(await flow()).toMatchObject({ error: 'half_close_timeout', flag: 'SI' })
  })

  it('because one does not read is cut, and not taken for whole', async () => {
    const { client, server } = await open({ timeouts: { idleMs: 200 } })
    client.socket.pause()
    server.socket.write(Buffer.alloc(32 * 1024 * 1024))
    await server.reset()
    expect(await flow()).toMatchObject({ error: 'flow_idle_timeout' })
    client.socket.resume()
    await client.reset()
  })
})

describe('somebody who is not read', () => {
  it.each(['client', 'server'] as const)('and resets, is seen to be gone: the %s', async who => {
    const ends = await open()
    const gone = ends[who]
    const other = who === 'client' ? ends.server : ends.client
    await other.send('a')
    await gone.text('a')
    other.socket.pause()
    gone.socket.write(Buffer.alloc(32 * 1024 * 1024))
    await atRest(() => proxy.page.counter(who === 'client' ? BYTES_IN : BYTES_OUT))
    gone.sendReset()
    const error = who === 'client' ? 'client_closed' : 'upstream_closed'
    expect(await flow()).toMatchObject({ error, errorDetail: 'ECONNRESET' })
    other.socket.resume()
    await other.reset()
  })
})

describe('somebody who has ended its side', () => {
  it.each(['client', 'server'] as const)(
    'and then resets while nobody says anything is seen to be gone: the %s',
    async who => {
      const ends = await open()
      const gone = ends[who]
      const other = who === 'client' ? ends.server : ends.client
      gone.end('a')
      await other.fin()
      gone.sendReset()
      const error = who === 'client' ? 'client_closed' : 'upstream_closed'
      expect(await flow()).toMatchObject({ error, errorDetail: 'ECONNRESET' })
      other.socket.write('b')
      await other.closed()
      expect(other.error).not.toBe('')
    },
  )

  it('and takes its time to read has all of what the endpoint has left behind', async () => {
    const { client, server } = await open()
    client.end('get')
    await server.fin()
    client.socket.pause()
    const content = Buffer.alloc(5 * 1024 * 1024, 'x')
    server.end(content)
    // It waits in the kernel, and the endpoint is closed.
    await server.closed()
    const looked = vi.spyOn(Connection.prototype, 'isConnected')
    await waitFor(() => looked.mock.calls.length > 0 || proxy.flows.length > 0, 'a look at who is still there')
    looked.mockRestore()
    client.socket.resume()
    await client.fin()
    expect(client.count).toBe(content.length)
    expect(await flow()).toMatchObject({ error: '', bytesOut: content.length })
  })
})

describe('a proxy that is stopped', () => {
  it('cuts what still runs when its grace is over, on both sides', async () => {
    const { client, server } = await open()
    await client.send('a')
    await server.text('a')
    const stopped = proxy.stop()
    await Promise.all([client.reset(), server.reset(), stopped])
    expect(proxy.flows).toMatchObject([{ error: 'shutdown', flag: 'SD', bytesIn: 1 }])
  })

  it('waits for what ends in time', async () => {
    const { client, server } = await open()
    const stopped = proxy.stop()
    client.end('bye')
    await server.text('bye')
    server.end()
    await stopped
    expect(proxy.flows).toMatchObject([{ error: '', bytesIn: 3 }])
  })
})
