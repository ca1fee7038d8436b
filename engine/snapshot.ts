/**
 * The compiled form of one accepted configuration, as plain data: what the control plane hands to the data plane.
 * Everything is resolved (defaults filled in, units converted, names turned into indices), nothing is shared, and the
 * whole survives `structuredClone`. The engine never sees a configuration file.
 */
import type { TcpListenerSnapshot, UdpListenerSnapshot } from './snapshot/flow.ts'
import type { ListenerSnapshot } from './snapshot/listener.ts'
import type { ErrorPageSnapshot, RouteSnapshot } from './snapshot/route.ts'
import type { UpstreamSnapshot } from './snapshot/upstream.ts'

export type * from './snapshot/address.ts'
export type * from './snapshot/flow.ts'
export type * from './snapshot/http.ts'
export type * from './snapshot/listener.ts'
export type * from './snapshot/proxy-protocol.ts'
export type * from './snapshot/route.ts'
export type * from './snapshot/template.ts'
export type * from './snapshot/tls.ts'
export type * from './snapshot/upstream.ts'

export interface Snapshot {
  /** Counts up with each accepted configuration, from 1. */
  readonly generation: number
  /** Those that speak HTTP. Names tell all listeners apart, whatever they speak. */
  readonly listeners: readonly ListenerSnapshot[]
  readonly tcpListeners: readonly TcpListenerSnapshot[]
  readonly udpListeners: readonly UdpListenerSnapshot[]
  readonly upstreams: readonly UpstreamSnapshot[]
  readonly routes: readonly RouteSnapshot[]
  /** For errors of all routes, and of requests that no route takes. */
  readonly errorPages: readonly ErrorPageSnapshot[]
}
