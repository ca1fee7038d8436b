import { createServer, type ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { type Http2Peer, headersFrame, http2Client, requestFields } from '../../support/http2-peer.ts'
import { startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { listenOn } from '../../support/listen.ts'
import type { TestProxyOptions } from '../../support/snapshot.ts'
import { waitFor } from '../../support/wait-for.ts'

const peers: Http2Peer[] = []
afterEach(() => {
  for (const peer of peers.splice(0)) peer.close()
})

async function client(port: number): Promise<Http2Peer> {
  const peer = await http2Client(port)
  peers.push(peer)
  return peer
}

const get = (stream: number, path: string) => headersFrame(stream, requestFields('GET', path), true)

describe('a reload', () => {
  it('counts for the next request of a connection; those under way end as they began, and are told in records', async () => {
    const held: ServerResponse[] = []
    const server = createServer((request, response) => {
      if (request.url === '/held') held.push(response)
      else response.end('origin')
    })
    await using origin = await listenOn(server)
    const listeners = [{ name: 'web' }]
    const before: TestProxyOptions = { listeners, upstreams: { origin: [origin.address] } }
    await using proxy = await startInstrumentedProxy(before)
    const peer = await client(proxy.port)
    await peer.send(get(1, '/held'), get(3, '/'))
    expect((await peer.message(3)).content.toString()).toBe('origin')
    await waitFor(() => held.length === 1)
    const answer = { kind: 'respond', status: 410, fields: [], content: Buffer.from('gone') } as const
    await proxy.reload({ ...before, routes: [{ to: answer }] })
    await peer.send(get(5, '/'))
    const gone = await peer.message(5)
    expect([gone.head.get(':status'), gone.content.toString()]).toEqual(['410', 'gone'])
    held[0]?.end('as it began')
    expect((await peer.message(1)).content.toString()).toBe('as it began')
    const records = await proxy.records(3)
    expect(records.map(({ protocol, status, target }) => [protocol, status, target])).toEqual([
      ['HTTP/2', 200, '/'],
      ['HTTP/2', 410, '/'],
      ['HTTP/2', 200, '/held'],
    ])
    expect(proxy.generation).toBe(2)
  })
})
