import fc from 'fast-check'
import type {
  ErrorPageSnapshot,
  FieldEdits,
  HostRewrite,
  MirrorSnapshot,
  PathEdit,
  QueryEdits,
  RouteAction,
  TemplateLine,
  TemplateValue,
} from '../../../engine/snapshot.ts'
import { NO_EDITS, type TestRoute } from '../../support/snapshot.ts'
import { conditions, HOSTS, name, path, value, word } from './random-conditions.ts'

/** Random tables of routes, and requests that are likely to have something to do with them. */

export const UPSTREAMS = ['red', 'green', 'blue'] as const
/** Behind those: one that has no endpoint, and one that gets copies only. */
export const VOID = UPSTREAMS.length
export const SHADE = VOID + 1

const edits: fc.Arbitrary<readonly PathEdit[]> = fc.oneof(
  { weight: 4, arbitrary: fc.constant([]) },
  fc.constant([{ kind: 'strip_prefix', prefix: '/a' } as const]),
  fc.constant([{ kind: 'add_prefix', prefix: '/new' } as const]),
  fc.constant([{ kind: 'replace', path: ['/put/', { kind: 'capture', name: 'last' }] } as const]),
  // What somebody asks for may climb.
  fc.constant([{ kind: 'replace', path: ['/put/', { kind: 'query_field', name: 'x-one' }] } as const]),
  fc.constant([{ kind: 'regex', regex: '^/([a-z]+)', by: '/got/$1' } as const]),
)

/** What is the same for every request, or known before it is sent. */
const templateValue: fc.Arbitrary<TemplateValue> = fc.oneof(
  fc
    .constantFrom('client_ip', 'host', 'scheme', 'method', 'path', 'query', 'listener', 'route')
    .map(kind => ({ kind }) as TemplateValue),
  fc
    .tuple(fc.constantFrom('header' as const, 'query_field' as const, 'cookie' as const), name)
    .map(([kind, field]) => ({ kind, name: field })),
  fc.constantFrom('id', '*', 'last', 'n0').map(capture => ({ kind: 'capture', name: capture }) as const),
)

const line: fc.Arbitrary<TemplateLine> = fc
  .tuple(fc.constantFrom('x-told', 'x-one', 'x-two'), fc.oneof(value, templateValue))
  .map(([field, told]) => [field, typeof told === 'string' ? told : ['by ', told]] as const)

const lines = fc.array(line, { maxLength: 2 })

const fieldEdits: fc.Arbitrary<FieldEdits> = fc.oneof(
  { weight: 2, arbitrary: fc.constant(NO_EDITS) },
  {
    weight: 1,
    arbitrary: fc.record({
      rename: fc.constantFrom([], [['x-three', 'x-renamed'] as const]),
      remove: fc.constantFrom([], ['x-two']),
      set: lines,
      add: lines,
    }),
  },
)

const queryEdits: fc.Arbitrary<QueryEdits | null> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  {
    weight: 1,
    arbitrary: fc.record({
      clear: fc.boolean(),
      remove: fc.constantFrom([], ['x-one']),
      set: lines,
      add: fc.constantFrom([], [['via', 'sluice'] as const]),
    }),
  },
)

const host: fc.Arbitrary<HostRewrite> = fc.oneof(
  fc.constantFrom('keep' as const, 'upstream' as const).map(kind => ({ kind })),
  fc.constant({ kind: 'set', host: 'fixed.test' } as const),
  fc.constant({ kind: 'set', host: ['for-', { kind: 'method' }, '.test'] } as const),
  // What comes out may be no host.
  fc.constant({ kind: 'set', host: [{ kind: 'header', name: 'x-one' }] } as const),
)

const errorPage: fc.Arbitrary<ErrorPageSnapshot> = fc.record({
  statuses: fc.constantFrom([[404, 405]] as const, [[400, 400]] as const, [[500, 599]] as const),
  intercepts: fc.boolean(),
  status: fc.constantFrom(0, 0, 200, 418),
  fields: fc.constantFrom([], [['X-Page', 'of the route'] as const]),
  content: fc.constantFrom('sorry', ['no ', { kind: 'path' } as const, ' at ', { kind: 'upstream' } as const]),
})

export const commonPages: readonly ErrorPageSnapshot[] = [
  { statuses: [[404, 404]], intercepts: false, status: 0, fields: [], content: ['none at ', { kind: 'path' }] },
  { statuses: [[503, 503]], intercepts: false, status: 0, fields: [['X-Page', 'common']], content: 'later' },
]

const mirror: fc.Arbitrary<MirrorSnapshot | null> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(null) },
  {
    weight: 1,
    // Every request or none: what chance decides cannot agree.
    arbitrary: fc
      .constantFrom(0, 1)
      .map(share => ({ upstream: SHADE, share, concurrencyMax: 10_000, contentBytesMax: 65_536 })),
  },
)

const splitAction: fc.Arbitrary<RouteAction> = fc
  .tuple(conditions, fc.constantFrom('client_ip' as const, 'path' as const), fc.constantFrom(2, VOID))
  .map(([when, kind, last]) => {
    const targets = [
      { upstream: 0, weight: 50, when: null },
      { upstream: 1, weight: 30, when: when.length === 0 ? null : when },
      { upstream: last, weight: 20, when: null },
    ]
    return { kind: 'split', targets, by: { kind } } as const
  })

const redirectAction: fc.Arbitrary<RouteAction> = fc
  .tuple(fc.constantFrom(301, 308), fc.oneof(fc.constant({ kind: 'path' } as const), templateValue), fc.boolean())
  .map(([status, part, keepsQuery]) => ({ kind: 'redirect', status, to: ['/moved', part], keepsQuery }) as const)

const respondAction: fc.Arbitrary<RouteAction> = fc
  .constantFrom(200, 204, 418)
  .map(status => ({ kind: 'respond', status, fields: [['X-Two', 'own']], content: Buffer.from('own') }) as const)

/** Every choice of a split is certain: what chance decides cannot agree. `root` is for routes with files. */
const actionOf = (root: string): fc.Arbitrary<RouteAction> =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom(0, 1, 2, VOID).map(upstream => ({ kind: 'forward', upstream }) as const),
    },
    { weight: 3, arbitrary: splitAction },
    { weight: 1, arbitrary: redirectAction },
    { weight: 1, arbitrary: respondAction },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom('', '/a'), fc.constantFrom('', 'index.html')).map(
        ([stripPrefix, fallback]) =>
          ({
            kind: 'files',
            files: { root, index: ['index.html'], precompressed: [], stripPrefix, cacheControl: '', fallback },
          }) as const,
      ),
    },
  )

const hosts = fc.oneof(
  { weight: 2, arbitrary: fc.constant(null) },
  {
    weight: 3,
    arbitrary: fc.uniqueArray(
      fc.constantFrom(...HOSTS, '*.a.example', '*.example', '*.x.a.example', { regex: '^[xy]\\.' }),
      { minLength: 1, maxLength: 2 },
    ),
  },
)

/** A table of so many routes, which fall back to each other; every response says its route. */
export const randomTable = (count: number, root: string): fc.Arbitrary<readonly TestRoute[]> =>
  fc
    .array(
      fc.record({
        hosts,
        path,
        conditions,
        // The third one has few routes: some requests there are nobody's.
        listeners: fc.constantFrom([0, 1], [0, 1], [0], [1]),
        priority: fc.oneof(
          { weight: 19, arbitrary: fc.constant(0) },
          { weight: 1, arbitrary: fc.integer({ min: -2, max: 2 }) },
        ),
        to: actionOf(root),
        edits,
        query: queryEdits,
        host,
        request: fieldEdits,
        response: fieldEdits,
        errorPages: fc.array(errorPage, { maxLength: 1 }),
        mirror,
        fallback: fc.oneof({ weight: 1, arbitrary: fc.constant(-1) }, { weight: 3, arbitrary: fc.nat(count - 1) }),
      }),
      { minLength: count, maxLength: count },
    )
    .map(routes =>
      routes.map(
        ({ edits: changes, hosts: names, path: pattern, conditions: more, listeners, response, ...rest }, index) => ({
          ...rest,
          name: `r${index}`,
          match: {
            hosts: names,
            path: pattern,
            conditions: more,
            listeners: pattern.kind === 'exact' ? null : listeners,
          },
          path: changes,
          response: { ...response, set: [...response.set, ['x-route', [{ kind: 'route' }]]] },
        }),
      ),
    )

export interface RandomRequest {
  /** Of the three there are. */
  readonly listener: number
  readonly method: string
  readonly host: string
  readonly target: string
  readonly fields: readonly (readonly [string, string])[]
}

const odd = fc.constantFrom('//', '/./', '/../', '/%2e/', '/a%2Fb/', '/%61/', '/;x=1/', '/..%2f', '/%00')

const target = fc
  .tuple(
    fc.array(fc.oneof({ weight: 9, arbitrary: word.map(one => `/${one}`) }, { weight: 1, arbitrary: odd }), {
      maxLength: 4,
    }),
    fc.option(fc.tuple(name, fc.oneof({ weight: 4, arbitrary: value }, { weight: 1, arbitrary: fc.constant('..') })), {
      nil: null,
      freq: 3,
    }),
  )
  .map(([segments, query]) => `${segments.join('') || '/'}${query === null ? '' : `?${query[0]}=${query[1]}`}`)

export const randomRequest: fc.Arbitrary<RandomRequest> = fc.record({
  listener: fc.nat(2),
  method: fc.constantFrom('GET', 'GET', 'POST', 'DELETE'),
  host: fc.constantFrom(...HOSTS),
  target,
  fields: fc.uniqueArray(
    fc.oneof(
      fc.tuple(name, value),
      value.map(one => ['cookie', `x-one=${one}; x-two=2`] as [string, string]),
      fc.constantFrom('10.1.2.3', '10.9.9.9', '192.0.2.1').map(ip => ['x-forwarded-for', ip] as [string, string]),
      fc
        .constantFrom('application/json', 'text/html; charset=utf-8')
        .map(type => ['content-type', type] as [string, string]),
      fc.constant(['x-request-id', 'told-by-a-proxy'] as [string, string]),
      fc.constant(['x-forwarded-proto', 'https'] as [string, string]),
    ),
    { maxLength: 3, selector: ([one]) => one },
  ),
})

const SURE_HOST = 'sure.test'

/** One of each kind, however the dice fall. `fallback` is the index of another route. */
export function sureRoutes(root: string, fallback: number): readonly TestRoute[] {
  const files = { root, index: [], precompressed: [], stripPrefix: '/files', cacheControl: '', fallback: '' }
  const climbing: PathEdit = { kind: 'replace', path: ['/put/', { kind: 'query_field', name: 'x-one' }] }
  const routes: Readonly<Record<string, Omit<TestRoute, 'match'>>> = {
    '/forward': { to: { kind: 'forward', upstream: 0 } },
    '/split': {
      to: { kind: 'split', targets: [{ upstream: 1, weight: 1, when: null }], by: { kind: 'path' } },
      mirror: { upstream: SHADE, share: 1, concurrencyMax: 10_000, contentBytesMax: 65_536 },
    },
    '/void': { to: { kind: 'forward', upstream: VOID } },
    '/spare': { to: { kind: 'forward', upstream: VOID }, fallback },
    '/climb': { to: { kind: 'forward', upstream: 0 }, path: [climbing] },
    '/moved': { to: { kind: 'redirect', status: 302, to: '/elsewhere', keepsQuery: true } },
    '/own': { to: { kind: 'respond', status: 200, fields: [], content: Buffer.from('own') } },
    '/files/users': { to: { kind: 'files', files } },
  }
  return Object.entries(routes).map(([path, route]) => ({
    ...route,
    name: `sure ${path}`,
    priority: 9,
    match: { hosts: [SURE_HOST], path: { kind: 'exact', path } },
    response: { set: [['x-route', [{ kind: 'route' }]]] },
  }))
}

export function sureRequests(routes: readonly TestRoute[]): readonly RandomRequest[] {
  const paths = routes.map(({ name = '' }) => name.replace('sure ', ''))
  const get = { listener: 0, method: 'GET', host: SURE_HOST, fields: [] }
  return [
    ...paths.map(path => ({ ...get, target: `${path}?x-one=..` })),
    { ...get, method: 'POST', target: '/files/users' },
    { ...get, listener: 2, host: 'nobody.test', target: '/' },
  ]
}
