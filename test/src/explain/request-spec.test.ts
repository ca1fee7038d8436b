import { describe, expect, test } from 'vitest'
import { parseCertificateParts } from '../../../src/explain/certificate-spec.ts'
import {
  parseFieldLine,
  parseRequestLine,
  RequestSpecError,
  readDescription,
  readUnknownDescription,
} from '../../../src/explain/request-spec.ts'

describe('a request that somebody describes', () => {
  test('is a method and a URL, or a URL alone', () => {
    expect(parseRequestLine('POST  http://a/x')).toEqual({ method: 'POST', url: 'http://a/x' })
    expect(parseRequestLine(' http://a/x ')).toEqual({ url: 'http://a/x' })
    expect(readDescription({ url: 'http://a' })).toEqual({
      method: 'GET',
      scheme: 'http',
      authority: 'a',
      target: '/',
      fields: [],
      from: '127.0.0.1',
      listener: '',
      certificate: null,
    })
  })

  test.each([
    ['HTTPS://A.Example:8443//x/../%2e?y=%20#top', 'https', 'A.Example:8443', '//x/../%2e?y=%20'],
    ['http://a?x=1', 'http', 'a', '/?x=1'],
    ['http://[::1]:80/x', 'http', '[::1]:80', '/x'],
    ['http://a/é', 'http', 'a', '/Ã©'],
  ])('is taken as it is written: %s', (url, scheme, authority, target) => {
    expect(readDescription({ url })).toMatchObject({ scheme, authority, target })
  })

  test('has fields as a record, as lists, or as pairs, in UTF-8 on the wire', () => {
    const fieldsOf = (headers: NonNullable<Parameters<typeof readDescription>[0]['headers']>) =>
      readDescription({ url: 'http://a/', headers }).fields
    expect(fieldsOf({ 'x-a': '1', 'x-b': ['2', '3'] })).toEqual([
      ['x-a', '1'],
      ['x-b', '2'],
      ['x-b', '3'],
    ])
    expect(fieldsOf([['x-a', 'ö']])).toEqual([['x-a', 'Ã¶']])
    expect(parseFieldLine(' x-version:  2:3 ')).toEqual(['x-version', '2:3'])
  })

  test.each([
    ['', '"" is not METHOD URL'],
    ['GET http://a/ x', '"GET http://a/ x" is not METHOD URL'],
    ['G(T http://a/', '"G(T" is not a method'],
    ['GET /x', '"/x" is not a URL such as http://api.example.com/v1/users'],
    ['GET ftp://a/x', '"ftp://a/x" is not a URL such as http://api.example.com/v1/users'],
    ['GET http://me@a/x', '"me@a" has a user name, which no request has'],
    ['GET http://a/\u001b[2J', '"/\\u001b[2J" has characters that a request line cannot have'],
  ])('is refused where it is none: %j', (text, message) => {
    const read = () => readDescription(parseRequestLine(text))
    expect(read).toThrow(RequestSpecError)
    expect(read).toThrow(message)
  })

  test.each([
    [{ headers: { 'x y': '1' } }, '"x y" is not a name of a field'],
    [{ headers: { x: '1\r\ny: 2' } }, 'the value of "x" has characters that no field has'],
    [{ from: '10.0.0' }, '"10.0.0" is not an IP address'],
  ])('is refused where a part of it is none: %j', (part, message) => {
    expect(() => readDescription({ url: 'http://a/', ...part })).toThrow(message)
    expect(() => parseFieldLine('x')).toThrow(`"x" is not a field such as 'x-version: 2'`)
  })

  test.each([
    [null, 'must be an object with a "url"'],
    [[], 'must be an object with a "url"'],
    [{}, '"url" must be a URL'],
    [{ url: 1 }, '"url" must be a URL'],
    [{ url: 'http://a/', method: 7 }, '"method" must be text'],
    [{ url: 'http://a/', from: {} }, '"from" must be text'],
    [{ url: 'http://a/', listener: [] }, '"listener" must be text'],
    [{ url: 'http://a/', headers: 'x: 1' }, '"headers" must be names'],
    [{ url: 'http://a/', headers: { x: 1 } }, '"headers" must be names'],
    [{ url: 'http://a/', headers: [['x']] }, '"headers" must be names'],
  ])('may be anything where it comes from outside: %j', (value, message) => {
    expect(() => readUnknownDescription(value)).toThrow(RequestSpecError)
    expect(() => readUnknownDescription(value)).toThrow(message)
  })

  test('may come from outside whole', () => {
    const description = { method: 'PUT', url: 'http://a/x', headers: [['x', '1']], from: '::1', listener: 'web' }
    expect(readUnknownDescription({ ...description, more: 1 })).toMatchObject({
      method: 'PUT',
      fields: [['x', '1']],
      from: '::1',
      listener: 'web',
    })
  })
})

describe('a certificate that somebody describes', () => {
  const read = (certificate: NonNullable<Parameters<typeof readDescription>[0]['certificate']>) =>
    readDescription({ url: 'https://a/', certificate }).certificate

  test('has its names by their kinds, and hexadecimal digits as they are compared', () => {
    const san = ['a.example', 'spiffe://x/y', 'a@b.example', '192.0.2.1', '::1']
    expect(read({ subject: 'CN=alice', serial: '0a:fF', fingerprint: 'AB:'.repeat(31).concat('AB'), san })).toEqual({
      subject: 'CN=alice',
      issuer: '',
      serial: '0AFF',
      fingerprint: 'ab'.repeat(32),
      dnsNames: ['a.example'],
      uris: ['spiffe://x/y'],
      emails: ['a@b.example'],
      ips: ['192.0.2.1', '::1'],
    })
    expect(read({ san: 'a.example' })?.dnsNames).toEqual(['a.example'])
  })

  test('may come in parts, as a command has them', () => {
    expect(parseCertificateParts(['subject=CN=alice,O=x', 'san=a', 'san=b'])).toEqual({
      subject: 'CN=alice,O=x',
      san: ['a', 'b'],
    })
    expect(() => parseCertificateParts(['name=x'])).toThrow('KEY=VALUE with one of the keys subject, issuer,')
  })

  test('is refused where it is none', () => {
    expect(() => read({ fingerprint: 'abc' })).toThrow('no SHA-256')
    expect(() => read({ serial: 'xyz' })).toThrow('no serial number')
    for (const certificate of [1, [], { name: 'x' }, { subject: 1 }, { san: [1] }]) {
      expect(() => readUnknownDescription({ url: 'https://a/', certificate })).toThrow('"certificate" must have texts')
    }
    expect(readUnknownDescription({ url: 'https://a/', certificate: { san: ['a'] } }).certificate?.dnsNames).toEqual([
      'a',
    ])
  })
})
