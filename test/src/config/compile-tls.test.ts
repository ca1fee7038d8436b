import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { compileSnapshot } from '../../../src/config/compile.ts'
import { effectiveConfiguration } from '../../../src/config/effective.ts'
import { ConfigurationError } from '../../../src/config/errors.ts'
import { type Configuration, parseConfiguration } from '../../../src/config/load.ts'
import { configurationSchema } from '../../../src/config/schema.ts'
import { readText } from '../../../src/config/sources/read.ts'
import { closeKeys, goldenFolder } from '../../support/certificate-files.ts'

const FILE = join(goldenFolder, 'sluice.yaml')
const CERTIFICATES = 'certificates: [{ cert: certs/good.crt, key: certs/good.key }]'

beforeAll(closeKeys)

function parsed(text: string): Configuration {
  return parseConfiguration(text, FILE)
}

function listener(keys: string) {
  const [first] = parsed(`listeners: { web: { address: ":8443", ${keys} } }`).snapshot.listeners
  return first
}

function tls(keys = '') {
  return listener(`tls: { ${CERTIFICATES}${keys === '' ? '' : `, ${keys}`} }`)?.tls
}

function upstream(keys: string) {
  const text = `listeners: { web: { address: ":1" } }\nroutes: [{ upstream: api }]\nupstreams: { api: { endpoints: [{ address: "a:1" }], ${keys} } }`
  return parsed(text).snapshot.upstreams[0]
}

describe('TLS of a listener', () => {
  test('has the intermediate profile, both protocols, tickets, and what is in the files', () => {
    expect(tls()).toMatchObject({
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      curves: 'X25519MLKEM768:X25519:prime256v1:secp384r1',
      alpn: ['h2', 'http/1.1'],
      clientAuth: { mode: 'none', ca: '', crl: '', forward: 'none' },
      handshakeMs: 10_000,
      handshakesMax: 1000,
      tickets: true,
      strictNames: false,
    })
    const [certificate] = tls()?.certificates ?? []
    expect(certificate).toMatchObject({ names: ['www.example.com', '*.example.com'], keyType: 'ecdsa', ocsp: null })
    expect(certificate?.chain).toMatch(/^-----BEGIN CERTIFICATE-----/)
    expect(certificate?.key).toMatch(/^-----BEGIN PRIVATE KEY-----/)
  })

  test('offers HTTP/1.1 alone where HTTP/2 is switched off', () => {
    const web = listener(`http2: false, tls: { ${CERTIFICATES} }`)
    expect(web).toMatchObject({ http2: null, tls: { alpn: ['http/1.1'] } })
    expect(listener('http2: true')?.http2).toEqual(listener('http2: {}')?.http2)
  })

  test('has suites of the version that none is named for as by default', () => {
    const named = tls('ciphers: [ECDHE-ECDSA-AES128-GCM-SHA256, ECDHE-ECDSA-AES128-GCM-SHA256]')?.ciphers.split(':')
    expect(named).toEqual([
      ...['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
      'ECDHE-ECDSA-AES128-GCM-SHA256',
    ])
    expect(tls('ciphers: TLS_AES_256_GCM_SHA384')?.ciphers).toMatch(/^TLS_AES_256_GCM_SHA384:ECDHE-ECDSA-AES128/)
  })

  test('asks clients for certificates with the authorities of a file', () => {
    const { clientAuth } = tls('client_auth: { ca: certs/ca.crt, crl: certs/ca.crl, forward: append }') ?? {}
    expect(clientAuth).toMatchObject({ mode: 'require', forward: 'append' })
    expect(clientAuth?.ca).toContain('BEGIN CERTIFICATE')
    expect(clientAuth?.crl).toContain('BEGIN X509 CRL')
  })

  test.each([
    ['true', 'max-age=31536000'],
    ['{ max_age: 90s, include_subdomains: true }', 'max-age=90; includeSubDomains'],
    ['{ include_subdomains: true, preload: true }', 'max-age=31536000; includeSubDomains; preload'],
    ['{ max_age: 0s }', 'max-age=0'],
    ['false', ''],
  ])('tells browsers to come by https: %s', (written, value) => {
    expect(listener(`tls: { ${CERTIFICATES}, hsts: ${written} }`)?.strictTransportSecurity).toBe(value)
  })

  test('takes PEM itself in place of files, and a key beside its certificate', () => {
    const whole = parsed('listeners: { web: { address: ":1", tls: { certificates: [{ cert: certs/whole.pem }] } } }')
    const inline = parseConfiguration(
      stringify({
        listeners: {
          web: {
            address: ':1',
            tls: {
              certificates: whole.snapshot.listeners[0]?.tls?.certificates.map(({ chain, key }) => ({
                cert: chain,
                key,
              })),
            },
          },
        },
      }),
      'elsewhere.yaml',
    )
    expect(inline.snapshot).toEqual(whole.snapshot)
    expect(inline.tls.listeners[0]?.certificates[0]?.key).toContain('BEGIN PRIVATE KEY')
  })
})

describe('certificates that are issued', () => {
  test('have their store and defaults, and no certificate yet', () => {
    const acme = 'acme: { hosts: [WWW.example.com, www.example.com], store: acme, terms_agreed: true }'
    const { snapshot, tls: files } = parsed(`listeners: { web: { address: ":1", tls: { ${acme} } } }`)
    expect(snapshot.listeners[0]?.tls?.certificates).toEqual([])
    expect(files.listeners[0]?.acme).toEqual({
      directory: 'https://acme-v02.api.letsencrypt.org/directory',
      email: '',
      hosts: ['www.example.com'],
      challenge: 'http-01',
      store: join(goldenFolder, 'acme'),
      renewBeforeMs: 30 * 24 * 3_600_000,
      keyType: 'ecdsa',
      ca: '',
      externalAccount: null,
    })
  })
})

describe('a redirect to https', () => {
  const ports = (listeners: string) =>
    parsed(`listeners: { ${listeners} }`).snapshot.listeners.map(one => [
      one.redirectToHttpsPort,
      one.redirectToHttpsStatus,
    ])
  const secure = (name: string, address: string) => `${name}: { address: "${address}", tls: { ${CERTIFICATES} } }`

  test('goes to the listener with TLS: the one of the same host, or the one at the usual port, or the first', () => {
    const plain = 'plain: { address: "10.0.0.1:80", redirect_to_https: true }'
    expect(ports(`${plain}, ${secure('a', ':8443')}, ${secure('b', ':9443')}`)[0]).toEqual([8443, 308])
    expect(ports(`${plain}, ${secure('a', ':8443')}, ${secure('b', ':443')}`)[0]).toEqual([443, 308])
    expect(ports(`${plain}, ${secure('a', '10.0.0.2:443')}, ${secure('b', '10.0.0.1:9443')}`)[0]).toEqual([9443, 308])
  })

  test('goes where it is told to, with the status that it is told', () => {
    expect(ports('plain: { address: ":80", redirect_to_https: { port: 444, status: 301 } }')).toEqual([[444, 301]])
    expect(ports('plain: { address: ":80", redirect_to_https: false }')).toEqual([[0, 0]])
  })
})

describe('TLS to an upstream', () => {
  test('verifies, and takes sessions up again, unless it says otherwise', () => {
    expect(upstream('tls: true')).toMatchObject({
      protocol: 'http',
      tls: { serverName: '', ca: '', crl: '', verify: true, pins: [], chain: '', key: '', resumes: true },
    })
    expect(upstream('tls: false')?.tls).toBe(null)
    const keys =
      'protocol: auto, tls: { server_name: API.internal, ca: certs/ca.crt, cert: certs/whole.pem, session_reuse: false, max_version: TLSv1.2, pins: sha256/ogtcGg0FSFDrwFGIJC7f4kF2D48Zf4dtEsdu3hZsJKo= }'
    const { protocol, tls: own } = upstream(keys) ?? {}
    expect(protocol).toBe('auto')
    expect(own).toMatchObject({
      serverName: 'api.internal',
      resumes: false,
      maxVersion: 'TLSv1.2',
      pins: ['ogtcGg0FSFDrwFGIJC7f4kF2D48Zf4dtEsdu3hZsJKo='],
    })
    expect([own?.ca, own?.chain]).toEqual([
      expect.stringContaining('CERTIFICATE'),
      expect.stringContaining('CERTIFICATE'),
    ])
    expect(own?.key).toContain('PRIVATE KEY')
  })

  test.each([
    ['', 'http', 'http', true],
    ['tls: true', 'https', 'http', true],
    ['tls: { verify: false, pins: sha256/ogtcGg0FSFDrwFGIJC7f4kF2D48Zf4dtEsdu3hZsJKo= }', 'https', 'http', false],
    ['tls: true, protocol: h2', 'https', 'h2', true],
    ['tls: true, protocol: auto', 'https', 'auto', true],
    ['protocol: h2c', 'http', 'h2c', true],
  ])('active checks do as requests do: %s', (keys, type, protocol, verify) => {
    const active = upstream(`health: { active: {} }${keys === '' ? '' : `, ${keys}`}`)?.active
    expect(active).toMatchObject({ type, protocol, verify })
  })

  test('active checks may say otherwise', () => {
    const active = upstream('tls: true, protocol: h2, health: { active: { type: http, port: 8080 } }')?.active
    expect(active).toMatchObject({ type: 'http', protocol: 'http' })
    const plain = upstream('protocol: h2c, health: { active: { type: https, protocol: h2, tls: { verify: false } } }')
    expect(plain?.active).toMatchObject({ type: 'https', protocol: 'h2', verify: false })
  })

  test('HTTP/2 has smaller windows at first where they may not grow as far', () => {
    expect(upstream('protocol: h2c, http2: { window_max: 64KiB, streams: 7 }')?.http2).toMatchObject({
      streamsMax: 7,
      streamWindowBytes: 65_536,
      connectionWindowBytes: 65_536,
      windowBytesMax: 65_536,
    })
  })
})

test('conditions on certificates become one for each of their parts', () => {
  const hash = 'AB:'.repeat(32).slice(0, -1)
  const text = `listeners: { web: { address: ":1" } }
routes:
  - match:
      scheme: https
      client_cert: { present: true, subject: CN=Jürgen, san: { suffix: .example.com }, fingerprint: ["${hash}", "${'0'.repeat(64)}"] }
    respond: {}`
  const { data } = configurationSchema.safeParse(readText(text, 'a.yaml').value)
  if (data === undefined) throw new Error('the schema refuses it')
  const fingerprint = (digits: string) =>
    ({ kind: 'client_cert', part: 'fingerprint', test: { kind: 'exact', text: digits } }) as const
  expect(compileSnapshot(data, 1).routes[0]?.match.conditions).toEqual([
    { kind: 'scheme', scheme: 'https' },
    { kind: 'client_cert', part: 'fingerprint', test: { kind: 'present' } },
    { kind: 'any', conditions: [fingerprint('ab'.repeat(32)), fingerprint('0'.repeat(64))] },
    { kind: 'client_cert', part: 'subject', test: { kind: 'exact', text: 'CN=JÃ¼rgen' } },
    { kind: 'client_cert', part: 'san', test: { kind: 'suffix', text: '.example.com' } },
  ])
})

describe('what nobody is to see', () => {
  const secret =
    '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----\n'
  const withKey = (key: string, passphrase = 'correct-horse') =>
    stringify({
      listeners: { web: { address: ':1', tls: { certificates: [{ cert: 'certs/good.crt', key, passphrase }] } } },
    })

  test('keys and passphrases are not in what is told of a mistake', () => {
    expect.hasAssertions()
    for (const text of [withKey(secret), withKey(secret.slice(30)), withKey('certs/encrypted.key', 'battery-staple')]) {
      try {
        parsed(text)
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigurationError)
        expect(String(error)).not.toMatch(/MIGHAgEA|battery|BEGIN PRIVATE/)
      }
    }
  })

  test('keys and passphrases are masked where a configuration is shown, and searched for elsewhere', () => {
    const { snapshot, secrets } = parsed(withKey('certs/encrypted.key'))
    expect(secrets).toContain('correct-horse')
    const key = snapshot.listeners[0]?.tls?.certificates[0]?.key ?? ''
    const text = withKey(key)
    expect(parsed(text).secrets).toContain(key)
    const shown = stringify(effectiveConfiguration(readText(text, FILE), goldenFolder))
    expect(shown).not.toMatch(/PRIVATE KEY|correct-horse/)
    expect(shown).toMatch(/key: "\*\*\*"\n\s+passphrase: "\*\*\*"/)
  })
})

test.each([
  `tls: { ${CERTIFICATES}, min_version: TLSv1.3, alpn: [http/1.1], client_auth: { mode: none } }`,
  `tls: { ${CERTIFICATES}, max_version: TLSv1.2, hsts: true, client_auth: { ca: certs/ca.crt } }, http2: { window_max: 64KiB }`,
  `tls: { acme: { hosts: [www.example.com], store: acme, terms_agreed: true } }, http2: false`,
  'redirect_to_https: { port: 443 }',
])('with every default written out it means the same: %s', keys => {
  const text = `listeners: { web: { address: ":1", ${keys} } }
routes: [{ upstream: api }, { match: { path: /a }, upstream: b }, { match: { path: /c }, upstream: c }]
upstreams:
  api: { endpoints: [{ address: "a:1" }], protocol: auto, tls: { max_version: TLSv1.2, verify: false }, health: { active: {} } }
  b: { endpoints: [{ address: "a:1" }], protocol: h2c, http2: { window_max: 64KiB } }
  c: { endpoints: [{ address: "a:1" }], tls: { min_version: TLSv1.3 } }`
  const shown = stringify(effectiveConfiguration(readText(text, FILE), goldenFolder))
  expect(parsed(shown).snapshot).toEqual(parsed(text).snapshot)
})
