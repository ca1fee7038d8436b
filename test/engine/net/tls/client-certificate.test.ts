import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ClientCertificate, readSubjectNames } from '../../../../engine/net/tls/client-certificate.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { TestNet } from '../sockets.ts'
import { acceptSecure, secureClient, testAuthority, testTls } from './secure-peers.ts'

describe('subject alternative names', () => {
  it.each([
    ['', [], [], [], []],
    ['DNS:a.example', ['a.example'], [], [], []],
    [
      'DNS:a.example, URI:spiffe://x/y, email:a@b.example, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
      ['a.example'],
      ['spiffe://x/y'],
      ['a@b.example'],
      ['127.0.0.1', '0:0:0:0:0:0:0:1'],
    ],
    ['URI:"http://x/?a, DNS:evil.example"', [], ['http://x/?a, DNS:evil.example'], [], []],
    ['DNS:"quoted\\"\\u002c", DNS:b', ['quoted",', 'b'], [], [], []],
    ['othername:<unsupported>, DNS:c', ['c'], [], [], []],
  ])('are read from %j', (text, dns, uris, emails, ips) => {
    expect(readSubjectNames(text)).toEqual({ dns, uris, emails, ips })
  })
})

describe("a client's certificate", () => {
  it('says who it is for, once it was verified', async () => {
    const net = new TestNet()
    const authority = await testAuthority()
    const settings = await testTls({ clientAuth: { mode: 'require', ca: authority.certificate } })
    await using acceptor = await acceptSecure(net, settings)
    const { chain, key } = await authority.issueClient('Alice', { names: ['alice.example', '10.0.0.1'] })
    const socket = await secureClient({ port: acceptor.port, cert: chain, key })
    const connection = await waitFor(() => acceptor.connections[0])
    const certificate = connection.tls.clientCertificate as ClientCertificate
    const known = new X509Certificate(chain)
    expect(certificate).toBeInstanceOf(ClientCertificate)
    expect(certificate.subject).toBe('CN=Alice')
    expect(certificate.issuer).toContain('CN=Test authority')
    expect(certificate.serial).toBe(known.serialNumber)
    expect(certificate.fingerprint).toBe(known.fingerprint256.replaceAll(':', '').toLowerCase())
    expect([certificate.dnsNames, certificate.ips]).toEqual([['alice.example'], ['10.0.0.1']])
    expect([certificate.uris, certificate.emails]).toEqual([[], []])
    expect(certificate.raw.equals(known.raw)).toBe(true)
    expect(new X509Certificate(certificate.pem).raw.equals(known.raw)).toBe(true)
    expect(Date.parse(certificate.notAfter)).toBe(Date.parse(known.validTo))
    socket.destroy()
  })
})
