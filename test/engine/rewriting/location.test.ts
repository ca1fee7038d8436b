import { describe, expect, it } from 'vitest'
import { Location } from '../../../engine/rewriting/location.ts'
import type { Captures } from '../../../engine/routing/captures.ts'
import type { Template, TemplateValue } from '../../../engine/snapshot.ts'
import { ofRequest } from '../routing/request-head.ts'

const rest: TemplateValue = { kind: 'capture', name: '*' }
const id: TemplateValue = { kind: 'capture', name: 'id' }
const host: TemplateValue = { kind: 'host' }
const path: TemplateValue = { kind: 'path' }
const scheme: TemplateValue = { kind: 'scheme' }
const header: TemplateValue = { kind: 'header', name: 'x-to' }

interface Asked {
  readonly target?: string
  readonly fields?: readonly string[]
  readonly captures?: Captures
}

function locationOf(to: Template, { target = '/a', fields = [], captures }: Asked = {}): string {
  const location = new Location(to, 'old')
  return ofRequest(target, fields, request => {
    if (captures !== undefined) request.captures = captures
    return location.of(request)
  })
}

describe('where a redirect leads', () => {
  it('is the text as it stands', () => {
    expect(locationOf('https://b.example/x?y=1#z')).toBe('https://b.example/x?y=1#z')
    expect(locationOf('//cdn.example/x')).toBe('//cdn.example/x')
    expect(locationOf('../x')).toBe('../x')
  })

  it('has values of the request in it, percent-encoded as they came', () => {
    expect(locationOf([scheme, '://www.', host, path], { target: '/a%20b/%C3%A4' })).toBe('http://www.a/a%20b/%C3%A4')
    expect(locationOf(['/users/', id], { captures: { id: '7' } })).toBe('/users/7')
    expect(locationOf(['/new/', rest], { captures: { '*': 'a/b' } })).toBe('/new/a/b')
    expect(locationOf(['/new/', rest])).toBe('/new/')
  })

  it('encodes whatever is no part of a URI, in the configuration and in the request', () => {
    expect(locationOf('/über uns')).toBe('/%C3%BCber%20uns')
    expect(locationOf(['/', header], { fields: ['X-To: a b"<\xe4>\t\\'] })).toBe('/a%20b%22%3C%E4%3E%09%5C')
    expect(locationOf(['/', header], { fields: ['X-To: a%0d%0ab'] })).not.toMatch(/[\r\n]/)
  })
})

describe('the host that a redirect leads to', () => {
  it.each([
    [['/', rest], '/evil.example', '/evil.example'],
    [['/', rest], '//evil.example', '/evil.example'],
    [['/', rest], '\\evil.example', '/%5Cevil.example'],
    [['/', rest], '/\\evil.example', '/%5Cevil.example'],
    [[rest], '//evil.example', '/evil.example'],
    [[rest], 'evil.example', '/evil.example'],
    [[rest], 'https://evil.example', '/https://evil.example'],
    [[rest], 'javascript:alert(1)', '/javascript:alert(1)'],
    [['https://b.example', rest], '.evil.example', 'https://b.example/.evil.example'],
    [['https://b.example', rest], '@evil.example', 'https://b.example/@evil.example'],
    [['https://b.example:8443', rest], '1/x', 'https://b.example:8443/1/x'],
    [['https://', host, rest], '.evil.example', 'https://a/.evil.example'],
    [['https://b.example/', rest], '/x', 'https://b.example//x'],
    [['https://', rest, '.b.example/'], 'x', 'https://x.b.example/'],
    [['https://', rest, '.b.example/'], 'evil.example/', 'https://evil.example%2F.b.example/'],
    [['https://', rest, '.b.example/'], 'x@evil.example?', 'https://x%40evil.example%3F.b.example/'],
    [['//', rest, '.b.example/x'], 'evil.example/', '//evil.example%2F.b.example/x'],
    [['https://b.example', rest, '.html'], '.evil.example/x', 'https://b.example/.evil.example/x.html'],
  ] as const)('is never the path: %j with %s', (to, caught, location) => {
    expect(locationOf(to, { captures: { '*': caught } })).toBe(location)
  })

  it.each([
    [['https://', header, '.b.example/'], 'evil.example/', 'https://evil.example%2F.b.example/'],
    [['https://', header, '.b.example/'], 'evil.example#', 'https://evil.example%23.b.example/'],
    [['https://shop-', header, '.b.example'], '7', 'https://shop-7.b.example'],
    [['https://', header, '/x'], '[::1]:8080', 'https://[::1]:8080/x'],
    [['https://b.example:', header, '/x'], '8080', 'https://b.example:8080/x'],
    [['https://b.example:', header, '/x'], '1@evil.example', 'https://b.example:1%40evil.example/x'],
    [['https://b.example', header], '.evil.example', 'https://b.example/.evil.example'],
    [['https://b.example', header, '/x'], '@evil.example', 'https://b.example/@evil.example/x'],
    [['https://b.example', header, '?x'], '/y', 'https://b.example/y?x'],
    [['https://', host, header], '.evil.example', 'https://a/.evil.example'],
    [[scheme, '://', header, '.b.example'], 'evil.example/', 'http://evil.example%2F.b.example'],
    [['https://', path], '', 'https://%2Fa'],
  ] as const)('is not a part of it, either: %j with %s', (to, value, location) => {
    expect(locationOf(to, { fields: [`X-To: ${value}`] })).toBe(location)
  })

  it('is followed by what a group of an expression has caught', () => {
    const all: TemplateValue = { kind: 'capture', name: '1' }
    expect(locationOf(['https://b.example', all], { captures: { 1: '/x/y' } })).toBe('https://b.example/x/y')
    expect(locationOf(['https://b.example', all], { captures: { 1: '.evil.example' } })).toBe(
      'https://b.example/.evil.example',
    )
    expect(locationOf(['https://b.example', all], { captures: { 1: '' } })).toBe('https://b.example')
  })

  it('is not the canonical path either, where empty segments are kept', () => {
    expect(locationOf([path], { target: '//evil.example/x' })).toBe('/evil.example/x')
  })

  it('is not a header either', () => {
    expect(locationOf([header], { fields: ['X-To: //evil.example'] })).toBe('/evil.example')
    expect(locationOf([header], { fields: ['X-To: https://evil.example'] })).toBe('/https://evil.example')
  })
})

describe('a value in the query of a redirect', () => {
  it.each<[Template, string]>([
    [['/search?q=', rest, '&lang=en'], '/search?q=a%26admin=1&lang=en'],
    [['https://b.example?q=', rest, '#', rest], 'https://b.example?q=a%26admin=1#a&admin=1'],
    [['/', rest, '?q=', { kind: 'query_field', name: 'y' }], '/a&admin=1?q=1%2C?'],
    [['/x?q=', { kind: 'header', name: 'x-to' }], '/x?q=b%26c%3Dd%23e'],
    [['/x?', { kind: 'query' }, '#z'], '/x?y=1%2C?&z#z'],
    [['/x#', rest, '?', rest], '/x#a&admin=1?a&admin=1'],
  ])('is one value: %j', (to, location) => {
    const asked = { target: '/a?y=1%2C?&z', fields: ['X-To: b&c=d#e'], captures: { '*': 'a&admin=1' } }
    expect(locationOf(to, asked)).toBe(location)
  })
})
