import { beforeAll, describe, expect, it } from 'vitest'
import { createForwarding } from '../../../engine/http/head-writer.ts'
import { compileCondition, compileConditions } from '../../../engine/routing/conditions.ts'
import { loadRegexes } from '../../../engine/routing/regex.ts'
import type { RequestSource, RoutedRequest } from '../../../engine/routing/request.ts'
import type { Condition, TextTest } from '../../../engine/snapshot.ts'
import { DEFAULT_POLICY } from '../../integration/routing/path-corpus.ts'
import { pathMatch } from './path-match.ts'
import { ofHead } from './request-head.ts'

beforeAll(loadRegexes)

function ask<T>(lines: readonly string[], read: (request: RoutedRequest) => T, source?: RequestSource): T {
  return ofHead(
    lines,
    request => {
      request.readPath(DEFAULT_POLICY)
      return read(request)
    },
    source,
  )
}

/** Whether it holds, and the text that says why. */
function judge(condition: Condition, lines: readonly string[], source?: RequestSource): [boolean, string] {
  const compiled = compileCondition(condition)
  return ask(
    lines,
    request => {
      const { holds, text } = compiled.explain(request)
      expect(compiled.holds(request)).toBe(holds)
      return [holds, text]
    },
    source,
  )
}

function get(target: string, ...fields: string[]): string[] {
  return [`GET ${target} HTTP/1.1`, 'Host: a.example', ...fields]
}

const exact = (text: string): TextTest => ({ kind: 'exact', text })
const header = (name: string, test: TextTest): Condition => ({ kind: 'header', name, test })
const query = (name: string, test: TextTest): Condition => ({ kind: 'query', name, test })
const cookie = (name: string, test: TextTest): Condition => ({ kind: 'cookie', name, test })

describe('a method', () => {
  it('is one of those that are named, and GET does not stand for HEAD', () => {
    const condition: Condition = { kind: 'method', methods: ['GET', 'PURGE'] }
    expect(judge(condition, get('/'))).toEqual([true, 'method: found GET'])
    expect(judge(condition, ['HEAD / HTTP/1.1', 'Host: a'])).toEqual([false, 'method: wanted GET or PURGE, found HEAD'])
    expect(judge(condition, ['PURGE / HTTP/1.1', 'Host: a'])[0]).toBe(true)
  })
})

describe('a header', () => {
  it.each<[TextTest, boolean, boolean, boolean]>([
    [exact('2.1'), true, false, false],
    [{ kind: 'prefix', text: '2.' }, true, false, false],
    [{ kind: 'suffix', text: '1' }, true, true, false],
    [{ kind: 'contains', text: '.' }, true, false, false],
    [{ kind: 'regex', regex: '^\\d$' }, false, true, false],
    [{ kind: 'present' }, true, true, false],
    [{ kind: 'absent' }, false, false, true],
  ])('%j holds for 2.1: %s, for 1: %s, for none: %s', (test, first, second, none) => {
    const found = [['X-Version: 2.1'], ['x-version:1'], []].map(
      fields => judge(header('x-version', test), get('/', ...fields))[0],
    )
    expect(found).toEqual([first, second, none])
  })

  it('of several lines is all of them', () => {
    expect(judge(header('a', exact('1, 2')), get('/', 'A: 1', 'B: 3', 'a: 2'))).toEqual([
      true,
      'header a: found "1, 2"',
    ])
  })

  it('says what was wanted, and what was found', () => {
    const lines = get('/', 'A: "1"')
    expect(judge(header('a', exact('2')), lines)[1]).toBe('header a: wanted "2", found "\\"1\\""')
    expect(judge(header('b', { kind: 'prefix', text: 'x' }), lines)[1]).toBe('header b: wanted prefix "x", found none')
    expect(judge(header('b', { kind: 'present' }), lines)[1]).toBe('header b: wanted any value, found none')
    expect(judge(header('a', { kind: 'absent' }), lines)[1]).toBe('header a: wanted none, found "\\"1\\""')
    expect(judge(header('b', { kind: 'absent' }), lines)[1]).toBe('header b: found none')
    expect(judge(header('a', { kind: 'regex', regex: '^x' }), lines)[1]).toBe('header a: wanted ~^x, found "\\"1\\""')
    const long = get('/', `A: ${'x'.repeat(200)}`)
    expect(judge(header('a', exact('2')), long)[1]).toBe(`header a: wanted "2", found "${'x'.repeat(100)}..."`)
  })
})

describe('a query field', () => {
  it.each<[string, string, boolean]>([
    ['/?a=1', '1', true],
    ['/?b=2&a=1', '1', true],
    ['/?a=2&a=1', '1', true],
    ['/?a=%31', '1', true],
    ['/?%61=1', '1', true],
    ['/?a=x+y', 'x y', true],
    ['/?a=x%2By', 'x+y', true],
    ['/?a=caf%C3%A9', 'café', true],
    ['/?a=%F0%9F%98%80', '😀', true],
    ['/?a=%zz%31', '%zz1', true],
    ['/?a=%E9%31', '%E91', true],
    ['/?a=%C0%AF', '%C0%AF', true],
    ['/?a=%ED%A0%80', '%ED%A0%80', true],
    ['/?a=%2531', '%31', true],
    ['/?a', '', true],
    ['/?a=', '', true],
    ['/?a=1=2', '1=2', true],
    ['/a=1', '1', false],
    ['/?A=1', '1', false],
    ['/?ab=1', '1', false],
    ['/', '', false],
  ])('of %s is %j: %s', (target, text, holds) => {
    expect(judge(query('a', exact(text)), get(target))[0]).toBe(holds)
  })

  it('is absent where there is none of that name, in whatever way it is written', () => {
    const absent = query('a', { kind: 'absent' })
    expect(['/', '/?', '/?b', '/?&&', '/?a', '/?%61=', '/?b&a=1'].map(target => judge(absent, get(target))[0])).toEqual(
      [true, true, true, true, false, false, false],
    )
  })

  it('that there are several of holds where one does, and says what there were', () => {
    expect(judge(query('a', exact('3')), get('/?a=1&a=%32'))).toEqual([false, 'query a: wanted "3", found "1", "2"'])
  })
})

describe('a cookie', () => {
  it('is decoded, and one of several is enough', () => {
    const lines = get('/', 'Cookie: b=0; a=x%20y+z', 'Cookie: a="q"')
    expect(['x y+z', 'q', '0'].map(text => judge(cookie('a', exact(text)), lines)[0])).toEqual([true, true, false])
    expect(judge(cookie('c', exact('1')), lines)[1]).toBe('cookie c: wanted "1", found none')
  })
})

describe('a client', () => {
  const from = (client: string, trusted = false): RequestSource => ({
    listener: 'web',
    client: `${client}:1`,
    forwarding: createForwarding(trusted, false, client, 'http', 80),
    isTrusted: address => address.startsWith('10.'),
  })
  const inside: Condition = { kind: 'client_ip', blocks: ['192.0.2.0/24', '2001:db8::/32', '198.51.100.7'] }

  it.each([
    ['192.0.2.1', true],
    ['192.0.3.1', false],
    ['198.51.100.7', true],
    ['198.51.100.8', false],
    ['2001:db8::1', true],
    ['2001:db9::1', false],
    ['::ffff:192.0.2.9', true],
    ['unknown', false],
  ])('at %s is in one of the blocks: %s', (client, holds) => {
    expect(judge(inside, get('/'), from(client))[0]).toBe(holds)
  })

  it('behind a trusted proxy is the one that the proxy tells', () => {
    const lines = get('/', 'X-Forwarded-For: 192.0.2.1')
    expect(judge(inside, lines, from('10.0.0.1', true))).toEqual([true, 'client_ip: found 192.0.2.1'])
    const failed = 'client_ip: wanted 192.0.2.0/24 or 2001:db8::/32 or 198.51.100.7, found 10.0.0.1'
    expect(judge(inside, lines, from('10.0.0.1'))).toEqual([false, failed])
  })
})

describe('a content type', () => {
  it.each([
    ['application/json', true],
    ['Application/JSON; charset=utf-8', true],
    ['image/png', true],
    ['imagex/png', false],
    ['text/plain', false],
    ['application/jsonx', false],
    ['', false],
  ])('of %j is one of them: %s', (type, holds) => {
    const condition: Condition = { kind: 'content_type', types: ['application/json', 'image/*'] }
    expect(judge(condition, get('/', ...(type === '' ? [] : [`Content-Type: ${type}`])))[0]).toBe(holds)
  })
})

describe('calls of gRPC', () => {
  it.each([
    ['application/grpc', true],
    ['Application/gRPC+Proto; x=y', true],
    ['application/grpc-web', true],
    ['application/grpc-web-text+proto', true],
    ['application/grpc-webs', false],
    ['application/grpcx', false],
    ['application/json', false],
    ['', false],
  ])('are known by their content: %j is one: %s', (type, holds) => {
    const lines = get('/', ...(type === '' ? [] : [`Content-Type: ${type}`]))
    expect(judge({ kind: 'grpc' }, lines)[0]).toBe(holds)
  })

  it('are told from others in words', () => {
    expect(judge({ kind: 'grpc' }, get('/'))).toEqual([
      false,
      'grpc: wanted content of type application/grpc or application/grpc-web, found none',
    ])
  })
})

describe('host and path', () => {
  it('can be conditions, too', () => {
    const host: Condition = { kind: 'host', hosts: ['b.example', { regex: '^c' }] }
    expect(judge(host, get('/'))).toEqual([false, 'host: wanted b.example or ~^c, found a.example'])
    expect(judge(host, ['GET / HTTP/1.1', 'Host: C.example:8'])).toEqual([true, 'host: found c.example'])
    const path: Condition = { kind: 'path', path: pathMatch('/a/{x}/*') }
    expect(judge(path, get('/b?c'))).toEqual([false, 'path: wanted /a/{x}/*, found /b'])
    expect(judge(path, get('/%61/b/c'))).toEqual([true, 'path: found /a/b/c'])
  })
})

describe('conditions together', () => {
  const one = header('a', exact('1'))
  const two = header('b', exact('2'))
  const first = get('/', 'A: 1')
  const both = get('/', 'A: 1', 'B: 2')

  it('all hold, or the first that does not says why', () => {
    const all: Condition = { kind: 'all', conditions: [one, two] }
    expect(judge(all, both)).toEqual([true, 'header a: found "1" and header b: found "2"'])
    expect(judge(all, first)).toEqual([false, 'header b: wanted "2", found none'])
  })

  it('hold where any does, or all say why not', () => {
    const any: Condition = { kind: 'any', conditions: [two, one] }
    expect(judge(any, first)).toEqual([true, 'header a: found "1"'])
    expect(judge(any, get('/'))).toEqual([
      false,
      'none of (header b: wanted "2", found none; header a: wanted "1", found none)',
    ])
  })

  it('are turned round', () => {
    const not: Condition = { kind: 'not', condition: one }
    expect(judge(not, first)).toEqual([false, 'not (header a: found "1")'])
    expect(judge(not, get('/'))).toEqual([true, 'not (header a: wanted "1", found none)'])
  })

  it('of none at all hold', () => {
    const none = compileConditions([])
    expect(ask(first, request => [none.holds(request), none.explain(request), none.leaves])).toEqual([
      true,
      { holds: true, text: '' },
      0,
    ])
  })

  it('count their leaves', () => {
    const not: Condition = { kind: 'not', condition: { kind: 'any', conditions: [one, two] } }
    expect(
      [compileCondition(one), compileConditions([one, not]), compileCondition(not)].map(({ leaves }) => leaves),
    ).toEqual([1, 3, 2])
  })
})
