/**
 * A request as routes see it: read from its head when somebody asks, never before. There is one object per thread, which is
 * used up before the next head is read; whoever needs something of it later takes it along.
 */
import type { Head } from '../http/head.ts'
import { createForwarding, type Forwarding } from '../http/head-writer.ts'
import { methodName } from '../http/methods.ts'
import type { RequestFacts } from '../http/request-facts.ts'
import type { PathPolicy } from '../snapshot.ts'
import type { Captures } from './captures.ts'
import { clientAddress } from './client-address.ts'
import { ConditionValues } from './condition-values.ts'
import { cookieValues } from './cookie.ts'
import { fieldValue } from './field.ts'
import { canonicalPath, plainPathEnd } from './path.ts'
import { queryValues } from './query.ts'

export type { Captures } from './captures.ts'

const QUESTION_MARK = 0x3f
const NO_BYTES = new Uint8Array(0)

/** Where a request comes from. */
export interface RequestSource {
  /** The listener's name. */
  readonly listener: string
  /** The peer's address with its port. */
  readonly client: string
  readonly forwarding: Forwarding
  /** Whether an address is one of the proxies whose word counts. */
  isTrusted(address: string): boolean
}

/** Before a path is read. */
const KEEPING: PathPolicy = {
  dotSegments: 'normalise',
  emptySegments: 'normalise',
  encodedSlashes: 'keep',
  parameters: 'keep',
}

/** Where requests come from before the first of them. */
export const NOBODY: RequestSource = {
  listener: '',
  client: '',
  forwarding: createForwarding(false, false, '', 'http', 0),
  isTrusted: () => false,
}

/** What a route's pattern makes of a path that it matches. */
export interface PathCaptor {
  captures(path: string): Captures | null
}

export class RoutedRequest {
  head: Head
  facts: RequestFacts
  source: RequestSource
  requestId = ''
  /** Milliseconds since the epoch when its first byte was read. */
  startedAtMs = 0
  /**
   * The canonical path is another than the one in the head, so that the request line has to be written anew. Set by `readPath`.
   * Neither an empty path (`/`) nor the `*` of OPTIONS differs: the request line knows them.
   */
  pathDiffers = false
  /** What the listener does with paths. Set by `readPath`. */
  policy: PathPolicy = KEEPING
  /** Something in it is longer than an expression of a route may look at: it is to be refused. Set by who asks for routes. */
  isOverlong = false
  /** The pattern that has matched: it knows what it has caught. Set by the router. */
  captor: PathCaptor | null = null
  /** The path in bytes, for those who need no string: in the head as long as that is canonical. Set by `readPath`. */
  pathBytes: Uint8Array = NO_BYTES
  pathStart = 0
  pathEnd = 0
  /** What conditions ask for. */
  readonly values = new ConditionValues(this)
  /** These are made when somebody asks for them. */
  #path: string | null = null
  #captures: Captures | null = null
  #host: string | null = null
  #client: string | null = null

  constructor(head: Head, facts: RequestFacts, source: RequestSource) {
    this.head = head
    this.facts = facts
    this.source = source
  }

  /** Begins with another request, whose head is whole. @hotpath */
  begin(source: RequestSource, requestId: string, startedAtMs: number): void {
    this.source = source
    this.requestId = requestId
    this.startedAtMs = startedAtMs
    this.pathDiffers = false
    this.isOverlong = false
    this.captor = null
    this.#path = null
    this.#captures = null
    this.#host = null
    this.#client = null
    this.values.forget()
  }

  /** Begins with what was found out of `request`, of which this one has a copy of the head and of the facts. */
  continue(request: RoutedRequest): void {
    this.begin(request.source, request.requestId, request.startedAtMs)
    this.pathDiffers = request.pathDiffers
    this.policy = request.policy
    this.#takePath(request.path)
    this.#captures = request.captures
  }

  /** Finds the canonical path; false where the policy refuses it. @hotpath */
  readPath(policy: PathPolicy): boolean {
    const { head, facts } = this
    this.policy = policy
    const start = head.base + facts.pathStart
    const end = plainPathEnd(head.bytes, start, head.base + facts.pathEnd)
    if (end < 0) return this.#readOddPath(policy)
    this.pathBytes = head.bytes
    this.pathStart = start
    this.pathEnd = end
    return true
  }

  #readOddPath(policy: PathPolicy): boolean {
    const { writtenPath } = this
    const path = canonicalPath(writtenPath, policy)
    if (path === null) return false
    this.pathDiffers = path !== writtenPath && writtenPath !== '' && writtenPath !== '*'
    this.#takePath(path)
    return true
  }

  #takePath(path: string): void {
    this.#path = path
    this.pathBytes = Buffer.from(path, 'latin1')
    this.pathStart = 0
    this.pathEnd = path.length
  }

  /** The path that decides everything, and that goes upstream: canonical, without query. */
  get path(): string {
    this.#path ??= this.writtenPath
    return this.#path
  }

  /** What the route's path pattern has caught, by name (`*` for the rest of a prefix); `null` for nothing. */
  get captures(): Captures | null {
    if (this.captor !== null) this.captures = this.captor.captures(this.path)
    return this.#captures
  }

  set captures(captures: Captures | null) {
    this.captor = null
    this.#captures = captures
  }

  /** The path as the client wrote it, without query. */
  get writtenPath(): string {
    return this.head.text(this.facts.pathStart, this.#queryStart())
  }

  /** In origin form, as the client wrote it. */
  get target(): string {
    return this.head.text(this.facts.pathStart, this.facts.pathEnd)
  }

  /** As the client wrote it, without its question mark; empty where there is none. */
  get query(): string {
    return this.head.text(Math.min(this.#queryStart() + 1, this.facts.pathEnd), this.facts.pathEnd)
  }

  /** Position of the question mark, or of the target's end. */
  #queryStart(): number {
    const { head, facts } = this
    let at = facts.pathStart
    while (at < facts.pathEnd && head.byte(at) !== QUESTION_MARK) at += 1
    return at
  }

  get method(): string {
    return methodName(this.facts.method)
  }

  /** In lower case, without port and without the dot of a name that is written out in full; empty where the request names none. */
  get host(): string {
    this.#host ??= hostName(this.head.text(this.facts.hostStart, this.facts.hostEnd))
    return this.#host
  }

  /** The client's address, behind trusted proxies the one that they tell. */
  get clientAddress(): string {
    this.#client ??= clientAddress(this.head, this.source)
    return this.#client
  }

  /** The lines of a field, joined by `, `; `null` where there is none. `name` in lower case. */
  field(name: string): string | null {
    return fieldValue(this.head, name)
  }

  /** All values of a query field, as they are written. */
  queryValues(name: string): string[] {
    return queryValues(this.query, name)
  }

  cookieValues(name: string): string[] {
    return cookieValues(this.head, name)
  }
}

/** Most hosts are in lower case and have neither a port nor a dot at their end. */
const PLAIN_HOST = /^[a-z0-9\-.]*[a-z0-9-]$/

function hostName(field: string): string {
  if (PLAIN_HOST.test(field)) return field
  return field
    .toLowerCase()
    .replace(/:\d*$/, '')
    .replace(/(?<=[^.])\.$/, '')
}
