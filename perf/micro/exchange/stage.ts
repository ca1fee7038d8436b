/** A worker's data plane with a client and an origin, both without a kernel behind them. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { Generation, type ListenerRoutes, type Upstream } from '../../../engine/exchange/generation.ts'
import { Http1Downstream } from '../../../engine/exchange/http1-downstream.ts'
import type { ExchangeRecord } from '../../../engine/exchange/record.ts'
import { RequestIds } from '../../../engine/exchange/request-id.ts'
import type { WorkerContext } from '../../../engine/exchange/worker-context.ts'
import { Connection, type NetContext } from '../../../engine/net/connection.ts'
import { StatePage, type StateRow } from '../../../engine/shared/state-page.ts'
import type { ListenerSnapshot, RouteSnapshot, Snapshot } from '../../../engine/snapshot.ts'
import { LIMITS } from '../messages.ts'
import { mute, mutedHandle, netContext } from '../net/muted-handle.ts'

export interface StageOptions {
  readonly trustedProxies?: readonly string[]
  readonly forwarded?: boolean
  readonly pipelining?: number
  /** Beside the route that takes everything. */
  readonly routes?: readonly RouteSnapshot[]
  readonly onExchange?: (record: ExchangeRecord) => void
}

function listener({ trustedProxies = [], forwarded = false }: StageOptions): ListenerSnapshot {
  return {
    name: 'web',
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    limits: { ...LIMITS, connectionsMax: 10_000 },
    timeouts: { headMs: 30_000, contentMs: 60_000, idleMs: 75_000, tunnelMs: 3_600_000 },
    trustedProxies,
    forwarded,
  }
}

const EVERYTHING: RouteSnapshot = {
  name: 'everything',
  priority: 0,
  match: { listeners: null, hosts: null, path: { kind: 'prefix', path: '/' } },
  action: { kind: 'forward', upstream: 0 },
  host: { kind: 'keep' },
  request: { set: [], remove: [] },
  response: { set: [], remove: [] },
}

/** A configuration with one endpoint at `port` of the loopback interface. */
export function snapshot(port: number, options: StageOptions): Snapshot {
  const address = { kind: 'tcp', host: '127.0.0.1', port } as const
  return {
    generation: 1,
    listeners: [listener(options)],
    upstreams: [
      {
        name: 'origin',
        balance: 'round_robin',
        endpoints: [{ address, name: `127.0.0.1:${port}`, weight: 1 }],
        pool: { idleMax: 512, idleTimeoutMs: 3_600_000, requestsMax: 0, pipelining: options.pipelining ?? 1 },
        timeouts: { connectMs: 5_000, responseMs: 30_000, idleMs: 60_000 },
      },
    ],
    routes: [...(options.routes ?? []), EVERYTHING],
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
  const generation = new Generation(snapshot((server.address() as AddressInfo).port, options), net)
  const context: WorkerContext = {
    net,
    row: StatePage.create(1, 1).rows[0] as StateRow,
    requestIds: new RequestIds(),
    onExchange: options.onExchange ?? null,
    draining: false,
  }
  const routes = generation.listeners[0] as ListenerRoutes
  const client = new Connection(net, mutedHandle())
  new Http1Downstream(context, routes, client).begin()
  const origin = await openSession(generation.upstreams[0] as Upstream)
  server.close()
  return { net, routes, client, origin }
}

async function openSession(upstream: Upstream): Promise<Connection> {
  const [pool] = upstream.pools
  if (pool === undefined) throw new Error('the upstream has no endpoint')
  const session = pool.acquireNew()
  while (session.connection === null) {
    if (session.closed) throw new Error('the origin of the bench cannot be reached')
    await pause(1)
  }
  mute(session.connection.handle)
  pool.giveBack(session)
  return session.connection
}
