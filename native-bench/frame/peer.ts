import type { Certificate } from './certificate.ts'

/** What a peer has to be able to do for a scenario; a scenario that needs more than a peer has is left out for it. */
export type Capability =
  | 'http1'
  | 'websocket'
  | 'pipelining'
  | 'access-log'
  | 'workers'
  | 'least-connections'
  /** HTTP/1.1 over TLS, and HTTP/2, at one port by ALPN. */
  | 'https'
  | 'h2'
  /** HTTP/2 in plain text from clients, with prior knowledge. */
  | 'h2c'
  /** gRPC: HTTP/2 in plain text on both sides. */
  | 'grpc'
  /** Connections passed through, whatever is spoken on them. */
  | 'tcp'
  /** Datagrams passed through. */
  | 'udp'

/** What clients speak: HTTP/1.1 or HTTP/2 in plain text, what ALPN says over TLS, or whatever TCP or UDP carries. */
export type ListenKind = 'http1' | 'h2c' | 'tls' | 'tcp' | 'udp'

/** How long a flow of UDP may be idle before a proxy forgets it, in s: the same for all, and longer than any pause of the load. */
export const UDP_IDLE_SECONDS = 30

export type PeerKind = 'sluice' | 'native' | 'node' | 'bun'

/** What one start of a proxy is to be: plain data, the same for every peer. */
export interface ProxySetup {
  /** The proxy listens on 127.0.0.1 at this port and forwards every request to the origin. */
  readonly port: number
  /** The origin, on 127.0.0.1. */
  readonly originPort: number
  /** Worker threads or processes, each of which does the whole work. 1 but in the scaling scenario. */
  readonly workers: number
  /** Requests that may wait on one upstream connection; 1 is none pipelined. Peers with `pipelining` only. */
  readonly pipelining: number
  /** Addresses of the origin (see `endpoints.ts`) that requests are spread over: 1 by turns, several by least connections. */
  readonly endpoints: number
  readonly listens: ListenKind
  /** For `tls`; null without. */
  readonly certificate: Certificate | null
  /** For `udp`: answers to a datagram with which its flow is over, so that the next one begins another; null: unknown. */
  readonly responses: number | null
  /** What the origin speaks, in plain text. */
  readonly originSpeaks: 'http1' | 'h2c'
  /** A file that gets an access line per request, or null for none. */
  readonly accessLogPath: string | null
  /** Connections that clients and the pool may have open at once, at least. */
  readonly connections: number
  /** An empty temporary folder of this start: configuration, pid file, temporary files. Removed by the runner. */
  readonly folder: string
}

/** A proxy that is measured, or the origin's. Lives in `peers/<name>/peer.ts`. */
export interface Peer {
  readonly name: string
  readonly kind: PeerKind
  readonly capabilities: ReadonlySet<Capability>
  /** The version that is installed, or why there is none: what to install, in one line. Never throws. */
  probe(): Presence
  /**
   * Writes the configuration into `setup.folder` and returns the command that runs the proxy in the foreground. It
   * becomes the process itself: its id, and those of its children, are what is accounted. The runner pins it to cores.
   */
  command(setup: ProxySetup): ProxyCommand
}

export type Presence = { readonly version: string } | { readonly absent: string }

export interface ProxyCommand {
  readonly executable: string
  readonly args: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}
