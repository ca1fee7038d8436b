import { describe, expect, test } from 'vitest'
import { readSample } from '../../../src/explain/samples.ts'

const read = (line: string) => readSample(line, 'www.example')

/** Method, host, target, client and listener of a line. */
function requestIn(line: string): readonly string[] {
  const sample = read(line)
  if (sample.kind !== 'request') throw new Error(JSON.stringify(sample))
  const { method, authority, target, from, listener } = sample.request
  return [method, authority, target, from, listener]
}

describe('a line of samples', () => {
  test('is a method and a URL, with fields if need be', () => {
    expect(requestIn('GET https://a.example/x?y=1')).toEqual(['GET', 'a.example', '/x?y=1', '127.0.0.1', ''])
    expect(requestIn('http://a.example')).toEqual(['GET', 'a.example', '/', '127.0.0.1', ''])
    expect(read('POST http://a/x x-version: 2; x-debug: a: b')).toMatchObject({
      request: {
        method: 'POST',
        fields: [
          ['x-version', '2'],
          ['x-debug', 'a: b'],
        ],
      },
    })
  })

  test('is an access line of our own', () => {
    const line = {
      level: 30,
      msg: 'access',
      method: 'PUT',
      host: 'a:81',
      target: '/x//y',
      client: '10.0.0.1:5000',
      listener: 'web',
    }
    expect(requestIn(JSON.stringify(line))).toEqual(['PUT', 'a:81', '/x//y', '10.0.0.1', 'web'])
    expect(requestIn(JSON.stringify({ ...line, host: '', client: '[2001:db8::1]:9' }))).toEqual([
      'PUT',
      'www.example',
      '/x//y',
      '2001:db8::1',
      'web',
    ])
    expect(requestIn(JSON.stringify({ ...line, client: 'unknown', target: 'http://b.example/z' }))).toEqual([
      'PUT',
      'b.example',
      '/z',
      '127.0.0.1',
      'web',
    ])
  })

  test.each([
    [
      '10.0.0.1 - - [21/Nov/2026:16:00:00 +0000] "GET /x?y=1 HTTP/1.1" 200 2 "-" "curl"',
      ['GET', 'www.example', '/x?y=1', '10.0.0.1', ''],
    ],
    [
      'a.example 10.0.0.1 - me [21/Nov/2026:16:00:00 +0000] "POST / HTTP/2.0" 200 2',
      ['POST', 'a.example', '/', '10.0.0.1', ''],
    ],
    ['::1 - - [x] "GET / HTTP/1.0" 200 2', ['GET', 'www.example', '/', '::1', '']],
  ])('is a line in the combined format: %s', (line, request) => {
    expect(requestIn(line)).toEqual(request)
  })

  test.each(['', '   ', '# GET http://a/', '{"level":30,"msg":"listener web: http://localhost"}'])(
    'is nobody’s mistake: %j',
    line => {
      expect(read(line)).toEqual({ kind: 'other' })
    },
  )

  test.each([
    ['hello', 'neither METHOD URL nor a line of an access log'],
    ['{"msg":"access"', 'not valid JSON'],
    ['{"msg":"access","method":"GET"}', 'it has no method, or no target'],
    ['{"msg":"access","method":7,"target":{}}', 'it has no method, or no target'],
    ['10.0.0.1 - - [x] "\\x16\\x03\\x01" 400 150 "-" "-"', 'neither METHOD URL nor a line of an access log'],
    ['host.name - - [x] "GET / HTTP/1.1" 200 2', '"host.name" is not an IP address'],
    ['GET http://a/x y', `"y" is not a field such as 'x-version: 2'`],
  ])('is wrong where it is no request: %j', (line, reason) => {
    expect(read(line)).toEqual({ kind: 'wrong', reason })
  })
})
