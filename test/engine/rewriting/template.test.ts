import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createForwarding } from '../../../engine/http/head-writer.ts'
import {
  CompiledTemplate,
  compileTemplate,
  evaluate,
  PendingTemplate,
  type TemplatePlace,
} from '../../../engine/rewriting/template.ts'
import type { RequestSource } from '../../../engine/routing/request.ts'
import type { Template, TemplateValue } from '../../../engine/snapshot.ts'
import { get, head } from '../../support/heads.ts'
import { ofHead, type RoutedOptions } from '../routing/routed.ts'

function sourceOf(trusted: boolean, client = '192.0.2.1:4000'): RequestSource {
  return {
    listener: 'web',
    client,
    forwarding: createForwarding(trusted, false, '192.0.2.1', 'http', 8080),
    isTrusted: address => address === '192.0.2.1',
  }
}

function textOf(
  template: Template,
  request: string,
  options: RoutedOptions = {},
  place: TemplatePlace = 'text',
): string {
  const compiled = compileTemplate(template, place, 'users')
  return ofHead(request, routed => evaluate(compiled, routed), { source: sourceOf(false), ...options })
}

const REQUEST = head(
  'GET /v1/users/7?a=1&b=%20x&a=2 HTTP/1.1',
  'Host: API.example.com:8080',
  'X-User: ann',
  'x-user: bob',
  'Cookie: sid=abc; theme=dark',
)
const OPTIONS = { captures: { id: '7', '*': 'a/b' }, startedAtMs: Date.UTC(2024, 1, 29, 12, 30, 45, 7) }

describe('a value of a template', () => {
  it.each<[TemplateValue, string]>([
    [{ kind: 'client_ip' }, '192.0.2.1'],
    [{ kind: 'client_port' }, '4000'],
    [{ kind: 'host' }, 'api.example.com'],
    [{ kind: 'scheme' }, 'http'],
    [{ kind: 'method' }, 'GET'],
    [{ kind: 'path' }, '/v1/users/7'],
    [{ kind: 'query' }, 'a=1&b=%20x&a=2'],
    [{ kind: 'request_id' }, 'id-1'],
    [{ kind: 'time' }, '2024-02-29T12:30:45.007Z'],
    [{ kind: 'listener' }, 'web'],
    [{ kind: 'route' }, 'users'],
    [{ kind: 'status' }, ''],
    [{ kind: 'upstream' }, ''],
    [{ kind: 'endpoint' }, ''],
    [{ kind: 'header', name: 'x-user' }, 'ann, bob'],
    [{ kind: 'header', name: 'x-other' }, ''],
    [{ kind: 'query_field', name: 'a' }, '1'],
    [{ kind: 'query_field', name: 'b' }, '%20x'],
    [{ kind: 'query_field', name: 'c' }, ''],
    [{ kind: 'cookie', name: 'theme' }, 'dark'],
    [{ kind: 'cookie', name: 'none' }, ''],
    [{ kind: 'capture', name: 'id' }, '7'],
    [{ kind: 'capture', name: '*' }, 'a/b'],
    [{ kind: 'capture', name: 'other' }, ''],
    [{ kind: 'capture', name: 'constructor' }, ''],
    [{ kind: 'capture', name: '__proto__' }, ''],
  ])('%j is %j', (value, text) => {
    expect(textOf([value], REQUEST, OPTIONS)).toBe(text)
    expect(textOf(['<', value, '>'], REQUEST, OPTIONS)).toBe(`<${text}>`)
  })

  it('has no captures where the route has caught nothing', () => {
    expect(textOf([{ kind: 'capture', name: 'id' }], REQUEST)).toBe('')
  })

  it('is what a trusted proxy tells of the client and of how it came', () => {
    const trusted = { source: sourceOf(true) }
    const told = ['X-Forwarded-For: 198.51.100.7', 'X-Forwarded-Proto: HTTPS']
    const template: Template = [{ kind: 'scheme' }, ' ', { kind: 'client_ip' }]
    expect(textOf(template, get('/', ...told), trusted)).toBe('https 198.51.100.7')
    expect(textOf(template, get('/', ...told))).toBe('http 192.0.2.1')
    expect(textOf(template, get('/', 'X-Forwarded-Proto: gopher'), trusted)).toBe('http 192.0.2.1')
    expect(textOf(template, get('/'), trusted)).toBe('http 192.0.2.1')
  })

  it.each([
    ['[::1]:4000', '4000'],
    ['unknown', ''],
    ['::1', ''],
  ])('has the port of %s', (client, port) => {
    expect(textOf([{ kind: 'client_port' }], REQUEST, { source: sourceOf(false, client) })).toBe(port)
  })

  it('is the path in canonical form', () => {
    expect(textOf([{ kind: 'path' }], get('/a/../%7eb//c?d'))).toBe('/~b/c')
  })
})

describe('a template', () => {
  it('is a string where no value differs with the request', () => {
    expect(compileTemplate('plain', 'field', 'r')).toBe('plain')
    expect(compileTemplate(['a', 'b'], 'field', 'r')).toBe('ab')
    expect(compileTemplate(['route ', { kind: 'route' }, '!'], 'field', 'r')).toBe('route r!')
    expect(compileTemplate([], 'field', 'r')).toBe('')
    expect(compileTemplate([{ kind: 'method' }], 'field', 'r')).toBeInstanceOf(CompiledTemplate)
  })

  it('takes along what it needs of the request, and gets the rest with the response', () => {
    const template: Template = [
      { kind: 'method' },
      ' ',
      { kind: 'status' },
      ' ',
      { kind: 'upstream' },
      ' ',
      { kind: 'endpoint' },
      ' ',
      { kind: 'capture', name: 'id' },
    ]
    const compiled = compileTemplate(template, 'field', 'r') as CompiledTemplate
    const pending = ofHead(REQUEST, routed => compiled.begin(routed), OPTIONS)
    expect(pending).toBeInstanceOf(PendingTemplate)
    const response = { status: 404, upstream: 'api', endpoint: '10.0.0.1:80' }
    expect((pending as PendingTemplate).finish(response)).toBe('GET 404 api 10.0.0.1:80 7')
    expect(ofHead(REQUEST, routed => compiled.evaluate(routed, response), OPTIONS)).toBe('GET 404 api 10.0.0.1:80 7')
  })

  it('waits for nothing where it has all of it', () => {
    const compiled = compileTemplate(['a', { kind: 'method' }], 'field', 'r') as CompiledTemplate
    expect(ofHead(REQUEST, routed => compiled.begin(routed))).toBe('aGET')
  })

  it('has names and texts of the configuration as UTF-8', () => {
    const utf8 = Buffer.from('Zürich→č', 'utf8').toString('latin1')
    expect(compileTemplate('Zürich→č', 'field', 'r')).toBe(utf8)
    expect(compileTemplate([{ kind: 'route' }], 'field', 'Zürich→č')).toBe(utf8)
    const upstream = compileTemplate([{ kind: 'upstream' }], 'field', 'r') as CompiledTemplate
    const response = { status: 200, upstream: 'Zürich→č', endpoint: '' }
    expect(ofHead(REQUEST, routed => upstream.evaluate(routed, response))).toBe(utf8)
  })
})

describe('a value never breaks the syntax around it', () => {
  const nasty = 'a b\t"<%41%zz>?c=d&e#f;g/../h\xe4+'
  const request = get('/', `X-Nasty: ${nasty}`)
  const header: Template = ['x', { kind: 'header', name: 'x-nasty' }, 'y']

  it.each<[TemplatePlace, string]>([
    ['field', `x${nasty}y`],
    ['text', `x${nasty}y`],
    ['html', 'xa b\t&#34;&#60;%41%zz&#62;?c=d&#38;e#f;g/../h\xe4+y'],
    ['json', 'xa b\\u0009\\u0022\\u003c%41%zz\\u003e?c=d\\u0026e#f;g/../h\\u00e4+y'],
    ['path', 'xa%20b%09%22%3C%2541%25zz%3E%3Fc%3Dd%26e%23f%3Bg/../h%E4%2By'],
    ['query', 'xa%20b%09%22%3C%2541%25zz%3E%3Fc%3Dd%26e%23f%3Bg/../h%E4%2By'],
    ['uri', 'xa%20b%09%22%3C%2541%25zz%3E%3Fc%3Dd%26e%23f%3Bg/../h%E4%2By'],
    ['authority', 'xa%20b%09%22%3C%2541%25zz%3E%3Fc=d&e%23f;g%2F..%2Fh%E4+y'],
  ])('in a %s: what stands in a header', (place, text) => {
    expect(textOf(header, request, {}, place)).toBe(text)
  })

  it.each<[TemplatePlace, string]>([
    ['field', '%41&b=c?d'],
    ['html', '%41&#38;b=c?d'],
    ['path', '%41&b=c%3Fd'],
    ['query', '%41%26b=c?d'],
    ['uri', '%41&b=c?d'],
    ['uri_query', '%41&b=c?d'],
  ])('in a %s: what is encoded already, but for what would end it there', (place, text) => {
    expect(textOf([{ kind: 'query' }], get('/?%41&b=c?d'), {}, place)).toBe(text)
  })

  it('in JSON: letters of all languages are themselves, where the bytes are UTF-8', () => {
    const utf8 = Buffer.from('č→😀', 'utf8').toString('latin1')
    const compiled = compileTemplate([header[1]!, ' ', { kind: 'route' }], 'json', 'Zürich')
    const text = ofHead(get('/', `X-Nasty: ${utf8}`), routed => evaluate(compiled, routed))
    expect(JSON.parse(`"${text}"`)).toBe('č→😀 Zürich')
  })

  it('in a field: a line break in a name of the configuration', () => {
    expect(compileTemplate(['a\r\nb: c', { kind: 'route' }], 'field', '\r\nx\0')).toBe('a  b: c  x ')
  })

  const PATTERNS: Readonly<Record<TemplatePlace, RegExp>> = {
    field: /^[\t\x20-\x7e\x80-\xff]*$/,
    path: /^(?:[\w\-.~!$&'()*+,;=:@/]|%[\dA-Fa-f]{2})*$/,
    query: /^(?:[\w\-.~!$'()*+,;=:@/?]|%[\dA-Fa-f]{2})*$/,
    uri: /^(?:[\w\-.~!$&'()*+,;=:@/?#[\]]|%[\dA-Fa-f]{2})*$/,
    uri_query: /^(?:[\w\-.~!$&'()*+,;=:@/?#[\]]|%[\dA-Fa-f]{2})*$/,
    authority: /^(?:[\w\-.~!$&'()*+,;=:[\]]|%[\dA-Fa-f]{2})*$/,
    text: /^[\0-\xff]*$/,
    html: /^(?:[^&<>"']|&#\d+;)*$/,
    json: /^(?:[ !#-[\]-~]|\\u[\da-f]{4})*$/,
  }
  const VALUES: readonly TemplateValue[] = [
    { kind: 'header', name: 'x-nasty' },
    { kind: 'capture', name: 'any' },
    { kind: 'query' },
    { kind: 'request_id' },
    { kind: 'upstream' },
    { kind: 'endpoint' },
    { kind: 'route' },
  ]

  it('whatever it is, and wherever it stands', () => {
    const bytes = fc.string({ unit: fc.integer({ min: 0, max: 0xff }).map(code => String.fromCharCode(code)) })
    const anything = fc.string({ unit: 'binary' })
    const target = fc.stringMatching(/^[!"$-~]{0,12}$/)
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(PATTERNS) as TemplatePlace[])),
        fc.constantFrom(...VALUES),
        bytes,
        anything,
        target,
        (place, value, fromRequest, named, query) => {
          const compiled = compileTemplate([value], place, named)
          const field = fromRequest.replace(/[\0-\x08\x0a-\x1f\x7f]/g, '')
          const text = ofHead(
            get(`/?${query}`, `X-Nasty: ${field}`),
            routed =>
              typeof compiled === 'string'
                ? compiled
                : compiled.evaluate(routed, { status: 200, upstream: named, endpoint: named }),
            { captures: { any: fromRequest }, requestId: fromRequest },
          )
          expect(text).toMatch(PATTERNS[place])
        },
      ),
    )
  })
})
