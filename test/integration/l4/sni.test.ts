import { execFile } from 'node:child_process'
import { once } from 'node:events'
import tls from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { relayInPieces } from '../../engine/net/tls/secure-peers.ts'
import { CHROMIUM_HELLO } from '../../support/chromium-hello.ts'
import { alpn, clientHello, encryptedHello, grease, serverName } from '../../support/client-hello.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { rawClient } from '../../support/raw-client.ts'
import { scriptedOrigin } from '../../support/scripted-origin.ts'
import type { TestTcpListener } from '../../support/snapshot.ts'
import { certificateSnapshot, listenerTls } from '../../support/tls.ts'
import { type NamedServers, startNamedServers, startSpeaker } from './named-servers.ts'

const run = promisify(execFile)

const SERVER_NAMES: NonNullable<TestTcpListener['serverNames']> = [
  { names: ['shop.example', 'www.shop.example'], alpn: [], upstream: 0 },
  { names: ['mail.example'], alpn: ['h2'], upstream: 1 },
  { names: ['*.down.example'], alpn: [], upstream: 2 },
]

const stack = new AsyncDisposableStack()
let servers: NamedServers
let proxy: InstrumentedProxy

beforeAll(async () => {
  servers = stack.use(await startNamedServers(['shop.example', 'mail.example', 'down.example', 'other.example']))
  const [shop, mail, down, other] = servers.secure.map(address => [address])
  proxy = stack.use(
    await startInstrumentedProxy({
      tcpListeners: [{ serverNames: SERVER_NAMES, upstream: 3 }],
      upstreams: { shop: shop!, mail: mail!, down: down!, other: other! },
    }),
  )
})

afterEach(() => proxy.nothingLeft())

afterAll(() => stack.disposeAsync())

function connectTo(port: number, options: tls.ConnectionOptions): tls.TLSSocket {
  return tls.connect({ port, host: '127.0.0.1', ca: servers.authority.certificate, ...options })
}

/** What a server says over HTTP/1.1, and the names of its certificate, which has been checked. */
async function ask(port: number, options: tls.ConnectionOptions): Promise<{ text: string; names: string }> {
  const socket = connectTo(port, options)
  await once(socket, 'secureConnect')
  const { subjectaltname = '' } = socket.getPeerCertificate()
  socket.write('GET / HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n')
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  await once(socket, 'close')
  return { text: text.slice(text.indexOf('\r\n\r\n') + 4), names: subjectaltname }
}

/** Whatever certificate there is. */
const ANY_NAME = { checkServerIdentity: () => undefined }

describe('a handshake that is passed on', () => {
  it.each([
    ['shop.example', 'shop.example'],
    ['www.shop.example', 'shop.example'],
    ['Shop.Example', 'shop.example'],
    ['a.down.example', 'down.example'],
    ['any.other.example', 'other.example'],
  ])('for %s meets the certificate of %s', async (name, server) => {
    const { text, names } = await ask(proxy.port, { servername: name })
    expect(text).toBe(`${name} at ${server} by HTTP/1.1`)
    expect(names).toContain(`DNS:${server}`)
  })

  it('without a name goes where all the rest does', async () => {
    expect((await ask(proxy.port, { servername: '', ...ANY_NAME })).text).toBe(' at other.example by HTTP/1.1')
  })

  it('for a rule that asks for a protocol goes by what the client offers', async () => {
    const { text } = await ask(proxy.port, { servername: 'mail.example', ...ANY_NAME })
    expect(text).toBe('mail.example at other.example by HTTP/1.1')
    const socket = connectTo(proxy.port, { servername: 'mail.example', ALPNProtocols: ['x', 'h2', 'http/1.1'] })
    await once(socket, 'secureConnect')
    expect(socket.alpnProtocol).toBe('h2')
    socket.destroy()
  })

  it('may be of TLS 1.2, and take a session up again', async () => {
    const options = { servername: 'shop.example', maxVersion: 'TLSv1.2' } as const
    const first = connectTo(proxy.port, options)
    await once(first, 'secureConnect')
    const session = first.getSession()
    first.destroy()
    const second = connectTo(proxy.port, { ...options, session })
    await once(second, 'secureConnect')
    expect(second.isSessionReused()).toBe(true)
    second.destroy()
  })

  it('comes to its end however small the pieces are that it comes in', async () => {
    await using relay = await relayInPieces(proxy.port, 3)
    expect((await ask(relay.port, { servername: 'shop.example' })).text).toContain('at shop.example')
  })

  it.each([
    ['shop.example', 'tls1_2'],
    ['x.down.example', 'tls1_3'],
    ['any.other.example', 'tls1_3'],
  ])('may be that of openssl for %s, by %s', async (name, version) => {
    const { port } = proxy
    const trust = ['-CAfile', servers.authorityFile, '-verify_return_error', '-verify_hostname', name]
    const args = [
      's_client',
      '-connect',
      `127.0.0.1:${port}`,
      '-servername',
      name,
      `-${version}`,
      '-alpn',
      'h2',
      ...trust,
    ]
    const running = run('openssl', args)
    running.child.stdin?.end()
    expect((await running).stdout).toContain('Verify return code: 0 (ok)')
  })

  it.each([
    ['mail.example', 'mail.example'],
    ['b.down.example', 'down.example'],
    ['any.other.example', 'other.example'],
  ])('may be that of curl for %s, over HTTP/2', async (name, server) => {
    const where = ['--cacert', servers.authorityFile, '--resolve', `${name}:${proxy.port}:127.0.0.1`]
    const { stdout } = await run('curl', ['-sS', ...where, `https://${name}:${proxy.port}/`])
    expect(stdout).toBe(`${name} at ${server} by HTTP/2.0`)
  })

  it('is not changed by a byte, whatever stands in it', async () => {
    let expected = 0
    await using origin = await scriptedOrigin(async connection => {
      await connection.send(await connection.expectBytes(expected))
    })
    await using before = await startInstrumentedProxy({
      tcpListeners: [{ serverNames: [{ names: ['*.shop.example'], alpn: [], upstream: 0 }], upstream: -1 }],
      upstreams: { origin: [origin.address] },
    })
    const strange = [
      grease(1),
      encryptedHello(500),
      serverName('A.shop.example'),
      alpn('\x1a\x1a'),
      grease(15, Buffer.alloc(3)),
    ]
    for (const bytes of [
      CHROMIUM_HELLO,
      clientHello(strange),
      clientHello(strange, { recordBytes: 7, recordVersion: 4 }),
      Buffer.concat([clientHello(strange), Buffer.alloc(200_000, 'early data')]),
    ]) {
      expected = bytes.length
      using client = await rawClient(before.port)
      await client.sendSplit(bytes, [1, 5, 6, 100, 1000])
      expect((await client.readUntil(({ length }) => length >= bytes.length)).equals(bytes)).toBe(true)
    }
    await before.nothingLeft()
  })

  it('that nobody is there for is told that its name is unknown', async () => {
    await using strict = await startInstrumentedProxy({
      tcpListeners: [{ serverNames: SERVER_NAMES, upstream: -1 }],
      upstreams: { shop: [servers.secure[0]!] },
    })
    const socket = connectTo(strict.port, { servername: 'unknown.example' })
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ERR_SSL_TLSV1_UNRECOGNIZED_NAME')
    expect((await ask(strict.port, { servername: 'shop.example' })).text).toContain('at shop.example')
    await strict.nothingLeft()
  })
})

describe('a handshake that is ended here', () => {
  it('goes by the name and the protocol that both ends have come to', async () => {
    await using one = await startSpeaker('one')
    await using two = await startSpeaker('two')
    await using rest = await startSpeaker('rest')
    const { chain, key } = await servers.authority.issue({ names: ['*.example'] })
    await using ending = await startInstrumentedProxy({
      tcpListeners: [
        {
          tls: listenerTls({ certificates: [certificateSnapshot({ chain, key }, ['*.example'])], alpn: ['b', 'a'] }),
          serverNames: [
            { names: ['one.example'], alpn: [], upstream: 0 },
            { names: ['*.example'], alpn: ['a'], upstream: 1 },
          ],
          upstream: 2,
        },
      ],
      upstreams: { one: [one.address], two: [two.address], rest: [rest.address] },
    })
    for (const [name, ALPNProtocols, text] of [
      ['ONE.example', ['b'], 'one'],
      ['two.example', ['a'], 'two'],
      // Offered is not agreed on.
      ['two.example', ['a', 'b'], 'rest'],
    ] as const) {
      const socket = connectTo(ending.port, { servername: name, ALPNProtocols: [...ALPNProtocols], ...ANY_NAME })
      const [said] = (await once(socket, 'data')) as [Buffer]
      expect(said.toString()).toBe(text)
      socket.destroy()
    }
    await ending.nothingLeft()
  })
})
