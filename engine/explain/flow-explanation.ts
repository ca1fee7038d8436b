/** What is asked of `explain` about connections and datagrams that are passed on as they come, and what it answers: plain data. */
import type { ExplainedUpstream } from './explanation.ts'

export interface FlowQuestion {
  readonly transport: 'tcp' | 'udp'
  readonly port: number
  /** The listener's name; empty for the one that the port leads to. */
  readonly listener: string
  /** The client's address. */
  readonly from: string
  /** What comes first; `none` where the client waits for the server, or it is not known. */
  readonly begins: 'tls' | 'http' | 'none'
  /** What the handshake of TLS asks for; empty and none without. */
  readonly serverName: string
  readonly alpn: readonly string[]
}

/** A rule of `sni` or `first_bytes`, in the order in which they are looked at. */
export interface FlowRule {
  /** E.g. `sni *.example.com with h2`, `first_bytes http`. */
  readonly rule: string
  readonly upstream: string
  readonly fits: boolean
  /** The first that fits. */
  readonly chosen: boolean
}

export interface FlowExplanation {
  readonly protocol: 'tcp' | 'udp'
  readonly listener: { readonly name: string; readonly reason: string }
  readonly client: string
  readonly begins: FlowQuestion['begins']
  readonly serverName: string
  readonly alpn: readonly string[]
  /** Whether encryption ends at the listener. */
  readonly isDecrypted: boolean
  /** None where the listener names one upstream alone. */
  readonly rules: readonly FlowRule[]
  /** `null` where it goes nowhere. */
  readonly upstream: ExplainedUpstream | null
  /**
   * The error's code (docs/errors.md, flows), or `handshake_failed` where the listener ends TLS and none is spoken; empty where
   * nothing goes wrong.
   */
  readonly error: string
}
