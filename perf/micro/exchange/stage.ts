/** A worker's data plane with a client and an origin, both without a kernel behind them. */

import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { Challenges } from '../../../engine/exchange/challenges.ts'
import { Generation, type ListenerRoutes } from '../../../engine/exchange/generation.ts'
import { Http1Downstream } from '../../../engine/exchange/http1-downstream.ts'
import { Http2ServerConnection } from '../../../engine/exchange/http2-server-connection.ts'
import type { ExchangeRecord } from '../../../engine/exchange/record.ts'
import { RequestIds } from '../../../engine/exchange/request-id.ts'
import type { WorkerContext } from '../../../engine/exchange/worker-context.ts'
import { Connection, type NetContext } from '../../../engine/net/connection.ts'
import { StatePage, type StateRow } from '../../../engine/shared/state-page.ts'
import type { ListenerSnapshot, RouteSnapshot, Snapshot } from '../../../engine/snapshot.ts'
import { Directory } from '../../../engine/threads/directory.ts'
import type { SharedState } from '../../../engine/upstream/endpoint.ts'
import type { Http1ClientSession } from '../../../engine/upstream/http1-client-session.ts'
import type { Http1Pool } from '../../../engine/upstream/http1-pool.ts'
import type { Upstream } from '../../../engine/upstream/upstream.ts'
import { HTTP2, routeSnapshot, upstreamSnapshot } from '../../../test/support/snapshot.ts'
import { LIMITS } from '../messages.ts'
import { mute, mutedHandle, netContext } from '../net/muted-handle.ts'

export interface StageOptions {
  readonly trustedProxies?: readonly string[]
  readonly forwarded?: boolean
  readonly pipelining?: number
  /** The client speaks HTTP/2. */
  readonly http2?: boolean
  /** Beside the route that takes everything. */
  readonly routes?: readonly RouteSnapshot[]
  readonly onExchange?: (record: ExchangeRecord) => void
}

function listener({ trustedProxies = [], forwarded = false, http2 = false }: StageOptions): ListenerSnapshot {
  return {
    name: 'web',
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    limits: {
      ...LIMITS,
      connectionsMax: 10_000,
      connectionsPerClientMax: 0,
      newConnectionsRate: 0,
      newConnectionsBurst: 0,
    },
    timeouts: { headMs: 30_000, contentMs: 60_000, idleMs: 75_000, tunnelMs: 3_600_000 },
    proxyProtocol: null,
    trustedProxies,
    forwarded,
    paths: { dotSegments: 'normalise', emptySegments: 'normalise', encodedSlashes: 'keep', parameters: 'keep' },
    tls: null,
    http2: http2 ? HTTP2 : null,
    redirectToHttpsPort: 0,
    redirectToHttpsStatus: 0,
    strictTransportSecurity: '',
  }
}

const EVERYTHING = routeSnapshot({ name: 'everything', to: 'origin' }, 0, ['origin'])

/** A configuration with one endpoint at `port` of the loopback interface. */
export function snapshot(port: number, options: StageOptions): Snapshot {
  const address = { kind: 'tcp', host: '127.0.0.1', port } as const
  return {
    generation: 1,
    listeners: [listener(options)],
    tcpListeners: [],
    udpListeners: [],
    upstreams: [
      upstreamSnapshot('origin', {
        endpoints: [address],
        pool: { idleMax: 512, idleTimeoutMs: 3_600_000, pipelining: options.pipelining ?? 1 },
      }),
    ],
    routes: [...(options.routes ?? []), EVERYTHING],
    errorPages: [],
  }
}

export interface Stage {
  readonly net: NetContext
  readonly routes: ListenerRoutes
  /** The client's side: reads requests. */
  readonly client: Connection
  /** The origin's side: reads responses. */
  readonly origin: Connection
}

/**
 * A client's connection, and the one pooled connection to the origin, which is really opened (so that nothing about it
 * is made up) and then muted.
 */
export async function setStage(options: StageOptions = {}): Promise<Stage> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const net = netContext()
  const { generation, shared } = await openGeneration(snapshot((server.address() as AddressInfo).port, options), net)
  const context: WorkerContext = {
    net,
    row: shared.row,
    shared,
    requestIds: new RequestIds(),
    challenges: new Challenges(),
    onExchange: options.onExchange ?? null,
  }
  const routes = generation.listeners[0] as ListenerRoutes
  const client = new Connection(net, mutedHandle())
  const served = { routes, isClosing: false }
  if (options.http2 === true) new Http2ServerConnection(context, served, client).begin()
  else new Http1Downstream(context, served, client).begin()
  const origin = await openSession(generation.upstreams[0] as Upstream)
  server.close()
  return { net, routes, client, origin }
}

/** A generation as a worker has it, with a state page of its own. */
export async function openGeneration(
  snapshot: Snapshot,
  context: NetContext,
): Promise<{ generation: Generation; shared: SharedState }> {
  const endpoints = snapshot.upstreams.reduce((sum, upstream) => sum + upstream.endpoints.length, 0)
  const page = StatePage.create(1, endpoints, snapshot.upstreams.length)
  const directory = new Directory(snapshot, page, { publish: () => Promise.resolve(), onEvent: () => undefined })
  await directory.open()
  const { placements } = directory
  directory.close()
  const shared = { page, row: page.rows[0] as StateRow }
  return {
    generation: new Generation({ snapshot, placements, before: null, shared, context, onHealth: () => undefined }),
    shared,
  }
}

async function openSession(upstream: Upstream): Promise<Connection> {
  const [endpoint] = upstream.endpoints
  const pool = endpoint?.pool as Http1Pool | undefined
  const session = (pool?.acquireNew(null) ?? null) as Http1ClientSession | null
  if (pool === undefined || session === null) throw new Error('the upstream has no endpoint')
  while (session.connection === null) {
    if (session.closed) throw new Error('the origin of the bench cannot be reached')
    await pause(1)
  }
  mute(session.connection.handle)
  pool.giveBack(session)
  return session.connection
}
