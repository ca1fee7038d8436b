import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect, createServer } from 'node:net'
import tls from 'node:tls'
import { describe, expect, it } from 'vitest'
import type { AcceptedProxyProtocol } from '../../../engine/snapshot.ts'
import { createAuthority } from '../../support/certificates.ts'
import { startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { introducer } from '../../support/introducer.ts'
import { type Listening, listenOn } from '../../support/listen.ts'
import { startSameThreadProxy } from '../../support/proxy.ts'
import {
  detail,
  ends6,
  LOCAL,
  TCP6,
  UDP4,
  UNIX_STREAM,
  unixEnds,
  version2,
  withChecksum,
} from '../../support/proxy-headers.ts'
import { type RawClient, rawClient } from '../../support/raw-client.ts'
import { type RecordedRequest, type RecordingOrigin, recordingOrigin } from '../../support/recording-origin.ts'
import { NO_EDITS } from '../../support/snapshot.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { certificateSnapshot, listenerTls } from '../../support/tls.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'

const ACCEPTED: AcceptedProxyProtocol = { trusted: ['127.0.0.0/8'], timeoutMs: 10_000 }
const GET = Buffer.from('GET /a HTTP/1.1\r\nHost: x\r\n\r\n')
const VERSION_1 = Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 56324 8443\r\n')
const TLS = detail(0x20, Buffer.concat([Buffer.from([1, 0, 0, 0, 1]), detail(0x21, 'TLSv1.3'), detail(0x23, 'SUITE')]))

/** Says what it was told of the client: address, scheme, port. */
async function frankOrigin(): Promise<RecordingOrigin> {
  const told = ({ fields }: RecordedRequest) =>
    ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-port'].map(name => valuesOf(fields, name).join('+')).join(' ')
  return await recordingOrigin({
    answer: request => `HTTP/1.1 200 OK\r\nContent-Length: ${told(request).length}\r\n\r\n${told(request)}`,
  })
}

/** Sends back what comes, behind a greeting. */
async function echo(greeting = ''): Promise<Listening> {
  return await listenOn(
    createServer({ allowHalfOpen: true, noDelay: true }, socket => {
      socket.write(greeting)
      socket.on('error', () => socket.destroy())
      socket.pipe(socket)
    }),
  )
}

async function answerTo(client: RawClient, bytes: Buffer): Promise<string> {
  await client.send(bytes)
  return (await client.readResponse()).content.toString()
}

describe('a listener of HTTP', () => {
  it('takes the client’s address from a header that comes in whatever pieces, with the request right behind it', async () => {
    await using origin = await frankOrigin()
    await using proxy = await startSameThreadProxy({
      listeners: [{ proxyProtocol: ACCEPTED }],
      upstreams: { web: [origin.address] },
    })
    for (const header of [VERSION_1, withChecksum({ details: [detail(2, 'name')] })]) {
      const bytes = Buffer.concat([header, GET])
      for (let at = 1; at < bytes.length; at += 1) {
        using client = await rawClient(proxy.port)
        await client.sendSplit(bytes, [at])
        const port = header === VERSION_1 ? 8443 : 443
        expect((await client.readResponse()).content.toString()).toBe(`192.0.2.1 http ${port}`)
        // What follows on the connection has no header.
        if (at % 16 === 0) expect(await answerTo(client, GET)).toBe(`192.0.2.1 http ${port}`)
      }
      using client = await rawClient(proxy.port)
      await client.sendSplit(
        bytes,
        Array.from({ length: bytes.length - 1 }, (_, index) => index + 1),
      )
      expect((await client.readResponse()).status).toBe(200)
    }
    expect(proxy.events).toEqual([])
  })

  it('keeps the ends of the socket where the header has none for it', async () => {
    await using origin = await frankOrigin()
    await using proxy = await startSameThreadProxy({
      listeners: [{ proxyProtocol: ACCEPTED }],
      upstreams: { web: [origin.address] },
    })
    const headers = [
      Buffer.from('PROXY UNKNOWN\r\n'),
      Buffer.from('PROXY UNKNOWN 192.0.2.1 192.0.2.2 1 2\r\n'),
      version2({ command: LOCAL, family: 0, addresses: Buffer.alloc(0) }),
      version2({ command: LOCAL }),
      version2({ family: 0, addresses: Buffer.alloc(0) }),
      version2({ family: UDP4 }),
    ]
    for (const header of headers) {
      using client = await rawClient(proxy.port)
      expect(await answerTo(client, Buffer.concat([header, GET]))).toBe(`127.0.0.1 http ${proxy.port}`)
    }
  })

  it('tells of IPv6, and that the client has come encrypted', async () => {
    await using origin = await frankOrigin()
    await using proxy = await startSameThreadProxy({
      listeners: [{ proxyProtocol: ACCEPTED }],
      upstreams: { web: [origin.address] },
    })
    const address = Buffer.from('20010db8000000000000000000000001', 'hex')
    const header = version2({ family: TCP6, addresses: ends6(address, address, 1, 443), details: [TLS] })
    using client = await rawClient(proxy.port)
    expect(await answerTo(client, Buffer.concat([header, GET]))).toBe('2001:db8::1 https 443')
  })

  it('passes on what a header tells as the bytes that it is, and never as the end of a line', async () => {
    await using origin = await recordingOrigin()
    await using proxy = await startSameThreadProxy({
      listeners: [{ proxyProtocol: ACCEPTED }],
      upstreams: { web: [origin.address] },
      routes: [{ to: 'web', request: { ...NO_EDITS, set: [['x-name', [{ kind: 'tls_server_name' }]]] } }],
    })
    // The last letter has the number 0x10A: cut to a byte it would be LF.
    for (const name of ['b\u00fccher.example', 'a\r\nX-Evil: 1', 'a\u010aX-Evil: 1']) {
      using client = await rawClient(proxy.port)
      await client.send(Buffer.concat([version2({ details: [TLS, detail(2, name)] }), GET]))
      await client.readResponse()
    }
    const names = origin.requests.map(({ fields }) => valuesOf(fields, 'x-name').join())
    expect(names.map(name => Buffer.from(name, 'latin1').toString())).toEqual([
      'b\u00fccher.example',
      'a  X-Evil: 1',
      'a\u010aX-Evil: 1',
    ])
    expect(origin.requests.flatMap(({ fields }) => valuesOf(fields, 'x-evil'))).toEqual([])
  })

  it('looks for no header where the peer is not trusted', async () => {
    await using origin = await frankOrigin()
    await using proxy = await startSameThreadProxy({
      listeners: [{ proxyProtocol: { ...ACCEPTED, trusted: ['127.0.0.2/32'] } }],
      upstreams: { web: [origin.address] },
    })
    using stranger = await rawClient(proxy.port)
    expect(await answerTo(stranger, GET)).toBe(`127.0.0.1 http ${proxy.port}`)
    using liar = await rawClient(proxy.port)
    await liar.send(Buffer.concat([VERSION_1, GET]))
    // No method of HTTP.
    expect((await liar.readResponse()).status).toBe(501)
    const trusted = connect({ port: proxy.port, host: '127.0.0.1', localAddress: '127.0.0.2' })
    trusted.write(Buffer.concat([VERSION_1, GET]))
    expect(String((await once(trusted, 'data'))[0])).toContain('192.0.2.1 http 8443')
    trusted.destroy()
  })

  it('believes whoever has a unix socket', async () => {
    await using folder = await temporaryFolder()
    await using origin = await frankOrigin()
    const address = { kind: 'unix', path: folder.file('web.sock') } as const
    await using _proxy = await startSameThreadProxy({
      listeners: [{ address, proxyProtocol: { ...ACCEPTED, trusted: [] }, trustedProxies: ['10.0.0.0/8'] }],
      upstreams: { web: [origin.address] },
    })
    using client = await rawClient(address)
    expect(await answerTo(client, Buffer.concat([VERSION_1, GET]))).toBe('192.0.2.1 http 8443')
    // A client that nobody knows is not the proxy, which is believed whatever fields it sends.
    using nameless = await rawClient(address)
    const header = version2({ family: UNIX_STREAM, addresses: unixEnds('', '/run/a.sock') })
    const lying = Buffer.from('GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.66\r\n\r\n')
    expect(await answerTo(nameless, Buffer.concat([header, lying]))).toBe('unknown http ')
  })

  it('speaks HTTP/2 and TLS behind it, however the first bytes are cut', async () => {
    const authority = await createAuthority()
    const leaf = await authority.issue({ names: ['localhost'] })
    await using origin = await frankOrigin()
    const secure = listenerTls({ certificates: [certificateSnapshot(leaf)], alpn: ['h2', 'http/1.1'] })
    await using proxy = await startSameThreadProxy({
      listeners: [{ proxyProtocol: ACCEPTED }, { proxyProtocol: ACCEPTED, tls: secure }],
      upstreams: { web: [origin.address] },
    })
    const header = version2({ details: [detail(2, 'name')] })
    for (const pieceBytes of [1, 7, header.length, header.length + 1, 64 * 1024]) {
      await using plain = await introducer(proxy.port, header, pieceBytes)
      await using encrypted = await introducer(proxy.portOf(1), header, pieceBytes)
      expect(await overHttp2(`http://127.0.0.1:${plain.port}`)).toBe('192.0.2.1 http 443')
      expect(await overHttp2(`https://127.0.0.1:${encrypted.port}`, authority.certificate)).toBe('192.0.2.1 https 443')
    }
    expect(proxy.events).toEqual([])
  })

  it('keeps what came with the header while its handshake has to wait for another', async () => {
    const authority = await createAuthority()
    const leaf = await authority.issue({ names: ['localhost'] })
    await using origin = await frankOrigin()
    const secure = listenerTls({ certificates: [certificateSnapshot(leaf)], handshakesMax: 1, alpn: ['h2'] })
    await using proxy = await startSameThreadProxy({
      listeners: [{ proxyProtocol: ACCEPTED, tls: secure }],
      upstreams: { web: [origin.address] },
    })
    using idle = await rawClient(proxy.port)
    await idle.send(VERSION_1)
    await turns()
    await using relay = await introducer(proxy.port, VERSION_1, 64 * 1024)
    const answer = overHttp2(`https://127.0.0.1:${relay.port}`, authority.certificate)
    await turns(20)
    idle.close()
    expect(await answer).toBe('192.0.2.1 https 8443')
    // Whose handshake has failed is the client as well.
    expect(proxy.events).toMatchObject([{ kind: 'handshakes_failed', client: '192.0.2.1' }])
  })

  it('is done with any number of handshakes that wait and are none, and then serves those that are', async () => {
    const authority = await createAuthority()
    const leaf = await authority.issue({ names: ['localhost'] })
    await using origin = await frankOrigin()
    const secure = listenerTls({ certificates: [certificateSnapshot(leaf)], handshakesMax: 1, alpn: ['h2'] })
    await using proxy = await startSameThreadProxy({
      listeners: [{ proxyProtocol: ACCEPTED, tls: secure }],
      upstreams: { web: [origin.address] },
    })
    using idle = await rawClient(proxy.port)
    await idle.send(VERSION_1)
    await turns()
    const none = await Promise.all(Array.from({ length: 150 }, () => rawClient(proxy.port)))
    await Promise.all(none.map(client => client.send(Buffer.concat([VERSION_1, Buffer.from('no TLS')]))))
    await using relay = await introducer(proxy.port, VERSION_1, 64 * 1024)
    const answer = overHttp2(`https://127.0.0.1:${relay.port}`, authority.certificate)
    await turns(20)
    idle.close()
    expect(await answer).toBe('192.0.2.1 https 8443')
    await Promise.all(none.map(client => client.closed))
    expect(new Set(proxy.events.map(({ kind }) => kind))).toEqual(new Set(['handshakes_failed']))
  })

  it('spreads, routes and believes by that address, and its records tell both ends', async () => {
    await using origin = await frankOrigin()
    await using other = await recordingOrigin({ answer: () => 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother' })
    await using proxy = await startInstrumentedProxy({
      listeners: [{ proxyProtocol: ACCEPTED, trustedProxies: ['198.51.100.0/24'] }],
      upstreams: { web: { endpoints: [origin.address], balance: 'ip_hash' }, other: [other.address] },
      routes: [
        { match: { conditions: [{ kind: 'client_ip', blocks: ['203.0.113.0/24'] }] }, to: 'other' },
        { to: 'web' },
      ],
    })
    const field = Buffer.from('GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.66\r\n\r\n')
    using near = await rawClient(proxy.port)
    expect(await answerTo(near, Buffer.concat([Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.2 1 2\r\n'), GET]))).toBe(
      'other',
    )
    using believed = await rawClient(proxy.port)
    expect(
      await answerTo(believed, Buffer.concat([Buffer.from('PROXY TCP4 198.51.100.1 192.0.2.2 3 80\r\n'), field])),
    ).toBe('192.0.2.66, 198.51.100.1 http 80')
    using unbelieved = await rawClient(proxy.port)
    expect(await answerTo(unbelieved, Buffer.concat([VERSION_1, field]))).toBe('192.0.2.1 http 8443')
    using encrypted = await rawClient(proxy.port)
    const header = version2({ details: [TLS, detail(2, 'shop.example')] })
    expect(await answerTo(encrypted, Buffer.concat([header, GET]))).toBe('192.0.2.1 https 443')
    const records = await proxy.records(4)
    expect(records.map(({ client }) => client)).toEqual([
      '203.0.113.7:1',
      '198.51.100.1:3',
      '192.0.2.1:56324',
      '192.0.2.1:56324',
    ])
    const peers = [near, believed, unbelieved, encrypted].map(({ socket }) => `127.0.0.1:${socket.localPort}`)
    expect(records.map(record => record.proxy)).toEqual(peers)
    expect(records.at(-1)).toMatchObject({ tlsVersion: 'TLSv1.3', tlsCipher: 'SUITE', serverName: 'shop.example' })
    expect(records.at(-2)).toMatchObject({ tlsVersion: '', serverName: '' })
  })
})

/** The content of an answer to one request. */
async function overHttp2(url: string, ca = ''): Promise<string> {
  const session = connectHttp2(url, { ca, servername: 'localhost' })
  session.on('error', () => {})
  const stream = session.request({ ':path': '/' })
  let text = ''
  for await (const chunk of stream) text += chunk
  session.close()
  return text
}

describe('a listener of TCP', () => {
  it('passes everything on behind the header, and its flows tell both ends', async () => {
    await using origin = await echo()
    await using proxy = await startSameThreadProxy({
      tcpListeners: [{ proxyProtocol: ACCEPTED }],
      upstreams: { pg: [origin.address] },
    })
    const bytes = Buffer.concat([VERSION_1, Buffer.from('hello')])
    for (let at = 1; at < bytes.length; at += 1) {
      using client = await rawClient(proxy.port)
      await client.sendSplit(bytes, [at])
      expect((await client.readUntil(unread => unread.length >= 5)).toString()).toBe('hello')
      const sender = `127.0.0.1:${client.socket.localPort}`
      client.end()
      await client.closed
      const flow = await waitFor(() => proxy.flows[at - 1])
      expect(flow).toMatchObject({ client: '192.0.2.1:56324', proxy: sender, bytesIn: 5, bytesOut: 5 })
    }
  })

  it('does not wait for the client where the server speaks first', async () => {
    await using origin = await echo('220 ready\r\n')
    await using proxy = await startSameThreadProxy({
      tcpListeners: [{ proxyProtocol: ACCEPTED }],
      upstreams: { mail: [origin.address] },
    })
    using client = await rawClient(proxy.port)
    await client.send(VERSION_1)
    await client.readUntil(unread => unread.includes('220 ready'))
  })

  it('decrypts behind the header', async () => {
    const authority = await createAuthority()
    const leaf = await authority.issue({ names: ['localhost'] })
    await using origin = await echo()
    const secure = listenerTls({ certificates: [certificateSnapshot(leaf)], alpn: [] })
    await using proxy = await startSameThreadProxy({
      tcpListeners: [{ proxyProtocol: ACCEPTED, tls: secure }],
      upstreams: { pg: [origin.address] },
    })
    for (const pieceBytes of [1, 100, 64 * 1024]) {
      await using relay = await introducer(proxy.port, VERSION_1, pieceBytes)
      const ca = authority.certificate
      const socket = tls.connect({ port: relay.port, host: '127.0.0.1', servername: 'localhost', ca })
      socket.write('hello')
      expect(String((await once(socket, 'data'))[0])).toBe('hello')
      socket.end()
      await once(socket, 'close')
    }
    await waitFor(() => proxy.flows.length === 3)
    expect(proxy.flows.map(({ client }) => client)).toEqual(Array(3).fill('192.0.2.1:56324'))
  })
})

describe('what stands in the place of a header', () => {
  it('is refused if it is none, or malformed, or ends too soon: closed, counted and told', async () => {
    await using origin = await frankOrigin()
    await using proxy = await startSameThreadProxy({
      listeners: [{ proxyProtocol: ACCEPTED }],
      tcpListeners: [{ proxyProtocol: ACCEPTED }],
      upstreams: { web: [origin.address] },
    })
    for (const port of [proxy.port, proxy.portOf(1)]) {
      for (const bytes of [GET, Buffer.from('PROXY TCP4 1 2 3 4\r\n'), version2({ command: 0x2f })]) {
        using client = await rawClient(port)
        await client.send(bytes)
        await client.closed
        expect(client.received.length).toBe(0)
      }
    }
    using short = await rawClient(proxy.port)
    await short.send('PROXY TCP4')
    short.end()
    await short.closed
    expect(origin.connections.length).toBe(0)
    const told = proxy.events.filter(({ kind }) => kind === 'connections_refused')
    expect(told).toMatchObject([
      {
        listener: 'listener0',
        count: 1,
        client: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
        reason: 'proxy_header_missing',
        detail: 'the connection does not begin with a header of the PROXY protocol',
      },
      { listener: 'tcp0', count: 1, reason: 'proxy_header_missing' },
    ])
  })

  it('is refused where RST cuts it off, and the peer is named all the same', async () => {
    await using origin = await frankOrigin()
    await using proxy = await startSameThreadProxy({
      listeners: [{ proxyProtocol: ACCEPTED }],
      upstreams: { web: [origin.address] },
    })
    using client = await rawClient(proxy.port)
    const name = `127.0.0.1:${client.socket.localPort}`
    await client.send('PROXY TCP4')
    await turns()
    client.reset()
    await waitFor(() => proxy.events.length > 0)
    expect(proxy.events).toMatchObject([
      { client: name, reason: 'proxy_header_malformed', detail: 'the connection has ended within the header' },
    ])
  })

  it('is nothing to anybody where the peer that has sent it was gone before its turn came', async () => {
    await using origin = await echo()
    await using proxy = await startSameThreadProxy({
      tcpListeners: [{ proxyProtocol: ACCEPTED, limits: { connectionsMax: 1 } }],
      upstreams: { pg: [origin.address] },
    })
    using first = await rawClient(proxy.port)
    await turns()
    const gone = await rawClient(proxy.port)
    await gone.send(Buffer.concat([VERSION_1, Buffer.from('hello')]))
    await turns()
    gone.reset()
    using last = await rawClient(proxy.port)
    await last.send(Buffer.concat([VERSION_1, Buffer.from('last')]))
    await turns()
    first.close()
    expect((await last.readUntil(unread => unread.length >= 4)).toString()).toBe('last')
    last.end()
    await last.closed
    // What it said could still be read, but not who had said it: an endpoint would have had it from nobody.
    await waitFor(() => proxy.flows.length === 1)
    expect(proxy.flows).toMatchObject([{ client: '192.0.2.1:56324', bytesIn: 4 }])
  })

  it('has to come in time', async () => {
    await using origin = await frankOrigin()
    await using proxy = await startInstrumentedProxy({
      listeners: [{ proxyProtocol: { ...ACCEPTED, timeoutMs: 100 } }],
      upstreams: { web: [origin.address] },
    })
    using silent = await rawClient(proxy.port)
    await silent.closed
    using slow = await rawClient(proxy.port)
    await slow.send('PROXY TCP4 192.0.2.1')
    await slow.closed
    expect(proxy.events.filter(({ kind }) => kind === 'connections_refused')).toMatchObject([
      { reason: 'proxy_header_timeout', detail: 'no whole header of the PROXY protocol has come within 0.1 s' },
    ])
    expect(proxy.stats().connectionsRefused).toBe(2)
    await proxy.nothingLeft()
  })

  it('is waited for no longer when the listener goes', async () => {
    await using origin = await frankOrigin()
    await using proxy = await startSameThreadProxy({
      listeners: [{ proxyProtocol: ACCEPTED }],
      upstreams: { web: [origin.address] },
    })
    using client = await rawClient(proxy.port)
    await client.send('PROXY TCP4')
    await turns()
    await proxy.stop()
    await client.closed
    expect(proxy.events).toEqual([])
  })

  it('is nobody’s business where the peer has only looked whether somebody listens', async () => {
    await using origin = await frankOrigin()
    await using proxy = await startSameThreadProxy({
      listeners: [{ proxyProtocol: ACCEPTED }],
      upstreams: { web: [origin.address] },
    })
    using checker = await rawClient(proxy.port)
    checker.end()
    await checker.closed
    using resetting = await rawClient(proxy.port)
    resetting.reset()
    await turns()
    expect(proxy.events).toEqual([])
  })
})

describe('a reload', () => {
  it('begins and ends to take headers with the next connection', async () => {
    await using origin = await frankOrigin()
    const options = (proxyProtocol: AcceptedProxyProtocol | null, port = 0) => ({
      listeners: [{ address: { kind: 'tcp', host: '127.0.0.1', port }, proxyProtocol } as const],
      upstreams: { web: [origin.address] },
    })
    await using proxy = await startInstrumentedProxy(options(null))
    using before = await rawClient(proxy.port)
    expect(await answerTo(before, GET)).toContain('127.0.0.1')
    await proxy.reload(options(ACCEPTED, proxy.port))
    expect(await answerTo(before, GET)).toContain('127.0.0.1')
    using told = await rawClient(proxy.port)
    expect(await answerTo(told, Buffer.concat([VERSION_1, GET]))).toContain('192.0.2.1')
    await proxy.reload(options(null, proxy.port))
    expect(await answerTo(told, GET)).toContain('192.0.2.1')
    using after = await rawClient(proxy.port)
    expect(await answerTo(after, GET)).toContain('127.0.0.1')
  })
})
