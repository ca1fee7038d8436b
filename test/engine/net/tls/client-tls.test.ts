import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { beforeAll, describe, expect, it } from 'vitest'
import { Dial } from '../../../../engine/net/dial.ts'
import { ClientSessions } from '../../../../engine/net/tls/client-sessions.ts'
import { ClientTls, type TlsPeer } from '../../../../engine/net/tls/client-tls.ts'
import { loadTls } from '../../../../engine/net/tls/load.ts'
import type { UpstreamTlsSnapshot } from '../../../../engine/snapshot.ts'
import { createAuthority, selfSigned, type TestAuthority, type TestCertificate } from '../../../support/certificates.ts'
import { upstreamTls } from '../../../support/tls.ts'
import { turns } from '../../../support/turns.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { Recorder, TestNet } from '../sockets.ts'
import { testAuthority, testLeaf } from './secure-peers.ts'

let authority: TestAuthority
let leaf: TestCertificate

beforeAll(async () => {
  await loadTls()
  authority = await testAuthority()
  leaf = await testLeaf()
})

interface Origin extends AsyncDisposable {
  readonly port: number
  /** Names that clients have asked for, in order. */
  readonly names: (string | false)[]
  readonly sockets: tls.TLSSocket[]
}

/** Node's server; `localhost` and 127.0.0.1 unless it has another certificate. */
async function origin(options: tls.TlsOptions = {}): Promise<Origin> {
  const names: (string | false)[] = []
  const sockets: tls.TLSSocket[] = []
  const server = tls.createServer({ cert: leaf.chain, key: leaf.key, ...options }, socket => {
    names.push((socket as unknown as { servername: string | false }).servername)
    sockets.push(socket)
    socket.on('error', () => undefined)
  })
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as net.AddressInfo).port,
    names,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

class Dialler extends Recorder {
  detail = ''

  override onConnectError(error: string, detail = ''): void {
    this.detail = detail
    super.onConnectError(error)
  }
}

const settingsOf = (more: Partial<UpstreamTlsSnapshot> = {}) => upstreamTls({ ca: authority.certificate, ...more })

async function dial(port: number, peer: TlsPeer, testNet = new TestNet()): Promise<Dialler> {
  const dialler = new Dialler(testNet)
  new Dial(testNet, { kind: 'tcp', host: '127.0.0.1', port }, 5_000, dialler, peer)
  await waitFor(() => dialler.events.length > 0)
  expect([testNet.faults, testNet.wheel.hanging]).toEqual([[], 0])
  dialler.connection?.resume()
  return dialler
}

async function outcome(port: number, more: Partial<UpstreamTlsSnapshot> = {}, host = 'localhost'): Promise<string> {
  const dialler = await dial(port, ClientTls.of(settingsOf(more)).peer(host, []))
  dialler.connection?.destroy()
  return dialler.events[0] as string
}

describe('an encrypted connection to an origin', () => {
  it('names the host and is verified against an authority', async () => {
    await using server = await origin()
    expect(await outcome(server.port)).toBe('connect')
    expect(await outcome(server.port, {}, '127.0.0.1')).toBe('connect')
    expect(await outcome(server.port, { serverName: 'localhost' }, 'other.example')).toBe('connect')
    await waitFor(() => server.names.length === 3)
    // An address is no name: it is not sent.
    expect(server.names).toEqual(['localhost', false, 'localhost'])
  })

  it('is refused where the certificate is for somebody else', async () => {
    await using server = await origin()
    for (const host of ['other.example', '127.0.0.2', 'sub.localhost', '::1']) {
      expect(await outcome(server.port, {}, host)).toBe('connect error ERR_TLS_CERT_ALTNAME_INVALID')
    }
    expect(await outcome(server.port, { verify: false }, 'other.example')).toBe('connect')
  })

  it('does not take a common name for a name', async () => {
    const named = await authority.issue({ names: ['other.example'], commonName: 'localhost' })
    await using server = await origin({ cert: named.chain, key: named.key })
    expect(await outcome(server.port)).toBe('connect error ERR_TLS_CERT_ALTNAME_INVALID')
  })

  it('takes a wildcard for one label', async () => {
    const wild = await authority.issue({ names: ['*.example.com'] })
    await using server = await origin({ cert: wild.chain, key: wild.key })
    expect(await outcome(server.port, {}, 'a.example.com')).toBe('connect')
    for (const host of ['example.com', 'a.b.example.com']) {
      expect(await outcome(server.port, {}, host)).toBe('connect error ERR_TLS_CERT_ALTNAME_INVALID')
    }
  })

  it('is refused with a certificate that nobody vouches for, or that has expired, or was revoked', async () => {
    const own = await selfSigned()
    const expired = await authority.issueExpired()
    const foreign = await (await createAuthority('Somebody else')).issue()
    const below = await (await authority.issueAuthority()).issue()
    const cases = [
      [own, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
      [expired, 'CERT_HAS_EXPIRED'],
      [foreign, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
      [{ chain: below.certificate, key: below.key }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ] as const
    for (const [{ chain, key }, error] of cases) {
      await using server = await origin({ cert: chain, key })
      expect(await outcome(server.port)).toBe(`connect error ${error}`)
      expect(await outcome(server.port, { verify: false })).toBe('connect')
    }
    await using whole = await origin({ cert: below.chain, key: below.key })
    expect(await outcome(whole.port)).toBe('connect')
    const crl = await authority.revoke(leaf.certificate)
    await using revoked = await origin()
    expect(await outcome(revoked.port, { crl })).toBe('connect error CERT_REVOKED')
    expect(await outcome(revoked.port)).toBe('connect')
  })

  it('says what an error means', async () => {
    const { chain, key } = await authority.issueExpired()
    await using server = await origin({ cert: chain, key })
    const dialler = await dial(server.port, ClientTls.of(settingsOf()).peer('localhost', []))
    expect(dialler.detail).toBe('its certificate, or one that it rests on, has expired')
  })

  it('trusts the system where no authority is named', async () => {
    await using server = await origin()
    expect(await outcome(server.port, { ca: '' })).toBe('connect error UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  })

  it('is bound to a key that is pinned, verified or not', async () => {
    await using server = await origin()
    const spki = new X509Certificate(leaf.certificate).publicKey.export({ type: 'spki', format: 'der' })
    const pin = createHash('sha256').update(spki).digest('base64')
    const other = createHash('sha256').update('another').digest('base64')
    expect(await outcome(server.port, { pins: [other, pin] })).toBe('connect')
    expect(await outcome(server.port, { pins: [other] })).toBe('connect error ERR_TLS_PIN_MISMATCH')
    expect(await outcome(server.port, { pins: [other], verify: false })).toBe('connect error ERR_TLS_PIN_MISMATCH')
    expect(await outcome(server.port, { pins: [pin], verify: false }, 'other.example')).toBe('connect')
  })

  it('shows a certificate of its own to those who ask', async () => {
    const { chain, key } = await authority.issueClient('Proxy')
    await using server = await origin({ requestCert: true, rejectUnauthorized: true, ca: authority.certificate })
    const peer = ClientTls.of(settingsOf({ chain, key })).peer('localhost', [])
    const dialler = await dial(server.port, peer)
    expect(dialler.events).toEqual(['connect'])
    await waitFor(() => server.sockets.length === 1)
    expect(server.sockets[0]!.getPeerCertificate().subject.CN).toBe('Proxy')
    dialler.connection!.destroy()
    expect(await outcome(server.port, { maxVersion: 'TLSv1.2' })).toMatch(/^connect error (ERR_SSL_|ECONNRESET)/)
  })

  it('agrees on a protocol, or on none', async () => {
    await using server = await origin({ ALPNProtocols: ['http/1.1'] })
    const client = ClientTls.of(settingsOf())
    for (const [offered, agreed] of [
      [['h2', 'http/1.1'], 'http/1.1'],
      [[], ''],
    ] as const) {
      const dialler = await dial(server.port, client.peer('localhost', offered))
      expect(dialler.connection!.tls).toMatchObject({ alpn: agreed, serverName: 'localhost' })
      dialler.connection!.destroy()
    }
    const refused = await dial(server.port, client.peer('localhost', ['h2']))
    expect(refused.events[0]).toMatch(/^connect error ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL/)
  })
})

describe('a handshake with an origin', () => {
  it.each([
    ['speaks plain text', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), /^connect error ERR_SSL_/],
    ['closes at once', Buffer.alloc(0), /^connect error ECONNRESET/],
  ])('that %s fails', async (_, answer, error) => {
    const server = net.createServer(socket => {
      socket.on('error', () => undefined)
      socket.end(answer)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    expect(await outcome((server.address() as net.AddressInfo).port)).toMatch(error)
    server.close()
  })

  it('that takes too long counts as a connect that does, and can be given up', async () => {
    const sockets: net.Socket[] = []
    const server = net.createServer(socket => sockets.push(socket.on('error', () => undefined)))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as net.AddressInfo
    const testNet = new TestNet()
    const peer = ClientTls.of(settingsOf()).peer('localhost', [])
    const [late, cancelled] = [new Recorder(testNet), new Recorder(testNet)]
    new Dial(testNet, { kind: 'tcp', host: '127.0.0.1', port }, 1_000, late, peer)
    const given = new Dial(testNet, { kind: 'tcp', host: '127.0.0.1', port }, 1_000, cancelled, peer)
    await waitFor(() => sockets.length === 2)
    await turns()
    given.cancel()
    testNet.pass(1_200)
    expect([late.events, cancelled.events]).toEqual([['connect error ETIMEDOUT'], []])
    expect(testNet.wheel.hanging).toBe(0)
    for (const socket of sockets) socket.destroy()
    server.close()
  })
})

describe('sessions with an origin', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('with %s are taken up again by later connections to it', async version => {
    await using server = await origin({ maxVersion: version })
    const peer = ClientTls.of(settingsOf()).peer('localhost', [])
    const resumed: boolean[] = []
    for (let index = 0; index < 3; index += 1) {
      const dialler = await dial(server.port, peer)
      resumed.push(dialler.connection!.tls!.resumed)
      // A server of Node gives two, and none for one that is used.
      if (index === 0) await waitFor(() => peer.sessions.size === (version === 'TLSv1.3' ? 2 : 1))
      dialler.connection!.destroy()
    }
    expect(resumed).toEqual([false, true, true])
  })

  it.each([
    ['TLSv1.2', { serverName: 'other.test' }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['TLSv1.3', { serverName: 'other.test' }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['TLSv1.2', { pins: ['A'.repeat(43)] }, 'ERR_TLS_PIN_MISMATCH'],
    ['TLSv1.3', { pins: ['A'.repeat(43)] }, 'ERR_TLS_PIN_MISMATCH'],
  ] as const)(
    'with %s are not kept of one that was refused, who could come in by them: %o',
    async (version, more, error) => {
      await using server = await origin({ maxVersion: version })
      const peer = ClientTls.of(settingsOf(more)).peer('localhost', [])
      for (let index = 0; index < 3; index += 1) {
        const dialler = await dial(server.port, peer)
        expect(dialler.events).toEqual([`connect error ${error}`])
        await turns(5)
        expect(peer.sessions.size).toBe(0)
      }
    },
  )

  it('are kept for one endpoint and its name', async () => {
    await using server = await origin()
    const client = ClientTls.of(settingsOf())
    const peer = client.peer('localhost', [])
    await dial(server.port, peer)
    await waitFor(() => peer.sessions.size > 0)
    const other = await dial(server.port, client.peer('127.0.0.1', []))
    expect(other.connection!.tls!.resumed).toBe(false)
  })

  it('are not kept where nobody wants them', async () => {
    await using server = await origin()
    const peer = ClientTls.of(settingsOf({ resumes: false })).peer('localhost', [])
    for (let index = 0; index < 2; index += 1) {
      const dialler = await dial(server.port, peer)
      expect(dialler.connection!.tls!.resumed).toBe(false)
      await turns(5)
      dialler.connection!.destroy()
    }
    expect(peer.sessions.size).toBe(0)
  })

  it('are few, and those of TLS 1.3 are used once', () => {
    const sessions = new ClientSessions()
    for (let index = 0; index < 20; index += 1) sessions.add(Buffer.from([index]), true)
    expect(sessions.size).toBe(8)
    expect([sessions.take()?.[0], sessions.take()?.[0], sessions.size]).toEqual([19, 18, 6])
    sessions.add(Buffer.from([99]), false)
    expect([sessions.take()?.[0], sessions.take()?.[0], sessions.size]).toEqual([99, 99, 1])
  })
})

describe('settings', () => {
  it('that OpenSSL can make nothing of are refused', () => {
    for (const more of [
      { ca: 'nonsense' },
      { chain: leaf.chain, key: 'nonsense' },
      { crl: 'nonsense' },
      { ciphers: 'X' },
    ]) {
      expect(() => ClientTls.of(settingsOf(more))).toThrow()
    }
  })
})
