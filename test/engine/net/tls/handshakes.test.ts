import { execFile } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { describe, expect, it } from 'vitest'
import { HANDSHAKE_CROWDED_OUT, HANDSHAKE_TIMEOUT } from '../../../../engine/net/tls/handshakes.ts'
import type { CertificateSnapshot } from '../../../../engine/snapshot.ts'
import { selfSigned, type TestAuthority } from '../../../support/certificates.ts'
import { rawClient } from '../../../support/raw-client.ts'
import { certificateSnapshot } from '../../../support/tls.ts'
import { turns } from '../../../support/turns.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { TestNet } from '../sockets.ts'
import {
  acceptSecure,
  helloOf,
  relayInPieces,
  type SecureAcceptor,
  secureClient,
  testAuthority,
  testTls,
} from './secure-peers.ts'

interface Asked extends tls.ConnectionOptions {
  readonly port: number
}

/** The common outcome of a client: whose certificate it was shown, or the error that ended it. */
async function outcome(options: Asked): Promise<string> {
  try {
    const socket = await secureClient({ rejectUnauthorized: false, ...options })
    const { subjectaltname = '' } = socket.getPeerCertificate()
    socket.on('error', () => undefined)
    // Its last message is not out yet: whoever goes now has never been there.
    await turns()
    const isEcdsa = socket.getPeerCertificate().asn1Curve !== undefined
    socket.destroy()
    return `${isEcdsa ? 'ecdsa' : 'rsa'} ${subjectaltname}`
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

async function certificate(
  authority: TestAuthority,
  names: string[],
  keyType: 'rsa' | 'ecdsa' = 'ecdsa',
  ocsp: Uint8Array | null = null,
): Promise<CertificateSnapshot> {
  return certificateSnapshot(await authority.issue({ names, keyType }), names, { keyType, ocsp })
}

describe('certificates by name', () => {
  it('are the exact one, the one with a wildcard, or the first', async () => {
    const authority = await testAuthority()
    const certificates = [
      await certificate(authority, ['default.example']),
      await certificate(authority, ['a.example', 'b.example']),
      await certificate(authority, ['*.example']),
    ]
    await using acceptor = await acceptSecure(new TestNet(), await testTls({ certificates }))
    const { port } = acceptor
    const shown = async (servername: string) => await outcome({ port, servername })
    expect(await shown('a.example')).toBe('ecdsa DNS:a.example, DNS:b.example')
    expect(await shown('B.EXAMPLE')).toBe('ecdsa DNS:a.example, DNS:b.example')
    expect(await shown('c.example')).toBe('ecdsa DNS:*.example')
    expect(await shown('deep.c.example')).toBe('ecdsa DNS:default.example')
    expect(await shown('elsewhere.test')).toBe('ecdsa DNS:default.example')
    expect(await shown('')).toBe('ecdsa DNS:default.example')
  })

  it('come with what leads to a root that clients trust', async () => {
    const authority = await testAuthority()
    const below = await (await authority.issueAuthority()).issue({ names: ['below.example'] })
    const certificates = [
      await certificate(authority, ['first.example']),
      certificateSnapshot(below, ['below.example']),
    ]
    await using acceptor = await acceptSecure(new TestNet(), await testTls({ certificates }))
    const socket = await secureClient({ port: acceptor.port, servername: 'below.example' })
    expect(socket.authorized).toBe(true)
    socket.destroy()
  })

  it('are none for unknown names where names are strict: an alert says so', async () => {
    const settings = await testTls({ strictNames: true })
    await using acceptor = await acceptSecure(new TestNet(), settings)
    const { port } = acceptor
    expect(await outcome({ port, servername: 'localhost' })).toContain('localhost')
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      expect(await outcome({ port, servername: 'other.example', maxVersion })).toMatch(/UNRECOGNIZED_NAME/)
      expect(await outcome({ port, servername: '', maxVersion })).toMatch(/UNRECOGNIZED_NAME/)
    }
    expect(acceptor.failures).toEqual(new Array(4).fill('ERR_TLS_UNRECOGNIZED_NAME'))
    expect(acceptor.details[0]).toBe('no certificate is for other.example')
    await waitFor(() => acceptor.listener.connections.size === 0)
  })

  it('may be none at all yet: clients are refused, and nothing else happens', async () => {
    await using acceptor = await acceptSecure(new TestNet(), await testTls({ certificates: [] }))
    expect(await outcome({ port: acceptor.port })).toMatch(/UNRECOGNIZED_NAME/)
  })
})

describe('a plain HTTP request', () => {
  it.each([1, 2])('is told that HTTPS is spoken, with %i certificates side by side', async kinds => {
    const authority = await testAuthority()
    const certificates = [await certificate(authority, ['first.example'])]
    if (kinds === 2) {
      certificates.push(await certificate(authority, ['localhost'], 'rsa'))
      certificates.push(await certificate(authority, ['localhost'], 'ecdsa'))
    }
    await using acceptor = await acceptSecure(new TestNet(), await testTls({ certificates }))
    for (const method of ['GET', 'POST', 'PUT']) {
      using client = await rawClient({ kind: 'tcp', host: '127.0.0.1', port: acceptor.port })
      await client.send(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`)
      const { status, content } = await client.readResponse()
      expect([status, content.toString()]).toEqual([400, 'a plain HTTP request was sent to a port that speaks HTTPS\n'])
      await client.closed
    }
    expect(acceptor.failures).toEqual(new Array(3).fill('ERR_SSL_HTTP_REQUEST'))
    await waitFor(() => acceptor.listener.connections.size === 0)
  })
})

describe('certificates of different kinds for one name', () => {
  it('are chosen by what the client can verify, with the response of the authority that belongs to it', async () => {
    const authority = await testAuthority()
    const names = ['localhost']
    const [ecdsaResponse, rsaResponse] = [Buffer.from('of the first'), Buffer.from('of the second')]
    const certificates = [
      await certificate(authority, names, 'ecdsa', ecdsaResponse),
      await certificate(authority, names, 'rsa', rsaResponse),
    ]
    await using acceptor = await acceptSecure(new TestNet(), await testTls({ certificates }))
    const staple = async (options: tls.ConnectionOptions) => {
      const { certificate: ca } = authority
      const socket = tls.connect({ port: acceptor.port, host: '127.0.0.1', servername: 'localhost', ca, ...options })
      const asked = once(socket, 'OCSPResponse') as Promise<[Buffer | null]>
      await once(socket, 'secureConnect')
      const kind = socket.getPeerCertificate().asn1Curve === undefined ? 'rsa' : 'ecdsa'
      const [response] = await asked
      socket.destroy()
      return [kind, response?.toString() ?? null]
    }
    const RSA = { sigalgs: 'rsa_pss_rsae_sha256' }
    const requestOCSP = true
    expect(await staple({ requestOCSP })).toEqual(['ecdsa', 'of the first'])
    expect(await staple({ requestOCSP, ...RSA })).toEqual(['rsa', 'of the second'])
    // With TLS 1.2 the cipher may decide for either: a wrong response would be worse than none.
    expect((await staple({ requestOCSP, maxVersion: 'TLSv1.2' }))[1]).toBe(null)
    expect(await staple({ requestOCSP, maxVersion: 'TLSv1.2', ...RSA })).toEqual(['rsa', 'of the second'])
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('are there with %s for any name, the first one or another', async v => {
    const authority = await testAuthority()
    const certificates: CertificateSnapshot[] = []
    for (const name of ['first.example', 'second.example']) {
      certificates.push(await certificate(authority, [name], 'rsa', Buffer.from(`rsa of ${name}`)))
      certificates.push(await certificate(authority, [name], 'ecdsa', Buffer.from(`ecdsa of ${name}`)))
    }
    certificates.push(await certificate(authority, ['single.example'], 'ecdsa'))
    await using acceptor = await acceptSecure(new TestNet(), await testTls({ certificates }))
    const shown = async (servername: string, sigalgs: string) =>
      await outcome({ port: acceptor.port, servername, sigalgs, maxVersion: v })
    const [RSA, ECDSA] = ['rsa_pss_rsae_sha256', 'ecdsa_secp256r1_sha256']
    for (const name of ['first.example', 'second.example']) {
      expect(await shown(name, RSA)).toBe(`rsa DNS:${name}`)
      expect(await shown(name, ECDSA)).toBe(`ecdsa DNS:${name}`)
    }
    expect(await shown('single.example', ECDSA)).toBe('ecdsa DNS:single.example')
    expect(await shown('', RSA)).toBe('rsa DNS:first.example')
    // A cipher may leave no choice either.
    const ciphers = 'ECDHE-RSA-AES128-GCM-SHA256'
    if (v === 'TLSv1.2') {
      expect(await outcome({ port: acceptor.port, servername: 'second.example', maxVersion: v, ciphers })).toMatch(
        /^rsa/,
      )
    }
    await using relay = await relayInPieces(acceptor.port, 1)
    expect(await outcome({ port: relay.port, servername: 'second.example', sigalgs: RSA, maxVersion: v })).toMatch(
      /^rsa DNS:second/,
    )
  })

  it('come with no response that was not asked for', async () => {
    const certificates = [await certificate(await testAuthority(), ['localhost'], 'ecdsa', Buffer.from('response'))]
    await using acceptor = await acceptSecure(new TestNet(), await testTls({ certificates }))
    expect(await outcome({ port: acceptor.port })).toBe('ecdsa DNS:localhost')
  })
})

describe('a handshake', () => {
  it('agrees on the version that both sides know', async () => {
    const settings = await testTls({ minVersion: 'TLSv1.3' })
    await using acceptor = await acceptSecure(new TestNet(), settings)
    expect(await outcome({ port: acceptor.port, maxVersion: 'TLSv1.2' })).toMatch(/PROTOCOL_VERSION/)
    expect(await outcome({ port: acceptor.port })).toContain('localhost')
    expect(acceptor.failures).toEqual(['ERR_SSL_UNSUPPORTED_PROTOCOL'])
  })

  it('agrees on the protocol that the listener likes best, and on none without an offer', async () => {
    await using acceptor = await acceptSecure(new TestNet(), await testTls({ alpn: ['h2', 'http/1.1'] }))
    const { port } = acceptor
    const spoken = async (ALPNProtocols?: string[]) => {
      const socket = await secureClient({ port, ...(ALPNProtocols === undefined ? {} : { ALPNProtocols }) })
      await turns()
      socket.destroy()
      return socket.alpnProtocol
    }
    expect(await spoken(['http/1.1', 'h2'])).toBe('h2')
    expect(await spoken(['http/1.1'])).toBe('http/1.1')
    expect(await spoken()).toBe(false)
    expect(acceptor.connections.map(({ tls: { alpn } }) => alpn)).toEqual(['h2', 'http/1.1', ''])
    expect(await outcome({ port, ALPNProtocols: ['spdy/3'] })).toMatch(/NO_APPLICATION_PROTOCOL/)
  })

  it("is not done again at the client's wish", async () => {
    await using acceptor = await acceptSecure(new TestNet(), await testTls())
    const socket = await secureClient({ port: acceptor.port, maxVersion: 'TLSv1.2' })
    const recorder = await waitFor(() => acceptor.recorders[0])
    const closed = once(socket.on('error', () => undefined).resume(), 'close')
    socket.renegotiate({}, () => undefined)
    await closed
    // At once: a refusal for each attempt would be kept for a client that reads none.
    await waitFor(() => recorder.events.length > 0)
    expect(recorder.events).toEqual(['close ERR_SSL_RENEGOTIATION'])
  })

  it('that is not over in time ends with the connection', async () => {
    const testNet = new TestNet()
    await using acceptor = await acceptSecure(testNet, await testTls({ handshakeMs: 1_000 }))
    using silent = await rawClient(acceptor.address)
    using slow = await rawClient(acceptor.address)
    await slow.send(Buffer.from([22, 3, 1]))
    await waitFor(() => acceptor.listener.connections.size === 2)
    await turns()
    testNet.pass(1_200)
    expect(acceptor.failures).toEqual([HANDSHAKE_TIMEOUT, HANDSHAKE_TIMEOUT])
    await Promise.all([silent.closed, slow.closed])
    expect([acceptor.listener.connections.size, acceptor.handshakes.underWay]).toEqual([0, 0])
  })

  it.each([
    ['plain HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), 'ERR_SSL_HTTP_REQUEST'],
    ['garbage', Buffer.alloc(1000, 0xab), /^ERR_SSL_/],
    ['half a message', Buffer.from([22, 3, 1, 2, 0, 1, 0]), 'ECONNRESET'],
    ['nothing', Buffer.alloc(0), 'ECONNRESET'],
  ])('of a client that sends %s and goes ends with its connection alone', async (_, bytes, error) => {
    const testNet = new TestNet()
    await using acceptor = await acceptSecure(testNet, await testTls())
    const socket = net.connect(acceptor.port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.end(bytes)
    await waitFor(() => acceptor.failures.length === 1)
    expect(acceptor.failures[0]).toMatch(error)
    await waitFor(() => acceptor.listener.connections.size === 0)
    expect([acceptor.handshakes.underWay, testNet.faults]).toEqual([0, []])
    expect(await outcome({ port: acceptor.port })).toContain('localhost')
  })

  it('of a client that goes in the middle of it leaves nothing behind', async () => {
    const testNet = new TestNet()
    await using acceptor = await acceptSecure(testNet, await testTls())
    const socket = net.connect(acceptor.port, '127.0.0.1')
    socket.write(await helloOf({ servername: 'localhost' }))
    await once(socket, 'data')
    socket.resetAndDestroy()
    await waitFor(() => acceptor.failures.length === 1)
    await waitFor(() => acceptor.listener.connections.size === 0)
    expect([acceptor.handshakes.underWay, testNet.faults, testNet.wheel.hanging]).toEqual([0, [], 0])
  })
})

describe('an exception of ours', () => {
  it.each(['before the handshake is over', 'when the connection is handed over'])(
    '%s costs that connection alone',
    async when => {
      const testNet = new TestNet()
      await using acceptor = await acceptSecure(testNet, await testTls())
      const failure = new Error('a defect')
      const fail = () => {
        throw failure
      }
      if (when.startsWith('before')) acceptor.tls.check = fail
      else acceptor.onSecure = fail
      const socket = await secureClient({ port: acceptor.port })
      socket.on('error', () => undefined)
      await waitFor(() => testNet.faults.length > 0 && acceptor.listener.connections.size === 0)
      expect([testNet.faults, acceptor.handshakes.underWay]).toEqual([[failure], 0])
      socket.destroy()
    },
  )
})

describe('handshakes at once', () => {
  it('are no more than so many: others wait unread, in order, within the same time', async () => {
    const testNet = new TestNet()
    await using acceptor = await acceptSecure(testNet, await testTls({ handshakesMax: 2, handshakeMs: 5_000 }))
    const idle = [await rawClient(acceptor.address), await rawClient(acceptor.address)]
    await waitFor(() => acceptor.handshakes.underWay === 2)
    testNet.pass(500)
    const waiting = outcome({ port: acceptor.port })
    await waitFor(() => acceptor.handshakes.waiting === 1)
    const late = await rawClient(acceptor.address)
    await waitFor(() => acceptor.handshakes.waiting === 2)
    await turns()
    expect([acceptor.connections.length, acceptor.failures]).toEqual([0, []])
    idle[0]!.close()
    expect(await waiting).toContain('localhost')
    expect([acceptor.handshakes.underWay, acceptor.handshakes.waiting]).toEqual([2, 0])
    testNet.pass(4_700)
    expect(acceptor.failures).toEqual(['ECONNRESET', HANDSHAKE_TIMEOUT])
    testNet.pass(500)
    expect(acceptor.failures.length).toBe(3)
    await late.closed
    for (const client of [...idle, late]) client.close()
  })

  it.each(['that has come before them', 'that comes later'])(
    'that say nothing have to go for one %s, the oldest first, when they have had their time',
    async order => {
      const testNet = new TestNet()
      await using acceptor = await acceptSecure(testNet, await testTls({ handshakesMax: 2, handshakeMs: 5_000 }))
      const idle = [await rawClient(acceptor.address)]
      await waitFor(() => acceptor.handshakes.underWay === 1)
      testNet.pass(500)
      idle.push(await rawClient(acceptor.address))
      await waitFor(() => acceptor.handshakes.underWay === 2)
      const isLater = order === 'that comes later'
      if (isLater) testNet.pass(600)
      const client = outcome({ port: acceptor.port })
      if (!isLater) {
        await waitFor(() => acceptor.handshakes.waiting === 1)
        testNet.pass(600)
      }
      expect(await client).toContain('localhost')
      await idle[0]!.closed
      expect(acceptor.failures).toEqual([HANDSHAKE_CROWDED_OUT])
      expect([acceptor.handshakes.underWay, acceptor.handshakes.waiting]).toEqual([1, 0])
      for (const peer of idle) peer.close()
    },
  )

  it('that wait are passed over where their connections were closed meanwhile', async () => {
    await using acceptor = await acceptSecure(new TestNet(), await testTls({ handshakesMax: 1 }))
    using first = await rawClient(acceptor.address)
    await waitFor(() => acceptor.handshakes.underWay === 1)
    using second = await rawClient(acceptor.address)
    await waitFor(() => acceptor.handshakes.waiting === 1)
    const third = outcome({ port: acceptor.port })
    await waitFor(() => acceptor.handshakes.waiting === 2)
    ;[...acceptor.listener.connections][1]!.destroy()
    await second.closed
    first.close()
    expect(await third).toContain('localhost')
    expect(acceptor.failures).toEqual(['ECONNRESET'])
    expect([acceptor.handshakes.underWay, acceptor.handshakes.waiting]).toEqual([0, 0])
  })

  it('that wait too long end unread', async () => {
    const testNet = new TestNet()
    await using acceptor = await acceptSecure(testNet, await testTls({ handshakesMax: 1, handshakeMs: 800 }))
    using first = await rawClient(acceptor.address)
    using second = await rawClient(acceptor.address)
    await waitFor(() => acceptor.handshakes.waiting === 1)
    testNet.pass(950)
    await Promise.all([first.closed, second.closed])
    expect(acceptor.failures).toEqual([HANDSHAKE_TIMEOUT, HANDSHAKE_TIMEOUT])
    expect([acceptor.handshakes.underWay, acceptor.handshakes.waiting]).toEqual([0, 0])
  })
})

describe("a client's certificate", () => {
  const verified = async (acceptor: SecureAcceptor, options: tls.ConnectionOptions) => {
    const before = acceptor.failures.length + acceptor.connections.length
    const socket = tls.connect({ port: acceptor.port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
    socket.on('error', () => undefined)
    await waitFor(() => acceptor.failures.length + acceptor.connections.length > before)
    socket.destroy()
    if (acceptor.failures.length > 0) return acceptor.failures.splice(0)[0]
    return acceptor.connections.splice(0)[0]?.tls.clientCertificate?.subject ?? 'nobody'
  }

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('with %s is asked for, and verified', async maxVersion => {
    const authority = await testAuthority()
    const alice = await authority.issueClient('Alice')
    const gone = await authority.issueClient('Gone')
    const old = await authority.issueClient('Old', { notBefore: new Date(0), notAfter: new Date(1e12) })
    const mallory = await selfSigned({ commonName: 'Mallory' })
    const clientAuth = { ca: authority.certificate, crl: await authority.revoke(gone.certificate) }
    const of = ({ chain, key }: { chain: string; key: string }) => ({ cert: chain, key, maxVersion })
    for (const mode of ['request', 'require'] as const) {
      await using acceptor = await acceptSecure(new TestNet(), await testTls({ clientAuth: { ...clientAuth, mode } }))
      expect(await verified(acceptor, of(alice))).toBe('CN=Alice')
      expect(await verified(acceptor, of(gone))).toBe('CERT_REVOKED')
      expect(await verified(acceptor, of(old))).toBe('CERT_HAS_EXPIRED')
      expect(await verified(acceptor, of(mallory))).toMatch(/SELF_SIGNED|CRL/)
      const none = await verified(acceptor, { maxVersion })
      expect(none).toBe(mode === 'request' ? 'nobody' : 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE')
    }
  })

  it('is neither asked for nor told where nobody wants it', async () => {
    const alice = await (await testAuthority()).issueClient('Alice')
    await using acceptor = await acceptSecure(new TestNet(), await testTls())
    expect(await verified(acceptor, { cert: alice.chain, key: alice.key })).toBe('nobody')
  })
})

describe('an authority that finds out whether a name leads here', () => {
  it('is shown the certificate that it asks for, and nobody else', async () => {
    const answer = await selfSigned({ names: ['new.example'] })
    await using acceptor = await acceptSecure(new TestNet(), await testTls())
    acceptor.challenges = new Map([['new.example', { chain: answer.chain, key: answer.key }]])
    const { port } = acceptor
    const socket = await secureClient({
      port,
      servername: 'NEW.example',
      ALPNProtocols: ['acme-tls/1'],
      rejectUnauthorized: false,
    })
    expect([socket.alpnProtocol, socket.getPeerCertificate().subjectaltname]).toEqual(['acme-tls/1', 'DNS:new.example'])
    await once(socket.resume(), 'end')
    expect(await outcome({ port, servername: 'new.example', ALPNProtocols: ['http/1.1'] })).toContain('localhost')
    expect(await outcome({ port, servername: 'other.example', ALPNProtocols: ['acme-tls/1'] })).toMatch(/PROTOCOL/)
    expect(acceptor.connections.length).toBe(1)
    acceptor.challenges = null
    expect(await outcome({ port, servername: 'new.example', ALPNProtocols: ['acme-tls/1'] })).toMatch(/PROTOCOL/)
    await waitFor(() => acceptor.handshakes.underWay === 0)
  })
})

describe('sessions', () => {
  /** The client's session is resumed, and the ticket that it has then. */
  const visit = async (port: number, session: Buffer | undefined, maxVersion: 'TLSv1.2' | 'TLSv1.3') => {
    const tickets: Buffer[] = []
    const more = session === undefined ? {} : { session }
    const { certificate: ca } = await testAuthority()
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca, maxVersion, ...more })
    socket.on('session', (ticket: Buffer) => tickets.push(ticket))
    await once(socket, 'secureConnect')
    await waitFor(() => tickets.length > 0 || maxVersion === 'TLSv1.2')
    const resumed = socket.isSessionReused()
    await turns()
    const ticket = tickets.at(-1) ?? socket.getSession()
    socket.destroy()
    return { resumed, ticket: ticket as Buffer }
  }

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('with %s are resumed by tickets, as long as their key is known', async v => {
    await using one = await acceptSecure(new TestNet(), await testTls())
    await using other = await acceptSecure(new TestNet(), await testTls())
    const [first, second, third] = [1, 2, 3].map(seed => Buffer.alloc(48, seed)) as [Buffer, Buffer, Buffer]
    const { ticket } = await visit(one.port, undefined, v)
    expect((await visit(one.port, ticket, v)).resumed).toBe(true)
    expect((await visit(other.port, ticket, v)).resumed).toBe(true)
    for (const acceptor of [one, other]) acceptor.ticketKeys.set([second, first])
    const renewed = await visit(other.port, ticket, v)
    expect(renewed.resumed).toBe(true)
    for (const acceptor of [one, other]) acceptor.ticketKeys.set([third, second])
    expect((await visit(one.port, ticket, v)).resumed).toBe(false)
    expect((await visit(one.port, renewed.ticket, v)).resumed).toBe(true)
    expect(one.connections.at(-1)!.tls.resumed).toBe(true)
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('with %s have no tickets as long as there is no key', async v => {
    await using acceptor = await acceptSecure(new TestNet(), await testTls())
    acceptor.ticketKeys.set([])
    const socket = await secureClient({ port: acceptor.port, maxVersion: v })
    socket.on('session', () => expect.unreachable())
    socket.write('x')
    await waitFor(() => acceptor.recorders[0]?.text === 'x')
    await turns(5)
    socket.destroy()
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('with %s are not resumed without tickets', async v => {
    await using acceptor = await acceptSecure(new TestNet(), await testTls({ tickets: false }))
    const socket = await secureClient({ port: acceptor.port, maxVersion: v })
    socket.write('x')
    await waitFor(() => acceptor.recorders[0]?.text === 'x')
    await turns(5)
    const session = socket.getSession()
    socket.destroy()
    expect(
      (await secureClient({ port: acceptor.port, maxVersion: v, ...(session ? { session } : {}) })).isSessionReused(),
    ).toBe(false)
  })

  it("keep the client's certificate, and end with the terms for it", async () => {
    const authority = await testAuthority()
    const { chain, key, certificate: leaf } = await authority.issueClient('Alice')
    const clientAuth = { mode: 'require', ca: authority.certificate } as const
    await using acceptor = await acceptSecure(new TestNet(), await testTls({ clientAuth }))
    const connect = async (session?: Buffer) => {
      const before = acceptor.connections.length
      const more = session === undefined ? {} : { session }
      const socket = tls.connect({
        port: acceptor.port,
        host: '127.0.0.1',
        cert: chain,
        key,
        rejectUnauthorized: false,
        ...more,
      })
      socket.on('error', () => undefined)
      const ticket = once(socket, 'session') as Promise<[Buffer]>
      await waitFor(() => acceptor.connections.length > before || acceptor.failures.length > 0)
      const { resumed, clientCertificate } = acceptor.connections.at(-1)!.tls
      const outcome = { resumed, subject: clientCertificate?.subject, ticket: (await ticket)[0] }
      socket.destroy()
      return outcome
    }
    const first = await connect()
    expect(await connect(first.ticket)).toMatchObject({ resumed: true, subject: 'CN=Alice' })
    const crl = await authority.revoke((await authority.issueClient('Somebody else')).certificate)
    acceptor.tls = acceptor.open(await testTls({ clientAuth: { ...clientAuth, crl } }))
    expect(await connect(first.ticket)).toMatchObject({ resumed: false, subject: 'CN=Alice' })
    expect(leaf).toContain('BEGIN CERTIFICATE')
  })
})

describe('another configuration', () => {
  it('counts for handshakes that come, keeps what it has not changed, and leaves connections alone', async () => {
    const authority = await testAuthority()
    const [kept, before, after] = [
      await certificate(authority, ['kept.example']),
      await certificate(authority, ['changed.example']),
      await certificate(authority, ['changed.example', 'more.example']),
    ]
    const net = new TestNet()
    await using acceptor = await acceptSecure(net, await testTls({ certificates: [kept, before] }))
    const { port } = acceptor
    const old = await secureClient({ port, servername: 'changed.example' })
    const { base } = acceptor.tls
    acceptor.tls = acceptor.open(await testTls({ certificates: [kept, after] }))
    expect(acceptor.tls.base).toBe(base)
    expect(await outcome({ port, servername: 'changed.example' })).toContain('more.example')
    old.write('still here')
    await waitFor(() => acceptor.recorders[0]!.text === 'still here')
    old.destroy()
  })

  it('that OpenSSL can make nothing of is refused', async () => {
    const good = await certificate(await testAuthority(), ['localhost'])
    const other = await certificate(await testAuthority(), ['localhost'])
    await using acceptor = await acceptSecure(new TestNet(), await testTls())
    for (const bad of [
      { ...good, chain: 'nonsense' },
      { ...good, key: 'nonsense' },
      { ...good, key: other.key },
    ]) {
      const settings = await testTls({ certificates: [bad] })
      expect(() => acceptor.open(settings)).toThrow()
    }
    const settings = await testTls({ ciphers: 'NONSENSE' })
    expect(() => acceptor.open(settings)).toThrow(/cipher/i)
  })
})

describe("OpenSSL's own client", () => {
  it('comes to terms, with a key exchange that is safe from quantum computers or without', async () => {
    await using acceptor = await acceptSecure(new TestNet(), await testTls())
    const said = await new Promise<string>(resolve => {
      const target = `127.0.0.1:${acceptor.port}`
      const child = execFile(
        'openssl',
        ['s_client', '-connect', target, '-servername', 'localhost', '-brief'],
        (_, out, err) => resolve(out + err),
      )
      child.stdin?.end()
    })
    expect(said).toMatch(/Protocol version: TLSv1.3/)
  })
})
