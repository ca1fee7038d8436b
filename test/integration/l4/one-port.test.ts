import { once } from 'node:events'
import tls from 'node:tls'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { clientHello, serverName } from '../../support/client-hello.ts'
import { get } from '../../support/heads.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { startSameThreadProxy } from '../../support/proxy.ts'
import { rawClient } from '../../support/raw-client.ts'
import { scriptedOrigin } from '../../support/scripted-origin.ts'
import { answerAll } from '../../support/stage.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type NamedServers, startNamedServers, startSpeaker } from './named-servers.ts'

/** What a server of the shell says before anybody has asked; behind it, it says what it hears. */
const BANNER = 'SSH-2.0-server\r\n'
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')

const stack = new AsyncDisposableStack()
let servers: NamedServers
let proxy: InstrumentedProxy

beforeAll(async () => {
  servers = stack.use(await startNamedServers(['shop.example', 'other.example']))
  const [shop, other] = servers.secure
  const web = stack.use(await scriptedOrigin(answerAll))
  const shell = stack.use(await startSpeaker(BANNER))
  const routed = { http: 0, proxy: 1, tls: 2 }
  proxy = stack.use(
    await startInstrumentedProxy({
      tcpListeners: [
        {
          firstBytes: routed,
          serverNames: [{ names: ['shop.example'], alpn: [], upstream: 3 }],
          upstream: 4,
          timeouts: { firstBytesMs: 150 },
        },
        { firstBytes: routed, upstream: -1, timeouts: { firstBytesMs: 150 } },
      ],
      upstreams: {
        web: [web.address],
        behind: [servers.proxied],
        other: [other!],
        shop: [shop!],
        shell: [shell.address],
      },
    }),
  )
})

afterEach(() => proxy.nothingLeft())

afterAll(() => stack.disposeAsync())

/** A header of version 2: a connection of TCP over IPv4 from 192.0.2.33. */
function headerOfVersion2(): Buffer {
  return Buffer.concat([SIGNATURE, Buffer.from([0x21, 0x11, 0, 12, 192, 0, 2, 33, 192, 0, 2, 1, 0x30, 0x39, 0, 80])])
}

describe('one port', () => {
  it('passes requests in plain text to their upstream', async () => {
    using client = await rawClient(proxy.port)
    await client.send(get('/first'))
    expect((await client.readResponse()).content.toString()).toBe('/first')
    await client.send(get('/second'))
    expect((await client.readResponse()).content.toString()).toBe('/second')
  })

  it.each([
    ['shop.example', 'shop.example'],
    ['any.other.example', 'other.example'],
  ])('passes a handshake for %s to %s', async (servername, server) => {
    const trusted = { ca: servers.authority.certificate, servername }
    const socket = tls.connect({ port: proxy.port, host: '127.0.0.1', ...trusted })
    await once(socket, 'secureConnect')
    expect(socket.getPeerCertificate().subjectaltname).toContain(`DNS:${server}`)
    socket.destroy()
  })

  it.each<[string, string | Buffer, string]>([
    ['1', 'PROXY TCP4 192.0.2.32 192.0.2.1 12345 80\r\n', '192.0.2.32'],
    ['2', headerOfVersion2(), '192.0.2.33'],
  ])('passes a header of the PROXY protocol, version %s, on as it came', async (_, header, address) => {
    using client = await rawClient(proxy.port)
    // Behind the bytes that decide it is in one piece: nginx takes no other.
    await client.sendSplit(Buffer.concat([Buffer.from(header), Buffer.from(get('/'))]), [4, 9])
    expect((await client.readResponse()).content.toString()).toBe(address)
  })

  it('passes what is none of these to the upstream for the rest', async () => {
    using client = await rawClient(proxy.port)
    await client.send('SSH-2.0-client\r\n')
    await client.readUntil(unread => unread.toString() === `${BANNER}SSH-2.0-client\r\n`)
  })

  it('passes those who wait to be spoken to there, too, when their time to speak is over', async () => {
    using client = await rawClient(proxy.port)
    await client.readUntil(unread => unread.toString() === BANNER)
    await client.send('late')
    await client.readUntil(unread => unread.toString() === `${BANNER}late`)
  })

  it('passes FIN on behind what has not become clear', async () => {
    using client = await rawClient(proxy.port, { halfOpen: true })
    await client.send('PRO')
    client.end()
    expect(await client.closed).toBe('fin')
    expect(client.received.toString()).toBe(`${BANNER}PRO`)
  })

  it('passes on all that was gathered up to the bound, and what came behind it', async () => {
    using client = await rawClient(proxy.port)
    const bytes = Buffer.alloc(300_000, 'GET')
    await client.sendSplit(bytes, [1, 16_383, 20_000])
    const answer = Buffer.concat([Buffer.from(BANNER), bytes])
    await client.readUntil(({ length }) => length >= answer.length)
    expect(client.received.equals(answer)).toBe(true)
  })

  it('says the same wherever segments begin', async () => {
    const sent = Buffer.from(`SSH-2.0-client ${'x'.repeat(300)}\r\n`)
    const answer = BANNER + sent.toString()
    const cuts = fc.array(fc.integer({ min: 1, max: sent.length - 1 }), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(cuts, async offsets => {
        using client = await rawClient(proxy.port)
        await client.sendSplit(sent, offsets)
        expect((await client.readUntil(({ length }) => length >= answer.length)).toString()).toBe(answer)
      }),
      { numRuns: 20 },
    )
  })

  it('passes on whatever comes, and to its end', async () => {
    const begun = fc.constantFrom(
      '',
      'GET / HTTP/1.',
      'PROXY TCP4 ',
      '\x16\x03\x01\x00\x10\x01',
      '\x16\x03\x03',
      '\r\n\r\n\0',
    )
    const bytes = fc.tuple(begun, fc.uint8Array({ maxLength: 64 }))
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(bytes, cuts, async ([start, rest], offsets) => {
        using client = await rawClient(proxy.port)
        await client.sendSplit(Buffer.concat([Buffer.from(start, 'latin1'), rest]), offsets)
        client.end()
        await client.closed
      }),
      { numRuns: 60 },
    )
    expect(proxy.events.filter(({ kind }) => kind === 'connection_fault')).toEqual([])
  })

  it('looks at what stands behind a header of the PROXY protocol that was for itself', async () => {
    await using shell = await startSpeaker('')
    await using before = await startInstrumentedProxy({
      tcpListeners: [
        {
          proxyProtocol: { trusted: ['127.0.0.0/8'], timeoutMs: 5_000 },
          serverNames: [{ names: ['shop.example'], alpn: [], upstream: 0 }],
          upstream: -1,
        },
      ],
      upstreams: { shell: [shell.address] },
    })
    const hello = clientHello([serverName('shop.example')])
    for (const offsets of [[], [3, 60, 100]]) {
      using client = await rawClient(before.port)
      await client.sendSplit(Buffer.concat([headerOfVersion2(), hello]), offsets)
      await client.readUntil(unread => unread.equals(hello))
    }
    await before.nothingLeft()
  })

  it('forgets who goes away before it is clear what they want', async () => {
    const { flows } = proxy.stats()
    for (const begun of ['', 'GET /']) {
      using client = await rawClient(proxy.port)
      await client.send(begun)
      // Before that it is nobody's: whoever is gone when it is accepted is no flow.
      await expect.poll(() => proxy.stats().flows.active).toBe(1)
      client.reset()
      await client.closed
    }
    await expect.poll(() => proxy.stats().flows.total).toBe(flows.total + 2)
    expect(proxy.stats().flows.active).toBe(0)
  })

  it('is left to nobody when the grace of its worker is over', async () => {
    const stopping = await startInstrumentedProxy({
      tcpListeners: [{ firstBytes: { http: 0 }, upstream: -1, timeouts: { firstBytesMs: 60_000 } }],
      upstreams: { behind: [servers.proxied] },
      shutdownGraceMs: 50,
    })
    using client = await rawClient(stopping.port)
    await client.send('GET /')
    await expect.poll(() => stopping.stats().flows.active).toBe(1)
    await stopping.stop()
    expect(await client.closed).toBe('reset')
  })

  it.each([
    ['nothing', ''],
    ['what nobody takes', 'SSH-2.0-client\r\n'],
    ['what nobody can tell', 'GET /'],
  ])('without an upstream for the rest is closed to those who send %s', async (_, text) => {
    using client = await rawClient(proxy.portOf(1))
    await client.send(text)
    expect(await client.closed).toBe('fin')
    expect(client.received.length).toBe(0)
  })
})

describe('the log', () => {
  it('is told what name was asked for, and why nobody has taken a connection', async () => {
    await using shell = await startSpeaker('')
    await using logged = await startSameThreadProxy({
      tcpListeners: [
        {
          serverNames: [{ names: ['shop.example'], alpn: [], upstream: 0 }],
          upstream: -1,
          timeouts: { firstBytesMs: 100 },
        },
      ],
      upstreams: { shell: [shell.address] },
    })
    for (const bytes of [
      clientHello([serverName('Shop.example')]),
      clientHello([serverName('b.example')]),
      'GET /\r\n',
      '',
    ]) {
      using client = await rawClient(logged.port, { halfOpen: true })
      await client.send(bytes)
      if (bytes.includes('Shop')) {
        await client.readUntil(({ length }) => length === bytes.length)
        client.end()
      }
      await client.closed
    }
    await waitFor(() => logged.flows.length === 4)
    const told = logged.flows.map(record => [
      record.serverName,
      record.upstream,
      record.error,
      record.flag,
      record.bytesIn > 0,
    ])
    expect(told).toEqual([
      ['shop.example', 'shell', '', '', true],
      ['b.example', '', 'no_flow_route', 'NR', false],
      ['', '', 'no_flow_route', 'NR', false],
      ['', '', 'first_bytes_timeout', 'SI', false],
    ])
  })
})
