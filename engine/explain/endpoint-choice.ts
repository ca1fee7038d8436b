/** Which endpoint a request would go to now, and why. */
import type { ErrorCode } from '../exchange/errors.ts'
import { hashKey } from '../exchange/hash-key.ts'
import type { Route } from '../exchange/route.ts'
import type { Target } from '../exchange/target.ts'
import { cookieValue } from '../routing/cookie.ts'
import type { RoutedRequest } from '../routing/request.ts'
import { stampOf } from '../shared/clock.ts'
import type { StatePage } from '../shared/state-page.ts'
import { QUEUED, UPSTREAM_CELLS } from '../shared/upstream-cells.ts'
import type { HashKeySource, UpstreamSnapshot } from '../snapshot.ts'
import { REFUSED_BY_CIRCUIT } from '../upstream/admission.ts'
import { NORMAL } from '../upstream/concurrency-limit.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { describeKeySource } from './splits.ts'

/** Why a request gets to no endpoint. */
export interface Refusal {
  readonly code: ErrorCode
  /** Milliseconds until a circuit lets requests through again; -1 where none is in the way. */
  readonly circuitLeftMs: number
}

export interface EndpointChoice {
  /** `null` for none. */
  readonly endpoint: Endpoint | null
  readonly reason: string
  /** `null` where an endpoint is found, or will be. */
  readonly refusal: Refusal | null
}

/** Asks the upstream and its balancer themselves, on a state that is nobody else's, and gives back what it takes. */
export function chooseEndpoint(
  page: StatePage,
  { importance }: Route,
  { upstream, retryDeposit }: Target,
  request: RoutedRequest,
): EndpointChoice {
  const nowMs = performance.now()
  const admission = upstream.admission.enter(importance, nowMs, retryDeposit)
  if (admission < 0) return notAdmitted(admission, upstream, nowMs)
  const choice = choose(page, upstream, request, nowMs)
  if (choice.endpoint !== null) upstream.unchoose(choice.endpoint)
  upstream.admission.leave(admission, -1)
  return choice
}

/** The same for a flow, which has nothing but the address of its client. */
export function chooseForFlow(page: StatePage, upstream: Upstream, address: string): EndpointChoice {
  const nowMs = performance.now()
  const admission = upstream.admission.enter(NORMAL, nowMs)
  if (admission < 0) return notAdmitted(admission, upstream, nowMs)
  const choice = withoutAny(upstream) ?? balanced(page, upstream, address, nowMs)
  if (choice.endpoint !== null) upstream.unchoose(choice.endpoint)
  upstream.admission.leave(admission, -1)
  return choice
}

function notAdmitted(admission: number, { circuit }: Upstream, nowMs: number): EndpointChoice {
  if (admission !== REFUSED_BY_CIRCUIT || circuit === null) {
    return refused('upstream_overloaded', 'it has as many requests under way as it bears')
  }
  return refused('upstream_circuit_open', 'its circuit is open', circuit.leftMs(stampOf(nowMs)))
}

function refused(code: ErrorCode, reason: string, circuitLeftMs = -1): EndpointChoice {
  return { endpoint: null, reason, refusal: { code, circuitLeftMs } }
}

function choose(page: StatePage, upstream: Upstream, request: RoutedRequest, nowMs: number): EndpointChoice {
  const { settings, sticky } = upstream
  const nobody = withoutAny(upstream)
  if (nobody !== null) return nobody
  const isHashed = settings.hashOn !== null || settings.balance === 'ip_hash'
  const key = isHashed ? hashKey(settings.hashOn, request) : ''
  const home = sticky === null ? null : sticky.find(cookieValue(request.head, sticky.cookie))
  if (home !== null && upstream.keepsSession(home)) {
    return { endpoint: home, reason: `its session is there, says the cookie ${sticky?.cookie}`, refusal: null }
  }
  const choice = balanced(page, upstream, key, nowMs)
  if (home === null || choice.endpoint === null) return choice
  return { ...choice, reason: `${choice.reason}; its session was at ${home.name}, which takes none now` }
}

/** What is to be said of an upstream without endpoints; `null` where it has some. */
function withoutAny({ settings, endpoints }: Upstream): EndpointChoice | null {
  if (endpoints.length > 0) return null
  return settings.endpoints.length === 0
    ? refused('no_endpoint', 'it has no endpoints')
    : refused('upstream_unresolved', 'none of its names has resolved')
}

function balanced(page: StatePage, upstream: Upstream, key: string, nowMs: number): EndpointChoice {
  const endpoint = upstream.choose(key, null, nowMs)
  if (endpoint === null) return upstream.lack === 'full' ? fullOf(page, upstream) : nobodyIn(upstream)
  return { endpoint, reason: reasonOf(upstream, endpoint, key), refusal: null }
}

function nobodyIn(upstream: Upstream): EndpointChoice {
  const leftMs = upstream.circuitLeftMs(performance.now())
  if (leftMs < 0) return refused('no_endpoint', 'no endpoint can be chosen now')
  return refused('upstream_circuit_open', 'the circuits of all endpoints that could be chosen are open', leftMs)
}

/** All have as many connections as they may. */
function fullOf(page: StatePage, { settings: { queue }, slot }: Upstream): EndpointChoice {
  const full = 'every endpoint is at its limit of connections'
  if (queue === null) return refused('upstream_full', full)
  const waiting = page.upstreamCells[slot * UPSTREAM_CELLS + QUEUED] as number
  if (waiting >= queue.size) return refused('upstream_queue_full', `${full}, and ${waiting} requests wait already`)
  const others = waiting === 0 ? '' : ` behind ${waiting} others`
  return { endpoint: null, reason: `${full}: the request waits${others}, at most ${queue.timeoutMs} ms`, refusal: null }
}

function reasonOf({ settings, endpoints }: Upstream, endpoint: Endpoint, key: string): string {
  if (endpoints.length === 1) return 'the only one'
  const { backup, priority, gated } = endpoint
  const notes = [
    backup ? 'a backup, because no other can be chosen' : '',
    priority > 0 ? `of those with priority ${priority}` : '',
    gated ? 'one request is to show whether it is back' : '',
  ]
  return [REASONS[settings.balance](settings, key), ...notes.filter(note => note !== '')].join('; ')
}

type Reason = (settings: UpstreamSnapshot, key: string) => string

/** By the balancer. */
const REASONS: Readonly<Record<UpstreamSnapshot['balance'], Reason>> = {
  round_robin: () => 'the first of a round; each worker goes its own rounds',
  random: () => 'by chance: another one the next time',
  power_of_two: ({ measure }) => `the better of two taken by chance, by ${MEASURES[measure]}`,
  least_connections: () => 'the fewest under way for its weight',
  least_time: ({ measure }) => `the least ${MEASURES[measure]}, with the requests under way`,
  peak_ewma: () => 'the least expected time: latency times requests under way',
  ip_hash: (_, key) => `by the hash of the address ${key}`,
  hash: ({ hashOn }, key) => byHash(hashOn, key),
  maglev: ({ hashOn }, key) => byHash(hashOn, key),
}

const MEASURES: Readonly<Record<UpstreamSnapshot['measure'], string>> = {
  connections: 'requests under way',
  first_byte: 'time to the first byte',
  response: 'time of the whole response',
}

function byHash(source: HashKeySource | null, key: string): string {
  const what = describeKeySource(source ?? { kind: 'client_ip' })
  return key === '' ? `by chance, for lack of ${what}` : `by the hash of ${what}, ${JSON.stringify(key)}`
}
