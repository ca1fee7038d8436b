import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Explainer } from '../../../engine/explain/explain.ts'
import { stateAtRest } from '../../../engine/explain/state.ts'
import { parseConfiguration } from '../../../src/config/load.ts'
import { loadRouteTests } from '../../../src/explain/load-route-tests.ts'
import { openExplainer } from '../../../src/explain/open-explainer.ts'
import type { Expectation, RouteTest } from '../../../src/explain/route-test-schema.ts'
import { runRouteTest } from '../../../src/explain/run-route-tests.ts'
import { goldenFolder } from '../../support/certificate-files.ts'

const YAML = `
listeners: { web: { address: ":80" }, admin: { address: ":81" } }
upstreams:
  api: { endpoints: [{ address: 10.0.0.1:80 }] }
  next: { endpoints: [{ address: 10.0.0.2:80 }] }
routes:
  - name: users
    match: { path: "/v1/users/{id}", method: GET }
    upstream: api
    rewrite: { path: "/users/{id}", host: upstream }
    headers: { request: { set: { x-who: "\${client_ip}" }, remove: [cookie] } }
    mirror: { upstream: next }
  - name: any
    match: { path: /v1/* }
    split: [{ upstream: api, weight: 1 }, { upstream: next, weight: 1 }]
  - name: own
    match: { path: /own }
    respond: { status: 418, headers: { x-own: yes } }
  - name: docs
    match: { path: /docs/* }
    files: { root: /srv, strip_prefix: /docs }
`

const { snapshot } = parseConfiguration(YAML, 'sluice.yaml')
const explainer = await Explainer.open(stateAtRest(snapshot))

function failureOf(request: string, expectation: Expectation, more: Partial<RouteTest> = {}): string | null {
  return runRouteTest(explainer, { request, headers: {}, from: '10.1.2.3', expect: expectation, ...more }).failure
}

const USER = 'GET http://a/v1/users/7?x=1'

describe('a test of routes', () => {
  test('passes where everything is as expected', () => {
    const expectation: Expectation = {
      listener: 'web',
      route: 'users',
      action: 'forward',
      upstream: 'api',
      path: '/users/7',
      target: '/users/7?x=1',
      host: '10.0.0.1',
      request_headers: { 'X-Who': '10.1.2.3', cookie: null, accept: 'a, b' },
      captures: { id: '7', name: null },
      file: null,
      status: null,
      mirror: 'next',
      error: null,
    }
    expect(failureOf(USER, expectation, { headers: { cookie: 'x=y', accept: ['a', 'b'] } })).toBe(null)
  })

  test.each<[string, string, Expectation]>([
    ['an answer', 'GET http://a/own', { status: 418, upstream: null, response_headers: { 'X-Own': 'yes', x: null } }],
    ['chance', 'GET http://a/v1/x', { action: 'split', upstream: 'next' }],
    ['the other chance', 'GET http://a/v1/x', { action: 'split', upstream: 'api' }],
    ['files', 'GET http://a/docs/a.css', { action: 'files', file: 'a.css', status: null }],
    ['no route', 'GET http://a/x', { route: null, status: 404, error: 'no_route', path: null }],
    ['a listener', 'GET http://a:81/own', { listener: 'admin' }],
  ])('passes for %s', (_, request, expectation) => {
    expect(failureOf(request, expectation)).toBe(null)
  })

  test('writes text as people do, whatever the wire has', () => {
    expect(failureOf(USER, { request_headers: { 'x-name': 'Zoë' } }, { headers: { 'x-name': 'Zoë' } })).toBe(null)
  })

  test('says what is not as expected, one below the other', () => {
    expect(failureOf(USER, { path: '/users/8', status: 200, mirror: null, request_headers: { 'x-who': null } })).toBe(
      [
        'path                  expected /users/8',
        '                      got      /users/7',
        'request header x-who  expected none',
        '                      got      10.1.2.3',
        'status                expected 200',
        '                      got      none: the upstream api answers',
        'mirror                expected none',
        '                      got      next',
      ].join('\n'),
    )
  })

  test.each([
    ['POST http://a/v1/users/7', { route: 'users' }, 'users does not match: method: wanted GET, found POST'],
    [USER, { route: 'any' }, 'any matches too, but users goes first: it has a more specific path'],
    [USER, { route: 'user' }, 'there is no route user for this listener; did you mean users?'],
    ['GET http://a/%00', { route: 'users' }, 'no route is asked: the request ends with request_path'],
    ['GET http://a/v1/x', { upstream: 'others' }, 'got      api or next'],
    ['GET http://a/own', { upstream: 'api' }, 'got      none: the route says respond'],
    ['GET http://a/x', { path: '/' }, 'got      none: the request ends with no_route'],
    ['GET http://a/docs/x', { status: 200 }, 'got      none: a file answers'],
  ] as const)('says why: %s', (request, expectation, text) => {
    expect(failureOf(request, expectation)).toContain(text)
  })

  test('fails for a listener that there is not', () => {
    expect(failureOf('http://a/', {}, { listener: 'wbe' })).toBe('there is no listener "wbe"; there is web, admin')
  })

  test('never says to a terminal what a request would like to', () => {
    const headers = { 'x-a': 'b\u009b2J' }
    expect(failureOf('http://a/v1/x', { request_headers: { 'x-a': '\u001b' } }, { headers })).toBe(
      'request header x-a  expected \\u001b\n                    got      b\\u009b2J',
    )
  })
})

test.each(['demo', 'routing'])('the tests of config/%s.yaml pass', async name => {
  const path = join(import.meta.dirname, '../../../config', `${name}.routes.test.yaml`)
  const { config, tests } = await loadRouteTests(path)
  using loaded = await openExplainer(join(path, '..', config!))
  const failures = tests.map(one => runRouteTest(loaded.explainer, one)).filter(({ failure }) => failure !== null)
  expect(failures).toEqual([])
})

describe('a test over https', () => {
  const SECURE = `
listeners:
  plain: { address: ":80", redirect_to_https: true }
  secure: { address: ":443", tls: { certificates: [{ cert: certs/good.crt, key: certs/good.key }], client_auth: { mode: request, ca: certs/ca.crt } } }
routes:
  - { name: alice, match: { client_cert: { subject: CN=alice } }, respond: { body: alice } }
  - { name: rest, respond: { body: rest } }
`

  test('may say what the client has shown', async () => {
    const { snapshot: secure } = parseConfiguration(SECURE, join(goldenFolder, 'sluice.yaml'))
    const asked = await Explainer.open(stateAtRest(secure))
    const failure = (more: Partial<RouteTest>, expectation: Expectation, request = 'https://a/') =>
      runRouteTest(asked, { request, headers: {}, from: '10.1.2.3', expect: expectation, ...more }).failure
    expect(failure({ client_cert: { subject: 'CN=alice' } }, { route: 'alice' })).toBe(null)
    expect(failure({}, { route: 'rest' })).toBe(null)
    expect(failure({}, { route: 'alice' })).toContain('client_cert subject: wanted "CN=alice", found none')
    expect(
      failure({}, { action: 'redirect', status: 308, response_headers: { location: 'https://a/x' } }, 'http://a/x'),
    ).toBe(null)
    expect(failure({ client_cert: { subject: 'CN=alice' } }, {}, 'http://a/x')).toContain('asks no client')
    asked.close()
  })
})
