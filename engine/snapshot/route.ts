/** Which requests a route takes, and what becomes of them. Names are indices, patterns are checked. */
import type { FieldLine, HashKeySource, StatusRange } from './http.ts'
import type { Template } from './template.ts'
import type { RetrySnapshot } from './upstream.ts'

/** A regular expression in RE2's syntax: matched in linear time, anywhere in the text unless it says `^` and `$`. */
export interface RegexPattern {
  readonly regex: string
}

/** Lower case: exact (`api.example.com`), or with one leading wildcard for any labels (`*.example.com`). */
export type HostPattern = string | RegexPattern

/** A segment of a path as it is (never empty but for the last), or a name for whatever stands there (never empty). */
export type PathSegment = string | { readonly name: string }

/** Of paths in canonical form (`engine/routing/path.ts`), without query. */
export type PathMatch =
  | { readonly kind: 'exact'; readonly path: string }
  /** `/users/*` has the prefix `/users/`; it matches `/users` too, and never `/usersx`. `/*` matches everything. */
  | { readonly kind: 'prefix'; readonly path: string }
  /** `/users/{id}/orders`; with `rest`, `/users/{id}/*`, which matches `/users/7` too. At least one segment is a name. */
  | { readonly kind: 'template'; readonly segments: readonly PathSegment[]; readonly rest: boolean }
  | { readonly kind: 'regex'; readonly regex: string }

/** What a text must be like. */
export type TextTest =
  | {
      readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains'
      readonly text: string
    }
  | { readonly kind: 'regex'; readonly regex: string }
  | { readonly kind: 'present' | 'absent' }

/** In hexadecimal: fingerprints (SHA-256) in lower case, serial numbers in upper case. */
export type CertificatePart = 'subject' | 'issuer' | 'serial' | 'fingerprint' | 'san'

/** A statement about a request that holds or does not. */
export type Condition =
  /** Methods as they are written on the wire. `GET` does not stand for HEAD. */
  | { readonly kind: 'method'; readonly methods: readonly string[] }
  /**
   * A header by its name in lower case, its lines joined by `, `, one character per byte; a field of the query or a cookie, decoded. Of several of a
   * name, any of them. `absent` holds where there is none, every other test fails there.
   */
  | { readonly kind: 'header' | 'query' | 'cookie'; readonly name: string; readonly test: TextTest }
  /** The client's address lies in one of the CIDR blocks. */
  | { readonly kind: 'client_ip'; readonly blocks: readonly string[] }
  /** Media types in lower case without parameters, `image/*` for all of a kind. */
  | { readonly kind: 'content_type'; readonly types: readonly string[] }
  /** The content is that of a call of gRPC, or of gRPC-Web. */
  | { readonly kind: 'grpc' }
  /** Of the verified certificate of the client; of alternative names (`san`) any. Nothing of it is there without one. */
  | { readonly kind: 'client_cert'; readonly part: CertificatePart; readonly test: TextTest }
  | { readonly kind: 'scheme'; readonly scheme: 'http' | 'https' }
  | { readonly kind: 'host'; readonly hosts: readonly HostPattern[] }
  | { readonly kind: 'path'; readonly path: PathMatch }
  | { readonly kind: 'all' | 'any'; readonly conditions: readonly Condition[] }
  | { readonly kind: 'not'; readonly condition: Condition }

export interface RouteMatch {
  /** Indices into `listeners`; `null` for every http listener. */
  readonly listeners: readonly number[] | null
  /** One of them; `null` for any. */
  readonly hosts: readonly HostPattern[] | null
  readonly path: PathMatch
  /** All of them. */
  readonly conditions: readonly Condition[]
}

/** An answer of the proxy's own. */
export interface RespondAction {
  readonly kind: 'respond'
  readonly status: number
  readonly fields: readonly FieldLine[]
  readonly content: Uint8Array
}

export interface SplitTarget {
  /** Index into `upstreams`. */
  readonly upstream: number
  /** Its share, by the sum of all; 0 for only where `when` holds. */
  readonly weight: number
  /** Requests for which all of them hold go here, whatever the weights say; the first such target has them. `null` for none. */
  readonly when: readonly Condition[] | null
}

/** The folder of a route, and how files of it are served. */
export interface FilesSnapshot {
  /** Absolute. */
  readonly root: string
  /** Names that are looked for where a path ends in a slash; empty for none: 404. */
  readonly index: readonly string[]
  /** Suffixes of compressed files that lie beside the files, by coding, the one that is liked best first. */
  readonly precompressed: readonly ('zstd' | 'br' | 'gzip')[]
  /** Taken off the path before the file is looked for; empty for nothing. */
  readonly stripPrefix: string
  /** `Cache-Control`; empty for none. */
  readonly cacheControl: string
  /** The file for paths that there is no file for (of an application with routes of its own); empty for 404. */
  readonly fallback: string
}

export type RouteAction =
  | { readonly kind: 'forward'; readonly upstream: number }
  | {
      readonly kind: 'split'
      readonly targets: readonly SplitTarget[]
      /** Equal values go the same way (a request without one by chance); `null` for by chance. */
      readonly by: HashKeySource | null
    }
  | RespondAction
  | {
      readonly kind: 'redirect'
      readonly status: number
      /** `Location`. */
      readonly to: Template
      /** The request's query is put behind it. */
      readonly keepsQuery: boolean
    }
  | { readonly kind: 'files'; readonly files: FilesSnapshot }

/** A field line with a value that may differ with each request. */
export type TemplateLine = readonly [name: string, value: Template]

/** In this order: rename, remove, set, add. */
export interface FieldEdits {
  /** From a name in lower case to a name as it is written; every line of that name keeps its value. */
  readonly rename: readonly (readonly [from: string, to: string])[]
  /** Lower-case names. */
  readonly remove: readonly string[]
  /** Replaces every field line of that name. A value that comes out empty sets nothing: the field is gone. */
  readonly set: readonly TemplateLine[]
  /** Beside those that there are. One that comes out empty is not added. */
  readonly add: readonly TemplateLine[]
}

/** What the upstream request's `Host` says. */
export type HostRewrite =
  | { readonly kind: 'keep' }
  /** The endpoint's own address, as in the configuration. */
  | { readonly kind: 'upstream' }
  | { readonly kind: 'set'; readonly host: Template }

/** A change to the canonical path; each works on what the one before it has left. */
export type PathEdit =
  /** The whole path anew. */
  | { readonly kind: 'replace'; readonly path: Template }
  /** Without its slash at the end; a path without the prefix stays as it is. */
  | { readonly kind: 'strip_prefix' | 'add_prefix'; readonly prefix: string }
  /** Every match; `$1` and `$<name>` in `by` are its groups. */
  | { readonly kind: 'regex'; readonly regex: string; readonly by: string }

/** In this order. Names and values as they go on the wire, percent-encoded. */
export interface QueryEdits {
  /** Everything that the client has sent is left out first. */
  readonly clear: boolean
  readonly remove: readonly string[]
  readonly set: readonly TemplateLine[]
  readonly add: readonly TemplateLine[]
}

/** A copy of requests that goes to another upstream; what comes back is thrown away. */
export interface MirrorSnapshot {
  /** Index into `upstreams`. */
  readonly upstream: number
  /** 0 to 1. */
  readonly share: number
  /** Copies under way per worker. Past it: no copy. */
  readonly concurrencyMax: number
  /** Content that waits for the other upstream. Past it: that copy is given up. */
  readonly contentBytesMax: number
}

/** What is sent in place of an error. */
export interface ErrorPageSnapshot {
  readonly statuses: readonly StatusRange[]
  /** For responses of the upstream too, not only for errors of the proxy's own. */
  readonly intercepts: boolean
  /** `status` 0 keeps that of the error. `${status}` and the like may stand in `content`. */
  readonly status: number
  readonly fields: readonly FieldLine[]
  readonly content: Template
}

/** Which requests an upstream at its limit refuses first. */
export type Importance = 'low' | 'normal' | 'high'

export interface RouteTimeouts {
  /** In place of the upstream's; 0 for that. */
  readonly responseMs: number
  /** Between two reads of response content, in place of the upstream's; 0 for that. */
  readonly idleMs: number
  /** From the request's first byte to the response's last, tries and waiting included; 0 for none. Past it: 504. */
  readonly totalMs: number
}

export interface RouteSnapshot {
  readonly name: string
  readonly match: RouteMatch
  /** Higher first; then the more specific match, then the order of the configuration. */
  readonly priority: number
  readonly action: RouteAction
  readonly host: HostRewrite
  readonly path: readonly PathEdit[]
  /** `null` for the query as it came. */
  readonly query: QueryEdits | null
  readonly request: FieldEdits
  readonly response: FieldEdits
  readonly timeouts: RouteTimeouts
  /** In place of the upstream's; `null` for that. */
  readonly retry: RetrySnapshot | null
  readonly mirror: MirrorSnapshot | null
  /** Before those of the snapshot. */
  readonly errorPages: readonly ErrorPageSnapshot[]
  /** Index into `routes`: takes requests that the upstream of this one cannot answer; -1 for none. */
  readonly fallback: number
  readonly importance: Importance
  /** Calls of gRPC-Web go to the upstream as calls of gRPC. */
  readonly grpcWeb: boolean
}
