import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { endBeforeDefaultPort, isHost } from '../../../engine/http/host.ts'

function check(text: string): boolean {
  return isHost(Buffer.from(`:${text}/`, 'latin1'), 1, 1 + text.length)
}

describe('a host', () => {
  it.each([
    'a',
    'example.com',
    'EXAMPLE.com.',
    'a-b_c.example',
    'example.com:80',
    'example.com:',
    'example.com:0',
    'example.com:65535',
    'example.com:00080',
    '127.0.0.1',
    '127.0.0.1:8080',
    '[::1]',
    '[::1]:443',
    '[2001:DB8::ffff:10.0.0.1]',
    "sub-delims!$&'()*+;=",
    'percent%20encoded',
    '~tilde',
    `${'a'.repeat(253)}.:65535`,
  ])('may be %s', text => {
    expect(check(text)).toBe(true)
  })

  it.each([
    '',
    'a'.repeat(261),
    ':80',
    ':',
    'a b',
    ' a',
    'a\t',
    'a/b',
    'a?b',
    'a#b',
    'user@a',
    'a,b',
    'a\\b',
    'a"b',
    'a:b',
    'a:80:81',
    'a:-1',
    'a:65536',
    'a:99999999999999999999',
    'a:80x',
    'a\0',
    'a\r\nb',
    'ä.example',
    'a%2',
    'a%',
    'a%zz',
    '[',
    ']',
    '[]',
    '[:]',
    '[::1',
    '::1',
    '[::1]x',
    '[::1]80',
    '[::1]:x',
    '[::g]',
    '[fe80::1%eth0]',
    '[[::1]]',
    '<a>',
    '{a}',
  ])('cannot be %j', text => {
    expect(check(text)).toBe(false)
  })

  it('has no octet but those that RFC 3986 allows in a name', () => {
    for (let octet = 0; octet < 256; octet += 1) {
      const character = String.fromCharCode(octet)
      if (character === ':' || character === '[' || character === '%') continue
      expect(check(`a${character}a`), `octet ${octet}`).toBe(/[A-Za-z0-9\-._~!$&'()*+;=]/.test(character))
    }
  })

  it('with whatever port is one up to 65535', () => {
    fc.assert(fc.property(fc.nat(200_000), port => check(`a:${port}`) === port <= 65_535))
  })
})

describe('a port that goes without saying', () => {
  const without = (text: string, isHttps: boolean) => {
    const bytes = Buffer.from(`:${text}/`, 'latin1')
    return bytes.toString('latin1', 1, endBeforeDefaultPort(bytes, 1, 1 + text.length, isHttps))
  }

  it.each([
    ['a.example', 'a.example', 'a.example'],
    ['a.example:', 'a.example', 'a.example'],
    ['a.example:80', 'a.example', 'a.example:80'],
    ['a.example:443', 'a.example:443', 'a.example'],
    ['a.example:0080', 'a.example', 'a.example:0080'],
    ['a.example:8080', 'a.example:8080', 'a.example:8080'],
    ['[::1]:80', '[::1]', '[::1]:80'],
    ['[::80]', '[::80]', '[::80]'],
    ['127.0.0.1', '127.0.0.1', '127.0.0.1'],
    ['80', '80', '80'],
    ['80:80', '80', '80:80'],
  ])('of %s is left out: %s for http, %s for https', (text, http, https) => {
    expect([without(text, false), without(text, true)]).toEqual([http, https])
  })
})
