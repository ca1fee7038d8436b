import { describe, expect, it } from 'vitest'
import type { AcmeStatus } from '../../../src/certificates/acme/issuer.ts'
import type { CertificateReport, CertificateStatus } from '../../../src/certificates/service.ts'
import { certificateRows, certificateTroubles } from '../../../src/cli/certificates-text.ts'

const CERTIFICATE: CertificateStatus = {
  listener: 'web',
  upstream: '',
  source: 'file',
  file: '/etc/certs/web.pem',
  names: ['a.test', 'b.test', 'c.test', 'd.test', 'e.test'],
  subject: 'CN=a.test',
  issuer: 'Test authority',
  keyType: 'ecdsa',
  keyBits: 0,
  notBeforeMs: 0,
  notAfterMs: Date.UTC(2030, 1, 3),
  serialNumber: '01',
  fingerprint: 'ab',
  isSelfSigned: false,
  daysLeft: 60,
}

const ACME: AcmeStatus = {
  hosts: ['x.test'],
  directory: 'https://acme.test/',
  challenge: 'http-01',
  state: 'none',
  isOrdering: false,
  nextAtMs: Date.UTC(2030, 0, 1),
  failures: 1,
  error: 'x.test was not proved by http-01: 404',
}

function report(given: Partial<CertificateReport>): CertificateReport {
  return { certificates: [], problems: [], acme: [], ...given }
}

describe('what status says of certificates', () => {
  it('is a row for each, with some of its names, who issued it, how long it lasts, and where it is from', () => {
    expect(certificateRows(report({ certificates: [CERTIFICATE] }))).toEqual([
      [
        '  web',
        'a.test, b.test, c.test, 2 more',
        'Test authority',
        '2030-02-03',
        ['60 days', 'green'],
        'ecdsa',
        '/etc/certs/web.pem',
      ],
    ])
  })

  it('shows what ends soon, what has ended, and what is for an upstream', () => {
    const soon = { ...CERTIFICATE, daysLeft: 1, isSelfSigned: true, source: 'acme' } as const
    const over = {
      ...CERTIFICATE,
      listener: '',
      upstream: 'api',
      daysLeft: -1,
      names: [],
      source: 'text',
      file: '',
    } as const
    const rows = certificateRows(report({ certificates: [soon, over] }))
    expect(rows.map(([place, names, issuer, , left, , source]) => [place, names, issuer, left, source])).toEqual([
      ['  web', 'a.test, b.test, c.test, 2 more', 'itself', ['1 day', 'yellow'], 'acme'],
      ['  to api', 'no name', 'Test authority', ['ended', 'red'], 'in the configuration'],
    ])
  })

  it('has a row for what is yet to be issued, and a line for why it was not', () => {
    const ordering = { ...ACME, isOrdering: true, nextAtMs: 0, error: '' }
    const rows = certificateRows(report({ acme: [ACME, ordering, { ...ACME, state: 'valid' }] }))
    expect(rows.map(row => row[3])).toEqual([
      ['not issued', 'red'],
      ['being issued', 'yellow'],
    ])
    expect(
      certificateTroubles(report({ acme: [ACME], problems: ['listener web: certificate /a.pem: it is empty'] })),
    ).toEqual([
      'listener web: certificate /a.pem: it is empty; what was there before goes on',
      'certificate for x.test: x.test was not proved by http-01: 404; tried again at 2030-01-01T00:00:00.000Z',
    ])
  })
})
