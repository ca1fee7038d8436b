/** What is asked of `explain`, and what it answers: plain data, for programs and for people. */
import type { ClientCertificate } from '../http/client-tls.ts'
import type { UpstreamSnapshot } from '../snapshot.ts'
import type { EndpointState } from '../upstream/endpoint-status.ts'

export interface ExplainRequest {
  readonly method: string
  readonly scheme: 'http' | 'https'
  /** Host and port as a client writes them in `Host`. */
  readonly authority: string
  /** Origin form, with the query. One character per byte, as in `fields`. */
  readonly target: string
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** Address of the peer. */
  readonly from: string
  /** The listener's name; empty for the one that the authority leads to. */
  readonly listener: string
  /** What the client has shown, and the listener has verified; `null` for none. */
  readonly certificate: ClientCertificate | null
}

/** A route of the listener, in the order of precedence. */
export interface Candidate {
  readonly route: string
  readonly matches: boolean
  /** Why not: the first is the first that was looked at. */
  readonly failed: readonly string[]
  /** Of one that matches and does not take the request: why the one that does goes first. Else empty. */
  readonly behind: string
}

export interface ExplainedEndpoint {
  readonly name: string
  readonly state: EndpointState
  readonly weight: number
  /** Requests under way over all workers. */
  readonly requests: number
  readonly chosen: boolean
}

export interface ExplainedUpstream {
  readonly name: string
  /** Why this one; empty where the route names it. */
  readonly reason: string
  /** Those that a request like this may go to as well, by chance. */
  readonly alternatives: readonly string[]
  readonly protocol: UpstreamSnapshot['protocol']
  /** Whether connections are encrypted. */
  readonly tls: boolean
  readonly balance: string
  /** The endpoint that the next such request would go to, and why; empty where there is none. */
  readonly endpoint: string
  readonly endpointReason: string
  readonly endpoints: readonly ExplainedEndpoint[]
}

export interface ExplainedShare {
  readonly upstream: string
  /** Of the requests that no condition has decided, 0 to 1. */
  readonly share: number
  /** The conditions for it to have a request whatever the shares say; `null` for none. */
  readonly when: { readonly holds: boolean; readonly text: string } | null
  readonly chosen: boolean
}

export interface ExplainedSplit {
  /** What shares go by: `the cookie group`, or `chance`. */
  readonly by: string
  readonly targets: readonly ExplainedShare[]
}

/** A route that could not have the request answered, so that another one takes it. */
export interface ExplainedFallback {
  /** The one that takes it. */
  readonly route: string
  /** Why: the code of the error that there would have been, and the upstream that it is about. */
  readonly error: string
  readonly upstream: ExplainedUpstream
}

export interface ExplainedErrorPage {
  /** E.g. `502` or `500-599`. */
  readonly statuses: readonly string[]
  /** In place of responses of the upstream, too. */
  readonly intercepts: boolean
  /** What is sent; 0 for the status of the error. */
  readonly status: number
}

/** What the route has in force while the request is under way. */
export interface ExplainedRules {
  /** In milliseconds; 0 for none. `null` where no upstream is asked. */
  readonly timeouts: {
    readonly connectMs: number
    readonly responseMs: number
    readonly idleMs: number
    readonly totalMs: number
  } | null
  /** `null` where no upstream is asked. */
  readonly retry: {
    /** Tries after the first. */
    readonly attempts: number
    /** `connect`, `reset`, `timeout`, and statuses. */
    readonly on: readonly string[]
    /** It is sent again although it may have been received: because of its method. */
    readonly repeats: boolean
  } | null
  /** The route that takes the request where the upstream cannot answer; empty for none. */
  readonly fallback: string
  /** The first that has the status counts. */
  readonly errorPages: readonly ExplainedErrorPage[]
}

export interface ExplainedFiles {
  /** The folder. */
  readonly root: string
  /** Where the file is looked for, in this order, below the folder: the first that there is. */
  readonly names: readonly string[]
  /** Endings of compressed files that go before those, where they lie beside them: the client takes them. */
  readonly precompressed: readonly string[]
}

/** What the client gets without an upstream. */
export interface ExplainedAnswer {
  readonly status: number
  /** Lower-case names. What every response has (`Date`, `Connection`) is left out. */
  readonly fields: Readonly<Record<string, string>>
}

export interface Explanation {
  readonly listener: { readonly name: string; readonly reason: string }
  readonly request: {
    readonly method: string
    readonly host: string
    /** As routes see it; empty where it is refused. */
    readonly path: string
    readonly writtenPath: string
    /** How it has come: behind trusted proxies as they tell it. */
    readonly scheme: string
    /** The client's address: behind trusted proxies the one that they tell. */
    readonly client: string
    /** The subject of the client's certificate; empty for none. */
    readonly certificate: string
  }
  readonly candidates: readonly Candidate[]
  /** The one that matches; `null` for none. */
  readonly route: string | null
  /** What becomes of the request, by `route` or the last one of `fallbacks`. */
  readonly action: 'forward' | 'split' | 'respond' | 'redirect' | 'files' | 'error'
  /** What the path pattern has caught. */
  readonly captures: Readonly<Record<string, string>>
  /** Mostly none. What follows is about the last of them. */
  readonly fallbacks: readonly ExplainedFallback[]
  /** `null` where the route names one upstream, or none. */
  readonly split: ExplainedSplit | null
  /** What is changed on the way to the upstream, a sentence each. */
  readonly rewrites: readonly string[]
  /** What is changed of the response, a sentence each. */
  readonly responseEdits: readonly string[]
  /** Plugins of the route, in the order in which they run. */
  readonly plugins: readonly string[]
  /** `null` where the request goes nowhere. */
  readonly upstream: ExplainedUpstream | null
  /** The request as it goes to the endpoint; `null` where it goes nowhere. */
  readonly upstreamRequest: {
    readonly method: string
    readonly target: string
    readonly host: string
    /** Field lines in their order. */
    readonly fields: readonly (readonly [name: string, value: string])[]
  } | null
  /** Where else a copy goes, and of which share of such requests (0 to 1); `null` for nowhere. */
  readonly mirror: { readonly upstream: string; readonly share: number } | null
  /** `null` where the route serves none. */
  readonly files: ExplainedFiles | null
  /** `null` where no route has it. */
  readonly rules: ExplainedRules | null
  /** `null` where an upstream or a file gives it. */
  readonly answer: ExplainedAnswer | null
  /** The error's code; empty where nothing goes wrong. */
  readonly error: string
}
