import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatAddress } from '../../../engine/net/address.ts'
import { parseAddress, parseResolverAddress, parseService, sameListenerAddress } from '../../../src/config/address.ts'

describe('the address of a listener', () => {
  test.each([
    ['127.0.0.1:8080', { kind: 'tcp', host: '127.0.0.1', port: 8080 }],
    ['0.0.0.0:0', { kind: 'tcp', host: '0.0.0.0', port: 0 }],
    [':8080', { kind: 'tcp', host: '::', port: 8080 }],
    ['[::]:80', { kind: 'tcp', host: '::', port: 80 }],
    ['[::1]:80', { kind: 'tcp', host: '::1', port: 80 }],
    ['[FE80::0:1%eth0]:80', { kind: 'tcp', host: 'fe80::0:1%eth0', port: 80 }],
    ['[2001:DB8:0:0::1]:80', { kind: 'tcp', host: '2001:db8::1', port: 80 }],
    ['LocalHost:65535', { kind: 'tcp', host: 'localhost', port: 65535 }],
    ['unix:/run/sluice.sock', { kind: 'unix', path: '/run/sluice.sock' }],
    ['unix:/run/with space:and]colon', { kind: 'unix', path: '/run/with space:and]colon' }],
  ])('%s is read', (text, address) => {
    expect(parseAddress(text, 'listener')).toEqual({ ok: true, value: address })
  })

  test('the path of a unix socket may be as long as the system takes it', () => {
    const longest = process.platform === 'linux' ? 107 : 103
    expect(parseAddress(`unix:/${'x'.repeat(longest - 1)}`, 'listener').ok).toBe(true)
    expect(parseAddress(`unix:/${'x'.repeat(longest)}`, 'listener').ok).toBe(false)
    expect(parseAddress(`unix:/${'é'.repeat(Math.ceil(longest / 2))}`, 'listener').ok).toBe(false)
    expect(parseAddress('unix:/a\0b', 'listener').ok).toBe(false)
  })
})

describe('the address of an endpoint', () => {
  test('needs a host and a port that can be dialled', () => {
    expect(parseAddress('api.internal:3000', 'endpoint')).toEqual({
      ok: true,
      value: { kind: 'tcp', host: 'api.internal', port: 3000 },
    })
    for (const text of [':3000', '[]:3000', '10.0.0.1:0', '10.0.0.1:', '10.0.0.1']) {
      expect(parseAddress(text, 'endpoint').ok, text).toBe(false)
    }
  })
})

describe('a service', () => {
  test('is a name that begins with what it offers and by which protocol, in any case', () => {
    expect(parseService('_HTTP._tcp.Api.Internal')).toEqual({
      ok: true,
      value: { kind: 'srv', service: '_http._tcp.api.internal' },
    })
  })

  test.each([
    '',
    'api.internal',
    '_http.api',
    '_http._tcp',
    '_http._tcp.',
    '_http._tcp.a b',
    '_._tcp.a',
    '_a._tcp.a:80',
  ])('is not %j', text => {
    expect(parseService(text).ok).toBe(false)
  })
})

describe('a name server', () => {
  test.each([
    ['10.0.0.2', '10.0.0.2:53'],
    ['10.0.0.2:5353', '10.0.0.2:5353'],
    ['::1', '[::1]:53'],
    ['[::1]', '[::1]:53'],
    ['[FD00:0::2]:053', '[fd00::2]:53'],
  ])('%s is %s', (text, address) => {
    expect(parseResolverAddress(text)).toEqual({ ok: true, value: address })
  })

  test.each([
    '',
    ':53',
    'localhost',
    'dns.internal:53',
    '10.0.0.2:',
    '10.0.0.2:65536',
    '[10.0.0.2]',
    '[::1',
    '::1]:53',
  ])('is not %j', text => {
    expect(parseResolverAddress(text).ok).toBe(false)
  })
})

describe('two listeners', () => {
  const same = (one: string, other: string) => {
    const [first, second] = [parseAddress(one, 'listener'), parseAddress(other, 'listener')]
    if (!first.ok || !second.ok) throw new Error('an address of the test is wrong')
    return sameListenerAddress(first.value, second.value)
  }

  test.each([
    ['127.0.0.1:80', '127.0.0.1:80'],
    ['[::1]:80', '[0:0:0:0:0:0:0:1]:80'],
    [':80', '0.0.0.0:80'],
    ['[::]:80', ':80'],
    ['LOCALHOST:80', 'localhost:80'],
    ['unix:/a', 'unix:/a'],
  ])("on %s and %s are in each other's way", (one, other) => {
    expect(same(one, other)).toBe(true)
  })

  test.each([
    ['127.0.0.1:80', '127.0.0.1:81'],
    ['127.0.0.1:80', '127.0.0.2:80'],
    ['127.0.0.1:80', '0.0.0.0:80'],
    ['127.0.0.1:0', '127.0.0.1:0'],
    ['unix:/a', 'unix:/b'],
    ['unix:/a', ':80'],
  ])('on %s and %s are not', (one, other) => {
    expect(same(one, other)).toBe(false)
  })
})

test('any text is read or refused, and what is read is written the same way again', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[[\]:.0-9a-f*%/]{0,24}$/)), text => {
      const parsed = parseAddress(text, 'listener')
      if (parsed.ok) expect(parseAddress(formatAddress(parsed.value), 'listener')).toEqual(parsed)
    }),
  )
})
