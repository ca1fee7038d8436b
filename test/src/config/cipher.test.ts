import { getCiphers } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { DEFAULT_CIPHERS, DEFAULT_CURVES, isWeakCipher, parseCiphers, parseCurves } from '../../../src/config/cipher.ts'

const outcome = <T>(parsed: { readonly ok: boolean; readonly value?: T }) => (parsed.ok ? parsed.value : null)

describe('cipher suites', () => {
  test('of the default are all there, and strong', () => {
    for (const cipher of DEFAULT_CIPHERS) expect(outcome(parseCiphers(cipher))).toEqual([cipher])
    expect(DEFAULT_CIPHERS.filter(isWeakCipher)).toEqual([])
  })

  test('may be several, in any case', () => {
    expect(outcome(parseCiphers('tls_aes_128_gcm_sha256:ECDHE-RSA-AES128-GCM-SHA256'))).toEqual([
      'TLS_AES_128_GCM_SHA256',
      'ECDHE-RSA-AES128-GCM-SHA256',
    ])
  })

  test.each(['', 'HIGH', '!aNULL', '@SECLEVEL=0', 'PSK-AES128-CBC-SHA', 'SRP-AES-128-CBC-SHA', 'NULL-SHA', 'RC4-SHA'])(
    'are refused where OpenSSL would leave them out, or could not use them: %j',
    text => {
      expect(parseCiphers(text)).toMatchObject({ ok: false, code: 'unknown-cipher' })
      expect(parseCiphers(`TLS_AES_128_GCM_SHA256:${text}`).ok).toBe(false)
    },
  )

  test('without forward secrecy or authenticated encryption are weak', () => {
    const weak = getCiphers()
      .map(name => name.toUpperCase())
      .filter(name => parseCiphers(name).ok && isWeakCipher(name))
    expect(weak).toContain('AES128-GCM-SHA256')
    expect(weak).toContain('ECDHE-RSA-AES128-SHA')
    expect(weak.filter(name => /^TLS_|ECDHE.*(GCM|POLY)/.test(name))).toEqual([])
  })
})

describe('groups for the key exchange', () => {
  test('of the default are all there', () => {
    expect(outcome(parseCurves(DEFAULT_CURVES.join(':')))).toEqual(DEFAULT_CURVES)
  })

  test.each(['', 'P-999', 'auto:x', 'X25519:'])('are refused where there is no such group: %j', text => {
    expect(parseCurves(text).ok).toBe(false)
  })
})
