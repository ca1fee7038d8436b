import { describe, expect, test } from 'vitest'
import {
  CERTIFICATE_READERS,
  type ClientCertificate,
  clientCertificateElement,
} from '../../../engine/http/client-tls.ts'

const ALICE: ClientCertificate = {
  subject: 'CN=alice,O=Example',
  issuer: 'CN=Authority',
  serial: '0A',
  fingerprint: 'ab'.repeat(32),
  dnsNames: ['alice.example.com', 'a.example.com'],
  uris: ['spiffe://example.com/alice'],
  emails: ['alice@example.com'],
  ips: ['192.0.2.1'],
}

describe('X-Forwarded-Client-Cert', () => {
  test('says the hash, the subject, URIs and host names, as Envoy does', () => {
    expect(clientCertificateElement(ALICE)).toBe(
      `Hash=${'ab'.repeat(32)};Subject="CN=alice,O=Example";URI=spiffe://example.com/alice;DNS=alice.example.com;DNS=a.example.com`,
    )
  })

  test('lets nobody end a value or the line', () => {
    const forged = {
      ...ALICE,
      subject: 'CN=a";Hash=00\\,O=x\r\nX-Admin: 1',
      uris: ['urn:a,b;c'],
      dnsNames: ['a"b', 'x y'],
    }
    expect(clientCertificateElement(forged)).toBe(
      `Hash=${'ab'.repeat(32)};Subject="CN=a\\";Hash=00\\\\,O=x  X-Admin: 1";URI="urn:a,b;c";DNS="a\\"b";DNS="x y"`,
    )
  })

  test('has letters as UTF-8, a character for each byte', () => {
    const element = clientCertificateElement({ ...ALICE, subject: 'CN=Jürgen €' })
    expect(Buffer.from(element, 'latin1').toString('utf8')).toContain('Subject="CN=Jürgen €"')
  })
})

test('all alternative names are there to be asked for', () => {
  expect(CERTIFICATE_READERS.san(ALICE)).toEqual([
    ...['alice.example.com', 'a.example.com', 'spiffe://example.com/alice', 'alice@example.com', '192.0.2.1'],
  ])
})
