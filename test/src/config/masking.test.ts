import { expect, test } from 'vitest'
import { parseConfiguration } from '../../../src/config/load.ts'
import { scrubbed, withoutSecrets } from '../../../src/config/masking.ts'

test('secrets are masked wherever they stand in a text, quoted or cut short', () => {
  const long = 'x'.repeat(80)
  expect(scrubbed('a s3cret b "s\\"q" c', ['s3cret', 's"q'])).toBe('a *** b "***" c')
  expect(scrubbed(`not ${long.slice(0, 57)}...`, [long])).toBe('not ***...')
})

test('so they are in every text of plain data, which is the same otherwise', () => {
  const data = { a: ['x s3cret', 7, null, true], 's3cret-key': { b: 's3cret' } }
  expect(withoutSecrets(data, ['s3cret'])).toEqual({ a: ['x ***', 7, null, true], 's3cret-key': { b: '***' } })
  expect(withoutSecrets(data, [])).toBe(data)
})

test('a configuration knows its secrets, and those that are parts of a text that differs with the request', () => {
  const { secrets } = parseConfiguration(
    `
listeners: { web: { address: ":80" } }
upstreams: { api: { endpoints: [{ address: 10.0.0.1:80 }, { address: 10.0.0.2:80 }], sticky: { cookie: sid, secret: 0123456789abcdef } } }
routes: [{ upstream: api }]
`,
    'sluice.yaml',
  )
  expect(secrets).toEqual(['0123456789abcdef'])
})

test('a secret that was written as a number is not shown either', () => {
  const text = `
listeners: { web: { address: ":80", tls: { certificates: [{ cert: a.pem, passphrase: 8675309 }] } } }
upstreams: { api: { endpoints: [{ address: 10.0.0.1:80 }] } }
routes: [{ upstream: api }]
`
  const shown = () => parseConfiguration(text, 'sluice.yaml')
  expect(shown).toThrow('passphrase: must be text, not the number ***')
  expect(shown).not.toThrow('8675309')
})
