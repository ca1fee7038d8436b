import { describe, expect, it } from 'vitest'
import type { ProxyHeader } from '../../../engine/net/proxy-protocol/header.ts'
import { parseProxyHeader } from '../../../engine/net/proxy-protocol/parse.ts'
import { writeVersion2 } from '../../../engine/net/proxy-protocol/write.ts'
import { CONNECTIONS_REFUSED, FLOWS_ACTIVE } from '../../../engine/shared/state-page.ts'
import type { Address } from '../../../engine/snapshot.ts'
import { DatagramPeer, namedEcho } from '../../support/datagrams.ts'
import { startSameThreadProxy } from '../../support/proxy.ts'
import { waitFor } from '../../support/wait-for.ts'

const ACCEPTED = { trusted: ['127.0.0.0/8'], timeoutMs: 1_000 }
const ALL = ['authority', 'crc32c'] as const

const at = (host: string, port: number): Address => ({ kind: 'tcp', host, port })

function headerOf(source: Address | null): Buffer {
  const destination = source === null ? null : at('192.0.2.1', 53)
  return writeVersion2({ source, destination, isDatagram: true, details: null }, false)
}

function framed(source: Address | null, content: string): Buffer {
  return Buffer.concat([headerOf(source), Buffer.from(content)])
}

/** What a datagram begins with, and what stands behind it. */
function unframed(bytes: Buffer): { header: ProxyHeader; content: string } {
  const parsed = parseProxyHeader(bytes)
  if (parsed.kind !== 'whole') throw new Error('no header')
  return { header: parsed.header, content: bytes.subarray(parsed.length).toString() }
}

describe('a trusted peer', () => {
  it('tells whose each datagram is, and gets all the answers', async () => {
    await using echo = await namedEcho('echo ')
    await using balancer = await DatagramPeer.open()
    await using proxy = await startSameThreadProxy(
      { udpListeners: [{ proxyProtocol: ACCEPTED, responses: 2 }], upstreams: { peers: [echo.address] } },
      0,
    )
    for (const content of ['one', 'two']) {
      for (const port of [1000, 2000]) {
        expect(await balancer.ask(framed(at('198.51.100.7', port), content), proxy.port)).toBe(`echo ${content}`)
      }
    }
    expect(new Set(echo.received.map(({ port }) => port)).size).toBe(2)
    expect(proxy.page.counter(FLOWS_ACTIVE)).toBe(2)
    await proxy.stop()
    expect(proxy.flows).toMatchObject([
      { client: '198.51.100.7:1000', proxy: `127.0.0.1:${balancer.port}`, bytesIn: 6 },
      { client: '198.51.100.7:2000', proxy: `127.0.0.1:${balancer.port}`, datagramsIn: 2 },
    ])
  })

  it('speaks for itself with a header of its own', async () => {
    await using echo = await namedEcho()
    await using balancer = await DatagramPeer.open()
    await using proxy = await startSameThreadProxy(
      { udpListeners: [{ proxyProtocol: ACCEPTED, responses: 1 }], upstreams: { peers: [echo.address] } },
      0,
    )
    expect(await balancer.ask(framed(null, 'check'), proxy.port)).toBe('check')
    expect(proxy.flows).toMatchObject([{ client: `127.0.0.1:${balancer.port}`, proxy: '' }])
  })

  it.each([
    ['nothing', 'missing', Buffer.alloc(0)],
    ['no header', 'missing', Buffer.from('hello')],
    ['version 1', 'malformed', Buffer.from('PROXY UNKNOWN\r\nhello')],
    ['half a header', 'malformed', headerOf(at('198.51.100.7', 1000)).subarray(0, 20)],
  ])('is refused with %s in its place, and told of: it is %s', async (_, word, datagram) => {
    await using echo = await namedEcho()
    await using balancer = await DatagramPeer.open()
    await using proxy = await startSameThreadProxy(
      { udpListeners: [{ proxyProtocol: ACCEPTED }], upstreams: { peers: [echo.address] } },
      0,
    )
    balancer.send(datagram, proxy.port)
    await waitFor(() => proxy.page.counter(CONNECTIONS_REFUSED) === 1)
    expect(proxy.events).toMatchObject([{ kind: 'connections_refused', reason: `proxy_header_${word}` }])
    expect(echo.received).toEqual([])
  })
})

it('nobody else is asked for a header', async () => {
  await using echo = await namedEcho()
  await using client = await DatagramPeer.open()
  const proxyProtocol = { trusted: ['203.0.113.0/24'], timeoutMs: 1_000 }
  await using proxy = await startSameThreadProxy(
    { udpListeners: [{ proxyProtocol }], upstreams: { peers: [echo.address] } },
    0,
  )
  expect(await client.ask('plain', proxy.port)).toBe('plain')
})

describe('an endpoint that asks for it', () => {
  it('has a header in front of each datagram', async () => {
    await using endpoint = await DatagramPeer.open(({ bytes }) => [Buffer.from(unframed(bytes).content)])
    await using client = await DatagramPeer.open()
    await using proxy = await startSameThreadProxy(
      {
        udpListeners: [{}],
        upstreams: { peers: { endpoints: [endpoint.address], proxyProtocol: { version: 2, details: [...ALL] } } },
      },
      0,
    )
    expect(await client.ask('one', proxy.port)).toBe('one')
    expect(await client.ask('two', proxy.port)).toBe('two')
    for (const { bytes } of endpoint.received) {
      expect(unframed(bytes).header).toMatchObject({
        source: at('127.0.0.1', client.port),
        destination: at('127.0.0.1', proxy.port),
        isDatagram: true,
      })
    }
  })

  it('hears of the client that another proxy has told of', async () => {
    await using endpoint = await DatagramPeer.open(({ bytes }) => [Buffer.from(unframed(bytes).content)])
    await using balancer = await DatagramPeer.open()
    await using proxy = await startSameThreadProxy(
      {
        udpListeners: [{ proxyProtocol: ACCEPTED }],
        upstreams: { peers: { endpoints: [endpoint.address], proxyProtocol: { version: 2, details: [] } } },
      },
      0,
    )
    expect(await balancer.ask(framed(at('2001:db8::7', 1000), 'one'), proxy.port)).toBe('one')
    expect(unframed(endpoint.received[0]?.bytes as Buffer).header.source).toEqual(at('2001:db8::7', 1000))
  })
})
