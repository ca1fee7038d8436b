import { expect, test } from 'vitest'
import { meantByForeignKey } from '../../../src/config/foreign-keys.ts'
import { jsonSchemaAt } from '../../../src/config/json-schema.ts'
import { isUnsupportedKey } from '../../../src/config/unsupported.ts'

test('what other proxies call a thing is known where it would stand', () => {
  expect(meantByForeignKey('routes.*', 'proxy_pass')).toBe('"upstream"')
  expect(meantByForeignKey('routes.*.match.any.*', 'remote_ip')).toBe('"client_ip"')
  expect(meantByForeignKey('upstreams.*', 'proxy_pass')).toBe(null)
  expect(meantByForeignKey('', 'constructor')).toBe(null)
})

test('names are the same however they are joined, and whichever keys are meant stand in quotes', () => {
  expect(meantByForeignKey('', 'entryPoints')).toBe('"listeners"')
  expect(meantByForeignKey('routes.*', 'stripPrefix')).toBe('"rewrite.strip_prefix"')
  expect(meantByForeignKey('routes.*', 'middlewares')).toBe('"rewrite" and "headers"')
  expect(meantByForeignKey('routes.*.match.headers.x-canary', 'exact_match')).toBe('"exact"')
  expect(meantByForeignKey('routes.*.split.*.when.any.*.cookies.group', 'starts_with')).toBe('"prefix"')
})

test.each([
  ['', 'server'],
  ['', 'location'],
  ['listeners.*', 'listen'],
  ['listeners.*', 'ssl'],
  ['listeners.*', 'ssl_certificate'],
  ['listeners.*', 'https_redirect'],
  ['listeners.*.tls', 'cipher_suites'],
  ['listeners.*.tls', 'verify_client'],
  ['listeners.*.tls', 'certResolver'],
  ['listeners.*.tls.certificates.*', 'private_key'],
  ['upstreams.*.tls', 'sni'],
  ['upstreams.*.tls', 'insecureSkipVerify'],
  ['upstreams.*', 'http_version'],
  ['routes.*.match', 'proto'],
  ['upstreams.*', 'servers'],
  ['upstreams.*', 'max_fails'],
  ['upstreams.*.endpoints.*', 'url'],
  ['routes.*', 'return'],
  ['routes.*', 'add_header'],
  ['routes.*', 'try_files'],
  ['routes.*.match', 'verb'],
  ['routes.*', 'prefixRewrite'],
  ['routes.*', 'shadow'],
  ['routes.*', 'retries'],
  ['routes.*.headers', 'customResponseHeaders'],
  ['routes.*.split.*', 'cluster'],
  ['routes.*.mirror', 'fraction'],
  ['routes.*.timeouts', 'read'],
  ['routes.*.retry', 'num_retries'],
  ['routes.*.redirect', 'permanent'],
  ['routes.*.error_pages.*', 'body'],
])('what is named instead of %s %s is a key there', (place, key) => {
  const [, meant = ''] = /"([a-z_.]+)"/.exec(meantByForeignKey(place, key) ?? '') ?? []
  const path = (text: string) =>
    text
      .split('.')
      .filter(step => step !== '')
      .map(step => (step === '*' ? 0 : step))
  const [section, ...rest] = path(place)
  const named =
    section === undefined || typeof rest[0] !== 'number' || section === 'routes'
      ? path(place)
      : [section, 'any', ...rest.slice(1)]
  const whole = [...named, ...path(meant)]
  expect(jsonSchemaAt(whole) !== null || isUnsupportedKey(whole)).toBe(true)
})
