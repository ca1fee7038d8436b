import { describe, expect, it } from 'vitest'
import { DAY_MS, daysUntil, ExpiryWarnings } from '../../../src/certificates/expiry.ts'
import type { PlacedCertificate } from '../../../src/certificates/fill-in.ts'

const END_MS = Date.UTC(2030, 0, 1)

function certificate(lifeDays: number, renewBeforeDays = 0, fingerprint = 'a'): PlacedCertificate {
  return {
    place: { side: 'listener', name: 'web', index: 0 },
    source: renewBeforeDays === 0 ? 'file' : 'acme',
    file: '/certs/web.pem',
    renewBeforeMs: renewBeforeDays * DAY_MS,
    facts: {
      names: ['example.com'],
      subject: '',
      issuer: '',
      keyType: 'ecdsa',
      keyBits: 0,
      notBeforeMs: END_MS - lifeDays * DAY_MS,
      notAfterMs: END_MS,
      serialNumber: '1',
      fingerprint,
      isSelfSigned: false,
    },
  }
}

/** Days before the end at which something was told, looking every hour of the last 100 days. */
function toldAt(one: PlacedCertificate): number[] {
  const warnings = new ExpiryWarnings()
  const told: number[] = []
  for (let atMs = END_MS - 100 * DAY_MS; atMs <= END_MS + DAY_MS; atMs += DAY_MS / 24) {
    for (const { isOver } of warnings.due([one], atMs)) told.push(isOver ? 0 : Math.round((END_MS - atMs) / DAY_MS))
  }
  return told
}

describe('the end of a certificate', () => {
  it('is warned of 30, 14, 7, 3 and 1 days before, and when it is there, once each', () => {
    expect(toldAt(certificate(365))).toEqual([30, 14, 7, 3, 1, 0])
  })

  it('is warned of in the last third of a short life only', () => {
    expect(toldAt(certificate(10))).toEqual([3, 1, 0])
    expect(toldAt(certificate(1))).toEqual([0])
  })

  it('is warned of where the certificate is renewed here, once that should have come long ago', () => {
    expect(toldAt(certificate(90, 30))).toEqual([14, 7, 3, 1, 0])
  })

  it('is told at once by what is nearest, and never again by what is farther', () => {
    const warnings = new ExpiryWarnings()
    const [told] = warnings.due([certificate(365)], END_MS - 5.5 * DAY_MS)
    expect(told).toMatchObject({ isOver: false, daysLeft: 5 })
    expect(warnings.due([certificate(365)], END_MS - 5.4 * DAY_MS)).toEqual([])
  })

  it('is told again of another certificate in its place', () => {
    const warnings = new ExpiryWarnings()
    const nowMs = END_MS - 2 * DAY_MS
    expect(warnings.due([certificate(365)], nowMs)).toHaveLength(1)
    expect(warnings.due([certificate(365, 0, 'b')], nowMs)).toHaveLength(1)
    expect(warnings.due([certificate(365)], nowMs)).toHaveLength(1)
  })

  it('is counted in whole days', () => {
    expect([2.9, 0.5, -0.5].map(days => daysUntil(END_MS, END_MS - days * DAY_MS))).toEqual([2, 0, -1])
  })
})
