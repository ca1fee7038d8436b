/** What a measured proxy's process is told, and what it says. */

export interface ProxySettings {
  readonly originPort: number
  readonly accessLog: boolean
  readonly pipelining: number
}

export type ToProxyProcess =
  /** `entry` is the module that exports `createProxy`. */
  | { readonly kind: 'start'; readonly entry: string; readonly settings: ProxySettings }
  | { readonly kind: 'count' }
  | { readonly kind: 'profile_start'; readonly intervalUs: number }
  | { readonly kind: 'profile_stop'; readonly path: string }

export type FromProxyProcess =
  | { readonly kind: 'listening'; readonly port: number }
  /** Exchanges that have ended since the start. */
  | { readonly kind: 'counted'; readonly exchanges: number }
  | { readonly kind: 'profiling' }
  | { readonly kind: 'profiled' }
  | { readonly kind: 'failed'; readonly message: string }

/** The channel on which the main thread tells the worker about profiles, and the worker says that it has done it. */
export const PROFILE_CHANNEL = 'sluice-perf-profile'

/** Workers of the data plane have names that begin so. */
export const WORKER_NAME = 'sluice-worker-'
