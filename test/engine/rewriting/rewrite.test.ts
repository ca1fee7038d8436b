import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  compileHost,
  compileTargetRewrite,
  REFUSED_TARGET,
  upstreamHost,
  upstreamTarget,
} from '../../../engine/rewriting/rewrite.ts'
import { canonicalPath } from '../../../engine/routing/path.ts'
import { loadRegexes } from '../../../engine/routing/regex.ts'
import type { HostRewrite, PathEdit, PathPolicy, QueryEdits, Template } from '../../../engine/snapshot.ts'
import { get, head } from '../../support/heads.ts'
import { routeSnapshot } from '../../support/snapshot.ts'
import { ofHead, type RoutedOptions } from '../routing/routed.ts'

beforeAll(loadRegexes)

interface Rewritten extends RoutedOptions {
  readonly path?: readonly PathEdit[]
  readonly query?: Partial<QueryEdits>
}

/** The target that a request goes on with; `null` where it goes as it came. */
function targetOfHead(request: string, { path = [], query, ...options }: Rewritten): string | null {
  const edits = query === undefined ? null : { clear: false, remove: [], set: [], add: [], ...query }
  const route = routeSnapshot({ name: 'r', to: 'a', path, query: edits }, 0, ['a'])
  return ofHead(request, routed => upstreamTarget(compileTargetRewrite(route), routed), options)
}

function targetOf(target: string, rewritten: Rewritten): string | null {
  return targetOfHead(get(target), rewritten)
}

const replace = (path: Template): PathEdit => ({ kind: 'replace', path })
const strip = (prefix: string): PathEdit => ({ kind: 'strip_prefix', prefix })
const add = (prefix: string): PathEdit => ({ kind: 'add_prefix', prefix })
const regex = (match: string, by: string): PathEdit => ({ kind: 'regex', regex: match, by })
const REST = { kind: 'capture', name: '*' } as const

describe('the target of a route that changes nothing', () => {
  it.each(['/', '/a?b', '/a?', '/?', '/a?b=%zz&c"d', '/a%2Fb', '/*'])('%s goes as it came', target => {
    expect(targetOf(target, {})).toBeNull()
  })

  it.each([
    ['/a/../b', '/b'],
    ['/a/./b?', '/a/b?'],
    ['/%61//b?c=%61/../d', '/a/b?c=%61/../d'],
    ['http://b.example/x/%2e%2e/y?z', '/y?z'],
  ])('%s goes in canonical form: %s', (target, canonical) => {
    expect(targetOf(target, {})).toBe(canonical)
  })

  it.each(['GET http://b.example HTTP/1.1', 'GET http://b.example?q HTTP/1.1', 'OPTIONS * HTTP/1.1'])(
    '%s is for the request line to write',
    line => {
      expect(targetOfHead(head(line, 'Host: a'), {})).toBeNull()
    },
  )
})

describe('a path', () => {
  it.each<[string, Template, Readonly<Record<string, string>>, string]>([
    ['is one for all', '/fixed', {}, '/fixed?q'],
    ['has captures', ['/users/', { kind: 'capture', name: 'id' }, '/orders'], { id: '7%20' }, '/users/7%20/orders?q'],
    ['has the rest', ['/new/', REST], { '*': 'a/b/' }, '/new/a/b/?q'],
    ['ends in a slash where there is no rest', ['/new/', REST], { '*': '' }, '/new/?q'],
    ['gets the slash in front that it lacks', ['x/', REST], { '*': 'y' }, '/x/y?q'],
    ['is the root where nothing comes out', [REST], {}, '/?q'],
    ['has no empty segments', ['/a/', REST, '/b'], {}, '/a/b?q'],
    ['has nothing that begins a query or a fragment', '/a?b#c d', {}, '/a%3Fb%23c%20d?q'],
    ['is in canonical form', '/%7Eann/%c3%a4', {}, '/~ann/%C3%A4?q'],
    ['has other letters as UTF-8', '/ä', {}, '/%C3%A4?q'],
    ['has values of all kinds', ['/', { kind: 'header', name: 'x-tenant' }, { kind: 'path' }], {}, '/a%20b/old/x?q'],
  ])('that is replaced %s', (_, template, captures, target) => {
    const request = get('/old/x?q', 'X-Tenant: a b')
    expect(targetOfHead(request, { path: [replace(template)], captures })).toBe(target)
  })

  it.each([
    ['/v1/x', '/v1', '/x'],
    ['/v1', '/v1', '/'],
    ['/v1/', '/v1', '/'],
    ['/v10', '/v1', '/v10'],
    ['/v10/x', '/v1', '/v10/x'],
    ['/a/v1/x', '/v1', '/a/v1/x'],
    ['/V1/x', '/v1', '/V1/x'],
    ['/v1/x', '/v1/', '/x'],
    ['/v1', '/v1/', '/'],
    ['/v1/x', 'v1', '/x'],
    ['/v1/x', '/', '/v1/x'],
    ['/v1/x', '', '/v1/x'],
    ['/a/b/c', '/a/b', '/c'],
    ['/~ann/x', '/%7Eann', '/x'],
    ['/v1/v1/x', '/v1', '/v1/x'],
    ['/v1?v1', '/v1', '/?v1'],
  ])('%s without the prefix %s is %s', (path, prefix, target) => {
    expect(targetOf(path, { path: [strip(prefix)] })).toBe(target)
  })

  it.each([
    ['/x', '/api', '/api/x'],
    ['/', '/api', '/api/'],
    ['/x', '/api/', '/api/x'],
    ['/x', 'api', '/api/x'],
    ['/x', '/', '/x'],
    ['/x/', '/a/b', '/a/b/x/'],
    ['/x', '/ü', '/%C3%BC/x'],
  ])('%s with the prefix %s is %s', (path, prefix, target) => {
    expect(targetOf(path, { path: [add(prefix)] })).toBe(target)
  })

  it.each([
    ['/users/7', '^/users/(\\d+)$', '/u/$1/', '/u/7/'],
    ['/a-b-c', '-', '/', '/a/b/c'],
    ['/x/y', '^/(?<first>[^/]+)/(?<second>.+)$', '/$<second>/$<first>', '/y/x'],
    ['/x', 'no', 'match', '/x'],
    ['/x', '.*', '', '/'],
    ['/x', '^/', '', '/x'],
    ['/a%20b', '%20', ' ', '/a%20b'],
    ['/a-b', '-', '→ü', '/a%E2%86%92%C3%BCb'],
  ])('%s by the expression %s is %s', (path, match, by, target) => {
    expect(targetOf(path, { path: [regex(match, by)] })).toBe(target)
  })

  it('goes through edits one after the other', () => {
    expect(targetOf('/v1/users/7', { path: [strip('/v1'), regex('users', 'people'), add('/api')] })).toBe(
      '/api/people/7',
    )
  })

  it('keeps empty segments where the listener does', () => {
    const options = { policy: { emptySegments: 'keep' }, path: [strip('/v1')] } as const
    expect(targetOf('/v1/a//b', options)).toBe('/a//b')
    expect(targetOf('/v1//b', options)).toBe('//b')
  })

  it('has nothing of a query field that the listener does not have in paths', () => {
    const path = [replace(['/files/', { kind: 'query_field', name: 'f' }])]
    const targets = (policy: Partial<PathPolicy>) =>
      ['/x?f=a%2Fb', '/x?f=a;b'].map(target => targetOf(target, { policy, path })?.replace(/\?.*/, ''))
    expect(targets({})).toEqual(['/files/a%2Fb', '/files/a;b'])
    expect(targets({ encodedSlashes: 'normalise', parameters: 'normalise' })).toEqual(['/files/a/b', '/files/a'])
    expect(targets({ encodedSlashes: 'refuse', parameters: 'refuse' })).toEqual([REFUSED_TARGET, REFUSED_TARGET])
  })

  it.each<[string, string, readonly PathEdit[]]>([
    ['a header', '/x', [replace(['/files/', { kind: 'header', name: 'x-file' }])]],
    ['a whole segment', '/x', [replace(['/sites/', { kind: 'header', name: 'x-up' }, '/index'])]],
    ['a query field', '/x?f=%2e%2e%2Fsecret', [replace(['/files/', { kind: 'query_field', name: 'f' }])]],
    ['an encoded slash', '/x?f=..%2Fsecret', [replace(['/files/', { kind: 'query_field', name: 'f' }])]],
    ['a backslash', '/x?f=..%5Csecret', [replace(['/files/', { kind: 'query_field', name: 'f' }])]],
    ['an expression', '/.x./secret', [regex('x', '')]],
    ['two expressions', '/a%2F.x.', [regex('%2F', '/'), regex('x', '')]],
  ])('that would climb by %s is refused', (_, target, path) => {
    expect(targetOfHead(get(target, 'X-File: ../secret', 'X-Up: ..'), { path })).toBe(REFUSED_TARGET)
  })

  it.each(['/new/%2e%2e/x', '/new/./x', '/a/..', '/%00', '/a%C0%AFb'])('%s is refused whoever has written it', path => {
    expect(targetOf('/x', { path: [replace(path)] })).toBe(REFUSED_TARGET)
  })

  it('of a request for the server as a whole is none', () => {
    for (const line of ['OPTIONS * HTTP/1.1', 'OPTIONS http://a.example HTTP/1.1']) {
      const request = head(line, 'Host: a.example')
      expect(targetOfHead(request, { path: [add('/x')], query: { add: [['a', 'b']] } })).toBeNull()
    }
    const root = head('OPTIONS http://a.example/ HTTP/1.1', 'Host: a.example')
    expect(targetOfHead(root, { path: [add('/x')] })).toBe('/x/')
  })

  it('of an absolute-form target is changed like others', () => {
    const edited = { path: [strip('/v1')], query: { remove: ['b'] } }
    expect(targetOf('http://b.example/v1/x?a&b=1', edited)).toBe('/x?a')
    expect(targetOf('http://b.example?a&b=1', edited)).toBe('/?a')
    expect(targetOf('http://b.example', edited)).toBe('/')
  })
})

describe('a query', () => {
  it.each<[string, Partial<QueryEdits>, string]>([
    ['/?a=1&b=2', { clear: true }, '/'],
    ['/?a=1&b=2', { clear: true, add: [['c', '3']] }, '/?c=3'],
    ['/?a=1&b=2&a=3&A=4', { remove: ['a'] }, '/?b=2&A=4'],
    ['/?a', { remove: ['a'] }, '/'],
    ['/?%61=1&b', { remove: ['a'] }, '/?b'],
    ['/?a+b=1&a%20b=2&c', { remove: ['a%20b'] }, '/?c'],
    ['/?%c3%a4=1&%C3%A4=2&c', { remove: ['%C3%A4'] }, '/?c'],
    ['/?b=2&a=1&c=3&a=4', { set: [['a', 'x']] }, '/?b=2&c=3&a=x'],
    ['/', { set: [['a', 'x']] }, '/?a=x'],
    ['/?a=1', { set: [['a', '']] }, '/?a='],
    ['/?a=1', { add: [['a', '2']] }, '/?a=1&a=2'],
    ['/?', { remove: ['a'] }, '/'],
    ['/?&&x=%zz&y"=<>&=&', { remove: ['a'] }, '/?&&x=%zz&y"=<>&=&'],
    ['/?a=1', { remove: ['a'], set: [['a', '2']], add: [['a', '3']] }, '/?a=2&a=3'],
    ['/?a?b=1', { remove: ['b'] }, '/?a?b=1'],
    ['/', { add: [['a b', 'c&d=e#f%zz']] }, '/?a%20b=c%26d=e%23f%25zz'],
  ])('%s becomes what it should: %j', (target, query, changed) => {
    expect(targetOf(target, { query })).toBe(changed)
  })

  it('has values of the request, encoded where they are not yet', () => {
    const query: Partial<QueryEdits> = {
      remove: ['old'],
      set: [
        ['user', [{ kind: 'header', name: 'x-user' }]],
        ['was', [{ kind: 'query_field', name: 'old' }]],
        ['all', [{ kind: 'query' }]],
        ['none', [{ kind: 'cookie', name: 'c' }]],
      ],
    }
    const request = get('/?old=%20+x&none=1', 'X-User: ann & bob')
    expect(targetOfHead(request, { query })).toBe('/?user=ann%20%26%20bob&was=%20+x&all=old=%20+x%26none=1')
  })

  it('stays as it is where only the path is changed, with its question mark', () => {
    expect(targetOf('/a?', { path: [add('/x')] })).toBe('/x/a?')
    expect(targetOf('/a?%zz"', { path: [add('/x')] })).toBe('/x/a?%zz"')
  })

  it('is changed beside a path that goes in canonical form', () => {
    expect(targetOf('/a/../b?c&d', { query: { remove: ['c'] } })).toBe('/b?d')
  })
})

describe('the host', () => {
  function hostOf(host: HostRewrite, request = get('/', 'X-Tenant: acme')): string | null {
    return ofHead(request, routed => upstreamHost(compileHost(host, 'r'), routed))
  }
  const TENANT: Template = [{ kind: 'header', name: 'x-tenant' }, '.internal:8080']

  it("is the client's, the endpoint's or another", () => {
    expect(hostOf({ kind: 'keep' })).toBe('a.example')
    expect(hostOf({ kind: 'upstream' })).toBeNull()
    expect(hostOf({ kind: 'set', host: 'b.internal' })).toBe('b.internal')
    expect(hostOf({ kind: 'set', host: TENANT })).toBe('acme.internal:8080')
  })

  it('is that of an absolute-form target', () => {
    expect(hostOf({ kind: 'keep' }, head('GET http://B.example:81/x HTTP/1.1', 'Host: a'))).toBe('B.example:81')
  })

  it("is the endpoint's where the client has sent none", () => {
    expect(hostOf({ kind: 'keep' }, head('GET / HTTP/1.0'))).toBeNull()
    expect(hostOf({ kind: 'set', host: TENANT }, head('GET / HTTP/1.0', 'X-Tenant: b'))).toBe('b.internal:8080')
  })

  it.each(['a b', 'a/b', 'a@b', 'a:b', '\xe4'])("is the endpoint's where what comes out is none: %j", tenant => {
    expect(hostOf({ kind: 'set', host: TENANT }, get('/', `X-Tenant: ${tenant}`))).toBeNull()
  })

  it('is not taken from a configuration that has none', () => {
    expect(() => compileHost({ kind: 'set', host: 'a b' }, 'r')).toThrow('"a b" is no host')
  })
})

describe('whatever the edits and the request are', () => {
  const text = fc.string({
    unit: fc.constantFrom('/', '.', 'a', 'b', '%2e', '%2F', ';', '?', ' ', '%', 'ä', '\r\n', '//'),
  })
  const value = fc.constantFrom<Template[number]>(
    { kind: 'capture', name: '*' },
    { kind: 'header', name: 'x-text' },
    { kind: 'query_field', name: 'q' },
    { kind: 'path' },
    { kind: 'request_id' },
  )
  const template: fc.Arbitrary<Template> = fc.oneof(text, fc.array(fc.oneof(text, value), { maxLength: 4 }))
  const edit: fc.Arbitrary<PathEdit> = fc.oneof(
    template.map(replace),
    fc.constantFrom('/a', '/a/b', '/').map(strip),
    fc.constantFrom('/a', '/a/b', '/').map(add),
    fc.tuple(fc.constantFrom('a', '/', '[.]', '%2F', '^.', '(a)(b)?'), text).map(([match, by]) => regex(match, by)),
  )
  const line = fc.array(fc.tuple(fc.constantFrom('q', 'r', 'a b'), template), { maxLength: 2 })
  const query = fc.record({ clear: fc.boolean(), remove: fc.constantFrom([], ['q'], ['r', 'q']), set: line, add: line })
  const path = fc
    .string({ unit: fc.constantFrom('/', '.', 'a', 'b', '%2e', '%2F', ';', '//', '%20') })
    .map(rest => `/${rest}`)
  const SEGMENTS = {
    dotSegments: 'refuse',
    emptySegments: 'normalise',
    encodedSlashes: 'keep',
    parameters: 'keep',
  } as const

  it('the target is one line without spaces, and its path canonical, and no part of another', () => {
    fc.assert(
      fc.property(
        path,
        fc.array(edit, { minLength: 1, maxLength: 3 }),
        fc.option(query),
        text,
        (written, edits, queryEdits, header) => {
          const field = header.replace(/[\r\n]/g, '').trim()
          fc.pre(canonicalPath(written, { ...SEGMENTS, dotSegments: 'normalise' }) !== null)
          const request = get(`${written}?q=${encodeURI(field)}&r`, `X-Text: ${field.replace(/[^\0-\xff]/g, '')}`)
          const target = targetOfHead(request, {
            path: edits,
            ...(queryEdits === null ? {} : { query: queryEdits }),
            captures: { '*': header },
            requestId: header,
          })
          if (target === REFUSED_TARGET) return
          expect(target).toMatch(/^\/[!-~]*$/)
          const [editedPath = '', ...rest] = (target as string).split('?')
          expect(canonicalPath(editedPath, SEGMENTS)).toBe(editedPath)
          expect(editedPath).not.toMatch(/#/)
          expect(rest.join('?')).not.toMatch(/#/)
        },
      ),
    )
  })
})
