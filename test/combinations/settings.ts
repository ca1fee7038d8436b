import type { Address, RouteAction } from '../../engine/snapshot.ts'
import type { InstrumentedProxyOptions } from '../support/instrumented-proxy.ts'
import type { TestListener, TestRoute, TestUpstream } from '../support/snapshot.ts'
import { certificateSnapshot, listenerTls, upstreamTls } from '../support/tls.ts'
import type { Trust, Version } from './peers/exchange.ts'

/** Times after which something is given up, in the settings of the scene that have one. */
export const BRIEF_MS = 150

/** Listeners of the scene, in this order. */
export const LISTENERS = ['plain', 'tight', 'impatient', 'trusting', 'narrow'] as const
export type ListenerName = (typeof LISTENERS)[number]

/** Where the peers of the scene are. */
export interface Places {
  readonly a: Address
  readonly b: Address
  /** Refuses connections. */
  readonly dead: Address
  /** On a unix socket, whose kernel buffers are small: bytes that wait there are few. */
  readonly narrow: Address
  readonly narrowListener: Address
  /** `null` where everything is plain text. */
  readonly trust: Trust | null
  /** With a file `page.txt` in it. */
  readonly folder: string
}

const BRIEF = { responseMs: BRIEF_MS, idleMs: BRIEF_MS }
const RETRY = { budget: 10 }

function listeners(narrow: Address, trust: Trust | null): TestListener[] {
  const certificates = trust === null ? [] : [certificateSnapshot(trust)]
  const tls = trust === null ? {} : { tls: listenerTls({ certificates, alpn: ['h2', 'http/1.1'] }) }
  const settings: Record<ListenerName, TestListener> = {
    plain: {},
    tight: { limits: { headBytesMax: 2_048, fieldLinesMax: 20, targetBytesMax: 512 } },
    impatient: { timeouts: { contentMs: BRIEF_MS, idleMs: BRIEF_MS } },
    trusting: { trustedProxies: ['127.0.0.0/8'], forwarded: true },
    narrow: { address: narrow },
  }
  return LISTENERS.map(name => ({ ...settings[name], ...tls }))
}

function speaking(origin: Version, trust: Trust | null): Pick<TestUpstream, 'protocol' | 'tls'> {
  if (trust === null) return { protocol: origin === 'h2' ? 'h2c' : 'http' }
  return {
    protocol: origin === 'h2' ? 'h2' : 'http',
    tls: upstreamTls({ ca: trust.authority, serverName: 'localhost' }),
  }
}

function upstreams({ a, b, dead, narrow, trust }: Places, origin: Version): Record<string, TestUpstream> {
  const common = { passive: null, retry: RETRY, ...speaking(origin, trust) } as const
  const endpointA = { address: a, name: 'a' }
  const endpointB = { address: b, name: 'b' }
  const both = [endpointA, { ...endpointB, priority: 1 }]
  return {
    main: { ...common, endpoints: [endpointA] },
    brief: { ...common, endpoints: [endpointA], timeouts: BRIEF },
    mirror: { ...common, endpoints: [endpointB] },
    pair: { ...common, endpoints: both, retry: { ...RETRY, statuses: [503] } },
    late: { ...common, endpoints: both, timeouts: BRIEF, retry: { ...RETRY, onTimeout: true } },
    refused: {
      ...common,
      endpoints: [
        { address: dead, name: 'dead' },
        { ...endpointB, priority: 1 },
      ],
    },
    dead: { ...common, endpoints: [{ address: dead, name: 'dead' }] },
    empty: { ...common, endpoints: [] },
    hedged: { ...common, endpoints: both, hedge: { afterMs: 40, budget: 10 } },
    sticky: { ...common, endpoints: [endpointA, endpointB], sticky: {} },
    hashed: {
      ...common,
      endpoints: [endpointA, endpointB],
      balance: 'hash',
      hashOn: { kind: 'header', name: 'x-user' },
    },
    narrow: { ...common, endpoints: [{ address: narrow, name: 'narrow' }] },
    broken: {
      ...common,
      endpoints: [endpointA],
      circuitBreaker: { scope: 'upstream', minimum: 1, openMs: 60_000, failureRatio: 0.01 },
    },
  }
}

const SORRY: RouteAction = { kind: 'respond', status: 203, fields: [['X-Sorry', 'yes']], content: Buffer.from('sorry') }

/** Routes by the host that they take: `pages` is `pages.example`. The rest goes to the upstream of that name. */
function routes(names: readonly string[], folder: string): TestRoute[] {
  const pageOf = (intercepts: boolean) => ({
    statuses: [[400, 599]] as const,
    intercepts,
    status: 0,
    fields: [['Content-Type', 'text/html']] as const,
    content: ['sorry: ', { kind: 'status' }, ' ', { kind: 'method' }, ' ', { kind: 'path' }] as const,
  })
  const written: Record<string, Omit<TestRoute, 'fallback'> & { readonly fallback?: string }> = {
    total: { to: 'main', timeouts: { totalMs: BRIEF_MS } },
    mirrored: {
      to: 'main',
      mirror: { upstream: names.indexOf('mirror'), share: 1, concurrencyMax: 100, contentBytesMax: 1_000_000 },
    },
    rewritten: {
      to: 'main',
      host: { kind: 'set', host: [{ kind: 'header', name: 'x-tenant' }, '.internal:81'] },
      path: [
        { kind: 'strip_prefix', prefix: '/old' },
        { kind: 'regex', regex: '(\\d+)-(\\d+)', by: '$2-$1' },
        { kind: 'add_prefix', prefix: '/new' },
      ],
      query: { clear: false, remove: ['debug'], set: [['lang', 'en']], add: [['from', [{ kind: 'host' }]]] },
    },
    edited: {
      to: 'main',
      request: {
        rename: [['x-old', 'X-New']],
        remove: ['x-gone'],
        set: [['X-Asked', [{ kind: 'method' }, ' ', { kind: 'path' }]]],
        add: [['X-Trace', [{ kind: 'request_id' }]]],
      },
      response: {
        rename: [['server', 'X-Server']],
        remove: ['x-secret'],
        set: [['X-Answer', [{ kind: 'status' }, ' ', { kind: 'upstream' }, ' ', { kind: 'endpoint' }]]],
        add: [['X-Trace', [{ kind: 'header', name: 'x-trace' }]]],
      },
    },
    pages: { to: 'dead', errorPages: [pageOf(false)] },
    taken: { to: 'main', errorPages: [pageOf(true)] },
    fallback: { to: 'dead', fallback: 'sorry' },
    sorry: { to: SORRY },
    redirect: {
      to: {
        kind: 'redirect',
        status: 308,
        to: ['https://', { kind: 'host' }, '/to', { kind: 'path' }],
        keepsQuery: true,
      },
    },
    respond: {
      to: { kind: 'respond', status: 418, fields: [['X-Own', 'yes']], content: Buffer.from('a teapot') },
    },
    files: {
      to: {
        kind: 'files',
        files: {
          root: folder,
          index: [],
          precompressed: [],
          stripPrefix: '',
          cacheControl: 'max-age=60',
          fallback: '',
        },
      },
    },
    split: {
      to: {
        kind: 'split',
        by: null,
        targets: [
          { upstream: names.indexOf('main'), weight: 1, when: null },
          {
            upstream: names.indexOf('mirror'),
            weight: 0,
            when: [{ kind: 'header', name: 'x-canary', test: { kind: 'exact', text: 'yes' } }],
          },
        ],
      },
    },
    conditional: {
      to: SORRY,
      match: {
        path: { kind: 'exact', path: '/only' },
        conditions: [
          { kind: 'method', methods: ['POST'] },
          { kind: 'query', name: 'v', test: { kind: 'exact', text: '2' } },
          { kind: 'cookie', name: 'beta', test: { kind: 'present' } },
          { kind: 'content_type', types: ['application/json'] },
        ],
      },
    },
  }
  const routeNames = Object.keys(written)
  const special = Object.entries(written).map(([name, { fallback, match, ...route }]): TestRoute => {
    const index = fallback === undefined ? -1 : routeNames.indexOf(fallback)
    return { name, match: { hosts: [`${name}.example`], ...match }, ...route, fallback: index }
  })
  const plain = names
    .filter(name => !routeNames.includes(name))
    .map((name): TestRoute => ({ name: `to-${name}`, match: { hosts: [`${name}.example`] }, to: name }))
  return [...special, ...plain, { name: 'rest', to: 'main' }]
}

/** All that the behaviours need of the proxy, in one configuration. */
export function settings(places: Places, origin: Version): InstrumentedProxyOptions {
  const all = upstreams(places, origin)
  return {
    listeners: listeners(places.narrowListener, places.trust),
    upstreams: all,
    routes: routes(Object.keys(all), places.folder),
    workers: 1,
  }
}
