import { describe, expect, it } from 'vitest'
import { ExplainError } from '../../../engine/explain/explain-error.ts'
import type { PathMatch } from '../../../engine/snapshot.ts'
import type { TestProxyOptions } from '../../support/snapshot.ts'
import { explained, tcp } from './explaining.ts'

const exact = (path: string): PathMatch => ({ kind: 'exact', path })
const own = (text = 'own') => ({ kind: 'respond', status: 200, fields: [], content: Buffer.from(text) }) as const

describe('the listener', () => {
  const two: TestProxyOptions = {
    listeners: [
      { name: 'inside', address: tcp(8080) },
      { name: 'outside', address: tcp(80) },
    ],
    routes: [{ to: own() }],
  }

  it('is the one that is asked for, or that has the port of the URL, or else the first, and it is said why', async () => {
    expect((await explained(two, { listener: 'inside' })).listener).toEqual({ name: 'inside', reason: 'as asked for' })
    expect((await explained(two)).listener).toEqual({ name: 'outside', reason: 'it has port 80' })
    expect((await explained(two, { authority: 'a.example:8080' })).listener.name).toBe('inside')
    expect((await explained(two, { authority: 'a.example:9' })).listener).toEqual({
      name: 'inside',
      reason: 'the first one: none has port 9',
    })
    expect((await explained({ ...two, listeners: [{ name: 'web' }] })).listener.reason).toBe('the only one')
  })

  it('that there is not is an error with the names of those that there are', async () => {
    await expect(explained(two, { listener: 'insde' })).rejects.toThrow(ExplainError)
    await expect(explained(two, { listener: 'insde' })).rejects.toThrow(
      'there is no listener "insde"; there is inside, outside',
    )
    await expect(explained({ listeners: [], routes: [] })).rejects.toThrow('there is none')
  })

  it('speaks http, whatever the URL says: so do the fields that the upstream gets', async () => {
    const options = { ...two, upstreams: { api: [tcp(1)] }, routes: [{ to: 'api' }] }
    const { listener, upstreamRequest } = await explained(options, { scheme: 'https', authority: 'a.example' })
    expect(listener.reason).toContain('none has port 443; it speaks http')
    expect(upstreamRequest?.fields).toContainEqual(['X-Forwarded-Proto', 'http'])
  })

  it('on a unix socket does not know its clients', async () => {
    const listeners = [{ address: { kind: 'unix', path: '/run/x' } as const, trustedProxies: ['127.0.0.1'] }]
    const options = { listeners, upstreams: { api: [tcp(1)] } }
    expect((await explained(options)).request.client).toBe('unknown')
    const fields = [['X-Forwarded-For', '10.9.9.9']] as const
    expect((await explained(options, { fields })).request.client).toBe('10.9.9.9')
  })
})

describe('a request that is refused', () => {
  const pages: TestProxyOptions = {
    routes: [{ to: own() }],
    errorPages: [{ statuses: [[400, 499]], intercepts: false, status: 0, fields: [['X-Page', '4xx']], content: 'no' }],
  }

  it.each([
    ['request_path', { target: '/../x' }, 400],
    ['request_path', { target: '/%00' }, 400],
    ['request_head_too_large', { fields: [['x', 'y'.repeat(40_000)]] }, 431],
    ['request_head_too_large', { fields: [['x', 'y'.repeat(4_000_000)]] }, 431],
    ['request_target_too_long', { target: `/${'y'.repeat(9000)}` }, 414],
    ['request_malformed', { authority: 'a b' }, 400],
    [
      'request_malformed',
      {
        fields: [
          ['Host', 'a'],
          ['Host', 'b'],
        ],
      },
      400,
    ],
    ['request_method_unknown', { method: 'BREW' }, 501],
    ['request_expectation', { fields: [['Expect', 'more']] }, 417],
  ] as const)('is explained: %s', async (error, asked, status) => {
    const explanation = await explained(pages, asked)
    expect(explanation).toMatchObject({ error, action: 'error', route: null, candidates: [], upstream: null })
    const page = status < 500 ? { 'x-page': '4xx' } : {}
    expect(explanation.answer).toMatchObject({
      status,
      fields: { 'content-type': 'text/plain; charset=utf-8', ...page },
    })
  })

  it('says what a client is told where there is no page', async () => {
    const { answer } = await explained({ routes: [] })
    expect(answer).toEqual({
      status: 404,
      fields: { 'content-type': 'text/plain; charset=utf-8', 'content-length': '14' },
    })
  })
})

describe('the routes', () => {
  it('have each what they have against the request, or why another goes first', async () => {
    const { candidates, route } = await explained(
      {
        upstreams: { api: [tcp(1)] },
        routes: [
          { name: 'rest', to: 'api' },
          { name: 'more', to: 'api' },
          { name: 'host', to: 'api', match: { hosts: ['*.example'] } },
          { name: 'path', to: 'api', match: { path: { kind: 'prefix', path: '/v1/' } } },
          {
            name: 'conditions',
            to: 'api',
            match: { hosts: ['a.example'], conditions: [{ kind: 'method', methods: ['GET'] }] },
          },
          { name: 'plain', to: 'api', match: { hosts: ['a.example'] } },
          { name: 'first', to: 'api', priority: 7 },
          { name: 'other', to: 'api', match: { hosts: ['b.example'], path: exact('/') } },
        ],
      },
      { target: '/v1/x' },
    )
    expect(route).toBe('first')
    expect(
      Object.fromEntries(candidates.map(({ route: name, failed, behind }) => [name, failed[0] ?? behind])),
    ).toEqual({
      first: '',
      conditions: 'a higher priority (7, not 0)',
      plain: 'a higher priority (7, not 0)',
      other: 'host: wanted b.example, found a.example',
      host: 'a higher priority (7, not 0)',
      path: 'a higher priority (7, not 0)',
      rest: 'a higher priority (7, not 0)',
      more: 'a higher priority (7, not 0)',
    })
    expect(candidates.find(one => one.route === 'other')?.failed[1]).toBe('path: wanted /, found /v1/x')
  })

  it.each([
    ['a more specific host (a.example, not *.example)', { hosts: ['a.example'] }, { hosts: ['*.example'] }],
    ['a more specific host (*.example, not any)', { hosts: ['*.example'] }, {}],
    ['a more specific path (/x, not /*)', { path: exact('/x') }, {}],
    ['more conditions (1, not 0)', { conditions: [{ kind: 'method', methods: ['GET'] }] }, {}],
    ['it stands first in the configuration', {}, {}],
  ] as const)('go one before the other because of %s', async (reason, first, second) => {
    const { candidates } = await explained(
      {
        routes: [
          { to: own(), match: first },
          { to: own(), match: second },
        ],
      },
      { target: '/x' },
    )
    expect(candidates.map(({ route, behind }) => [route, behind])).toEqual([
      ['route0', ''],
      ['route1', reason],
    ])
  })

  it('show what regular expressions have caught', async () => {
    const path: PathMatch = { kind: 'regex', regex: '^/item-(?P<number>[0-9]+)$' }
    const { captures } = await explained({ routes: [{ to: own(), match: { path } }] }, { target: '/item-42' })
    expect(captures).toEqual({ 0: '/item-42', 1: '42', number: '42' })
  })

  it('see the client that trusted proxies tell, and the id that they gave the request', async () => {
    const options = { listeners: [{ trustedProxies: ['192.0.2.1'] }], upstreams: { api: [tcp(1)] } }
    const fields = [
      ['X-Forwarded-For', '10.1.2.3'],
      ['X-Request-Id', 'abc'],
    ] as const
    const trusted = await explained(options, { fields })
    expect(trusted.request.client).toBe('10.1.2.3')
    expect(trusted.upstreamRequest?.fields).toContainEqual(['X-Request-Id', 'abc'])
    const other = await explained(options, { fields, from: '::ffff:192.0.2.9' })
    expect(other.request.client).toBe('192.0.2.9')
    expect(other.upstreamRequest?.fields).toContainEqual(['X-Request-Id', 'request-id'])
  })
})

describe('a split', () => {
  const split: TestProxyOptions = {
    upstreams: { old: [tcp(1)], next: [tcp(2)] },
    routes: [
      {
        to: {
          kind: 'split',
          by: { kind: 'cookie', name: 'group' },
          targets: [
            { upstream: 0, weight: 3, when: null },
            {
              upstream: 1,
              weight: 1,
              when: [{ kind: 'header', name: 'x-beta', test: { kind: 'exact', text: 'yes' } }],
            },
          ],
        },
      },
    ],
  }

  it('says which condition holds', async () => {
    const { upstream, action, split: told } = await explained(split, { fields: [['X-Beta', 'yes']] })
    expect(action).toBe('split')
    expect(upstream).toMatchObject({ name: 'next', reason: 'its conditions hold', alternatives: [] })
    expect(told).toEqual({
      by: 'the cookie group',
      targets: [
        { upstream: 'old', share: 0.75, when: null, chosen: false },
        { upstream: 'next', share: 0.25, when: { holds: true, text: 'header x-beta: found "yes"' }, chosen: true },
      ],
    })
  })

  it('says which condition fails and why, and goes by the hash of the key', async () => {
    const { upstream, split: told } = await explained(split, { fields: [['Cookie', 'group=7']] })
    expect(upstream?.reason).toBe('by the hash of the cookie group')
    expect(told?.targets[1]?.when).toEqual({ holds: false, text: 'header x-beta: wanted "yes", found none' })
    expect(told?.targets.filter(({ chosen }) => chosen)).toHaveLength(1)
  })

  it('does not pretend to know what chance decides', async () => {
    const { upstream } = await explained(split)
    expect(upstream).toMatchObject({
      reason: 'by chance: another one the next time, for lack of the cookie group',
      alternatives: ['old', 'next'],
    })
  })
})

describe('what belongs to a route', () => {
  it('is told: copies, deadlines, tries, pages, and who takes over', async () => {
    const explanation = await explained({
      upstreams: { api: { endpoints: [tcp(1), tcp(2)], timeouts: { connectMs: 1000 } }, shade: [tcp(3)] },
      routes: [
        {
          to: 'api',
          mirror: { upstream: 1, share: 0.25, concurrencyMax: 10, contentBytesMax: 10 },
          timeouts: { responseMs: 2000, totalMs: 5000 },
          fallback: 1,
          errorPages: [
            {
              statuses: [
                [502, 502],
                [500, 599],
              ],
              intercepts: true,
              status: 503,
              fields: [],
              content: '',
            },
          ],
        },
        { name: 'sorry', to: own() },
      ],
    })
    expect(explanation.mirror).toEqual({ upstream: 'shade', share: 0.25 })
    expect(explanation.rules).toEqual({
      timeouts: { connectMs: 1000, responseMs: 2000, idleMs: 60_000, totalMs: 5000 },
      retry: { attempts: 1, on: ['connect', 'reset'], repeats: true },
      fallback: 'sorry',
      errorPages: [{ statuses: ['502', '500-599'], intercepts: true, status: 503 }],
    })
  })

  it('is no copy where the connection becomes a tunnel', async () => {
    const options: TestProxyOptions = {
      upstreams: { api: [tcp(1)] },
      routes: [{ to: 'api', mirror: { upstream: 0, share: 1, concurrencyMax: 1, contentBytesMax: 1 } }],
    }
    const fields = [
      ['Connection', 'upgrade'],
      ['Upgrade', 'websocket'],
    ] as const
    expect((await explained(options, { fields })).mirror).toBe(null)
  })

  it('is told in sentences: what is changed on the way there and back', async () => {
    const { rewrites, responseEdits, upstreamRequest } = await explained(
      {
        upstreams: { api: [tcp(3000)] },
        routes: [
          {
            to: 'api',
            path: [{ kind: 'strip_prefix', prefix: '/v1' }],
            query: { clear: false, remove: ['debug'], set: [['from', 'sluice']], add: [] },
            host: { kind: 'upstream' },
            request: { rename: [['x-a', 'X-B']], remove: ['x-c'], set: [['X-Client', [{ kind: 'client_ip' }]]] },
            response: { add: [['X-Served', 'by us']] },
          },
        ],
      },
      { target: '//v1/./x?debug=1', fields: [['x-a', '1']] },
    )
    expect(rewrites).toEqual([
      'path //v1/./x becomes /v1/x: its canonical form',
      'target //v1/./x?debug=1 becomes /x?from=sluice: by rewrite.strip_prefix, rewrite.query',
      "Host is the endpoint's own",
      'header x-a is renamed to X-B',
      'header x-c is removed',
      'header X-Client is set',
    ])
    expect(responseEdits).toEqual(['header X-Served is added'])
    expect(upstreamRequest).toMatchObject({ method: 'GET', target: '/x?from=sluice', host: '10.0.0.1:3000' })
    expect(upstreamRequest?.fields).toEqual(
      expect.arrayContaining([
        ['X-B', '1'],
        ['X-Client', '192.0.2.1'],
      ]),
    )
  })

  it('is text as people write it, where the wire has UTF-8', async () => {
    const { upstreamRequest, candidates } = await explained(
      {
        upstreams: { api: [tcp(1)] },
        routes: [
          { to: 'api', request: { set: [['x-name', 'Zoë']] } },
          {
            to: 'api',
            match: { conditions: [{ kind: 'header', name: 'x-who', test: { kind: 'exact', text: 'nobody' } }] },
          },
        ],
      },
      { fields: [['x-who', Buffer.from('Łukasz').toString('latin1')]] },
    )
    expect(upstreamRequest?.fields).toEqual(
      expect.arrayContaining([
        ['x-who', 'Łukasz'],
        ['x-name', 'Zoë'],
      ]),
    )
    expect(candidates[0]?.failed).toEqual(['header x-who: wanted "nobody", found "Łukasz"'])
  })
})

describe('files', () => {
  const files = {
    kind: 'files',
    files: {
      root: '/srv/www',
      index: ['index.html', 'index.htm'],
      precompressed: ['br', 'gzip'],
      stripPrefix: '/docs',
      cacheControl: '',
      fallback: 'app.html',
    },
  } as const
  const options: TestProxyOptions = { routes: [{ to: files }] }

  it.each([
    ['/docs/', ['index.html', 'index.htm', 'app.html']],
    ['/docs/a/', ['a/index.html', 'a/index.htm', 'app.html']],
    ['/docs/a%20b', ['a b', 'app.html']],
    ['/docs', ['.', 'app.html']],
    ['/x%2Fy', ['app.html']],
  ])('are looked for, at %s, in %j, without touching the disk', async (target, names) => {
    const explanation = await explained(options, { target, fields: [['Accept-Encoding', 'gzip']] })
    expect(explanation).toMatchObject({ action: 'files', answer: null, error: '' })
    expect(explanation.files).toEqual({ root: '/srv/www', names, precompressed: ['.gz'] })
  })

  it('are not for everybody, nor for every method', async () => {
    expect(await explained(options, { target: '/docs/.git/config' })).toMatchObject({
      error: 'file_not_found',
      files: null,
    })
    const refused = await explained(options, { method: 'DELETE', target: '/docs/x' })
    expect(refused).toMatchObject({ error: 'file_method', answer: { status: 405, fields: { allow: 'GET, HEAD' } } })
  })
})

describe('an upstream without an answer', () => {
  const sorry = {
    name: 'sorry',
    to: own('sorry'),
    response: { set: [['x-upstream', [{ kind: 'upstream' }]]] },
  } as const

  it('is an error with its page', async () => {
    const page = { statuses: [[503, 503]] as const, intercepts: false, status: 200, fields: [], content: 'later' }
    const explanation = await explained({
      upstreams: { void: [] },
      routes: [{ to: 'void', errorPages: [page], response: { set: [['x-a', 'b']] } }],
    })
    expect(explanation).toMatchObject({
      action: 'error',
      error: 'no_endpoint',
      upstream: { name: 'void', endpoint: '', endpointReason: 'it has no endpoints' },
      upstreamRequest: null,
      answer: { status: 200, fields: { 'x-a': 'b', 'content-length': '5' } },
    })
  })

  it('leaves the request to the route that takes over, and says so', async () => {
    const explanation = await explained({
      upstreams: { void: [] },
      routes: [
        { name: 'first', to: 'void', fallback: 1 },
        {
          name: 'second',
          to: 'void',
          fallback: 2,
          mirror: { upstream: 0, share: 1, concurrencyMax: 1, contentBytesMax: 1 },
        },
        sorry,
      ],
    })
    expect(explanation.route).toBe('first')
    expect(explanation.fallbacks.map(({ route, error }) => [route, error])).toEqual([
      ['second', 'no_endpoint'],
      ['sorry', 'no_endpoint'],
    ])
    expect(explanation).toMatchObject({
      action: 'respond',
      upstream: null,
      error: '',
      mirror: null,
      answer: { status: 200, fields: { 'x-upstream': 'void' } },
    })
  })

  it('ends with the error where routes only fall back to each other', async () => {
    const explanation = await explained({
      upstreams: { void: [] },
      routes: [
        { to: 'void', fallback: 1 },
        { to: 'void', fallback: 0 },
      ],
    })
    expect(explanation.fallbacks).toHaveLength(8)
    expect(explanation.error).toBe('no_endpoint')
  })
})
