import { describe, expect, test } from 'vitest'
import { Explainer } from '../../../engine/explain/explain.ts'
import { stateAtRest } from '../../../engine/explain/state.ts'
import { parseConfiguration } from '../../../src/config/load.ts'
import { type ExplanationTextOptions, explanationText } from '../../../src/explain/explanation-text.ts'
import { type RequestDescription, readDescription } from '../../../src/explain/request-spec.ts'

const SHOP = `
listeners: { web: { address: ":80" } }
upstreams:
  api: { endpoints: [{ address: 10.0.0.1:80 }, { address: 10.0.0.2:80, weight: 2 }] }
  next: { endpoints: [{ address: 10.0.1.1:80 }] }
routes:
  - name: users
    match: { host: api.example.com, path: "/v1/users/{id}", method: GET }
    split:
      - { upstream: api, weight: 95 }
      - { upstream: next, weight: 5, when: { headers: { x-beta: "1" } } }
    rewrite: { path: "/users/{id}" }
    mirror: { upstream: next, percent: 10 }
    timeouts: { total: 5s }
    fallback: sorry
  - name: admin
    match: { host: admin.example.com }
    upstream: api
  - name: status
    match: { host: api.example.com, path: /status, headers: { x-key: { present: true } } }
    upstream: api
  - name: sorry
    match: { host: api.example.com, path: /sorry }
    respond: { status: 503, body: "sorry\\n" }
error_pages: [{ status: 404, respond: { body: "no\\n" } }]
`

async function textOf(description: RequestDescription, options?: ExplanationTextOptions, yaml = SHOP): Promise<string> {
  const { snapshot } = parseConfiguration(yaml, 'sluice.yaml')
  const explainer = await Explainer.open(stateAtRest(snapshot))
  try {
    return explanationText(explainer.explain(readDescription(description)), options)
  } finally {
    explainer.close()
  }
}

describe('an explanation as text', () => {
  test('says all of it, from the listener to the head that is sent', async () => {
    const text = await textOf({
      url: 'http://api.example.com/v1/users/7',
      headers: { 'x-beta': '1' },
      from: '10.1.2.3',
    })
    expect(text.split('\n')).toEqual([
      'listener  web, it has port 80',
      'request   GET api.example.com /v1/users/7',
      'client    10.1.2.3',
      '',
      'routes, by precedence',
      '  ✗ status  path: wanted /status, found /v1/users/7; header x-key: wanted any value, found none',
      '  ✗ sorry   path: wanted /sorry, found /v1/users/7',
      '  ✓ users   chosen',
      '  ✗ admin   host: wanted admin.example.com, found api.example.com',
      '',
      'route     users (id = 7)',
      'action    split',
      'split     by chance',
      '            api   95%',
      '          → next  5%  when holds: header x-beta: found "1"',
      'rewrites  target /v1/users/7 becomes /users/7: by rewrite.path',
      'plugins   none',
      'upstream  next, its conditions hold',
      'endpoint  10.0.1.1:80, the only one',
      '          → 10.0.1.1:80  up, weight 1, 0 under way',
      'balance   round_robin',
      'sends     GET /users/7 HTTP/1.1',
      '          Host: api.example.com',
      '          x-beta: 1',
      '          X-Forwarded-For: 10.1.2.3',
      '          X-Forwarded-Proto: http',
      '          X-Forwarded-Port: 80',
      '          X-Forwarded-Host: api.example.com',
      '          Via: 1.1 sluice',
      '          X-Request-Id: request-id',
      'mirror    next, 10% of such requests',
      'timeouts  connect 5s, response 30s, idle 1m, total 5s',
      'retry     never',
      'else      route sorry, where the upstream cannot answer',
      'pages     404',
    ])
  })

  test('has the nearest routes first where none matches: those of another host, and with more against them, come last', async () => {
    const text = await textOf({ url: 'http://api.example.com/status' })
    expect(text).toContain('routes, none of which matches; the nearest first')
    expect(text.match(/✗ \w+/g)).toEqual(['✗ status', '✗ sorry', '✗ users', '✗ admin'])
    expect(text).toContain('✗ status  header x-key: wanted any value, found none')
    expect(text).toMatch(/answers {3}404\n.*content-type: text\/plain; charset=utf-8\n.*\nerror {5}no_route$/)
  })

  test('says why no route was asked at all', async () => {
    expect(await textOf({ url: 'http://api.example.com/../x' })).toContain(
      'none is asked: the request is refused before',
    )
    const none =
      'listeners: { web: { address: ":80" }, other: { address: ":81" } }\nroutes: [{ match: { listeners: [web] }, respond: {} }]\n'
    const text = await textOf({ url: 'http://a/', listener: 'other' }, {}, none)
    expect(text).toContain('there is none for this listener')
  })

  test('lists some routes of many, or all of them', async () => {
    const routes = Array.from(
      { length: 60 },
      (_, index) => `  - { name: r${index}, match: { path: /r${index} }, respond: {} }\n`,
    )
    const yaml = `listeners: { web: { address: ":80" } }\nroutes:\n${routes.join('')}`
    expect(await textOf({ url: 'http://a/r7' }, {}, yaml)).toContain('  and 20 more (--all lists them)')
    expect(await textOf({ url: 'http://a/r59' }, {}, yaml)).toContain('✓ r59')
    expect((await textOf({ url: 'http://a/r7' }, { all: true }, yaml)).match(/^ {2}[✗✓] r/gm)).toHaveLength(60)
  })

  test('never says to a terminal what a request or a configuration would like to', async () => {
    const yaml = `
listeners: { web: { address: ":80" } }
routes: [{ name: no, match: { headers: { x: "1" } }, respond: {} }, { name: yes, respond: { body: "\\e[2J" } }]
`
    const text = await textOf(
      { url: 'http://a/', headers: { x: 'a\u009b2J', cookie: 'y=\u0085' } },
      { all: true },
      yaml,
    )
    expect(text).toMatch(/^[\n\u0020-\u007e\u00a1-\uffff]*$/)
    expect(text).toContain('found "a\\u009b2J"')
  })
})
