/**
 * What becomes of one request once its route is known: the way that `Exchange` and `Forward` go, as far as it can be known
 * before anything is sent.
 *
 *     route ──▶ answers itself
 *       │
 *       └────▶ upstream ──▶ endpoint
 *                 └── takes nothing, has nobody: the route that takes over, else an error and its page
 */
import { retryAfter } from '../exchange/answer.ts'
import type { ErrorCode } from '../exchange/errors.ts'
import { FALLBACKS_MAX, mayTake } from '../exchange/fallback.ts'
import { filePath } from '../exchange/files/file-response.ts'
import { answerTo } from '../exchange/grpc/answer.ts'
import { callOf } from '../exchange/grpc/call.ts'
import { GrpcWebRequest } from '../exchange/grpc/web-request.ts'
import { KeptRequest } from '../exchange/kept-request.ts'
import { HOST_OF_ENDPOINT, hostOfRoute, requestRewrite } from '../exchange/request-rewrite.ts'
import type { Route } from '../exchange/route.ts'
import type { Target } from '../exchange/target.ts'
import { writeRequestHead } from '../http/head-writer.ts'
import { ByteBuffer } from '../net/byte-buffer.ts'
import { REFUSED_TARGET, upstreamTarget } from '../rewriting/rewrite.ts'
import type { RoutedRequest } from '../routing/request.ts'
import type { StatePage } from '../shared/state-page.ts'
import type { FieldLine, RouteSnapshot, Snapshot } from '../snapshot.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import { explainAnswer, explainError } from './answers.ts'
import { chooseEndpoint, type Refusal } from './endpoint-choice.ts'
import { endpointsOf, explainUpstream } from './endpoints.ts'
import type { ExplainedFallback, Explanation } from './explanation.ts'
import { explainFiles } from './files.ts'
import { parseHead } from './parse-head.ts'
import { describeResponseEdits, describeRewrites } from './rewrites.ts'
import { explainRules } from './rules.ts'
import { type Destination, explainSplit } from './splits.ts'

/** Most heads are shorter; it grows. */
const HEAD_BYTES = 4096

const GRPC_WEB = 'the call of gRPC-Web becomes one of gRPC'

const ALLOW: FieldLine = ['Allow', 'GET, HEAD']

/** What an explanation says of what becomes of the request. */
export type Outcome = Omit<Explanation, 'listener' | 'request' | 'candidates' | 'route' | 'captures'>

export const NO_OUTCOME: Outcome = {
  action: 'error',
  fallbacks: [],
  split: null,
  rewrites: [],
  responseEdits: [],
  plugins: [],
  upstream: null,
  upstreamRequest: null,
  mirror: null,
  files: null,
  rules: null,
  answer: null,
  error: '',
}

export interface CourseSurroundings {
  readonly snapshot: Snapshot
  readonly page: StatePage
  /** By name. */
  readonly routes: ReadonlyMap<string, RouteSnapshot>
}

export class Course {
  readonly #surroundings: CourseSurroundings
  readonly #fallbacks: ExplainedFallback[] = []
  /** The name of the upstream that the request was for last; empty for none. */
  #upstream = ''

  constructor(surroundings: CourseSurroundings) {
    this.#surroundings = surroundings
  }

  follow(route: Route, request: RoutedRequest): Outcome {
    const { routes, snapshot } = this.#surroundings
    const written = routes.get(route.name) as RouteSnapshot
    const destination = destinationOf(route, written, request)
    const known: Outcome = {
      ...NO_OUTCOME,
      fallbacks: [...this.#fallbacks],
      responseEdits: describeResponseEdits(written),
      rules: explainRules(snapshot, written, destination?.target ?? null, request.facts),
    }
    if (destination !== null) return this.#forward(known, route, written, destination, request)
    return route.files === null ? this.#answer(known, route, request) : this.#serve(known, route, written, request)
  }

  #answer(known: Outcome, route: Route, request: RoutedRequest): Outcome {
    const action = route.redirect === null ? 'respond' : 'redirect'
    const configured = route.answer ?? route.redirect?.answer(request) ?? null
    const answer = configured === null ? null : answerTo(callOf(request), configured, route.response)
    if (answer === null) return { ...known, action }
    return { ...known, action, answer: explainAnswer(answer, request, { upstream: this.#upstream, endpoint: '' }) }
  }

  #serve(known: Outcome, route: Route, { action }: RouteSnapshot, request: RoutedRequest): Outcome {
    const path = filePath(route, request)
    if (path === null) return this.#fail(known, route, 'request_path', [], request)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return this.#fail(known, route, 'file_method', [ALLOW], request)
    }
    const files = action.kind === 'files' ? explainFiles(action.files, path, request) : null
    if (files === null) return this.#fail(known, route, 'file_not_found', [], request)
    return { ...known, action: 'files', files }
  }

  #forward(
    known: Outcome,
    route: Route,
    written: RouteSnapshot,
    destination: Destination,
    asked: RoutedRequest,
  ): Outcome {
    const call = route.grpcWeb && this.#fallbacks.length === 0 ? callOf(asked) : null
    const request = call?.isWeb === true ? new GrpcWebRequest(call).translate(asked) : asked
    const { page } = this.#surroundings
    const { target, split } = destination
    const { upstream } = target
    this.#upstream = upstream.name
    if (request.isOverlong) return this.#fail({ ...known, split }, route, 'request_head_too_large', [], request)
    const requestTarget = upstreamTarget(route.rewrite, request)
    if (requestTarget === REFUSED_TARGET) return this.#fail({ ...known, split }, route, 'request_path', [], request)
    const host = hostOfRoute(route, request)
    // Before somebody is chosen, which may change how an endpoint does.
    const endpoints = endpointsOf(page, upstream)
    const choice = chooseEndpoint(page, route, target, request)
    const { endpoint, refusal } = choice
    const found: Outcome = {
      ...known,
      split,
      rewrites: [...(request === asked ? [] : [GRPC_WEB]), ...describeRewrites(written, request, requestTarget, host)],
      upstream: explainUpstream(destination, endpoints, choice),
    }
    if (refusal !== null) return this.#refused(found, route, target, refusal, request)
    return {
      ...found,
      action: split === null ? 'forward' : 'split',
      upstreamRequest: explainHead(route, request, requestTarget, host, endpoint ?? upstream.endpoints[0]),
      mirror: this.#mirrorOf(written, request),
    }
  }

  #refused(
    found: Outcome,
    route: Route,
    { circuitFallback }: Target,
    { code, circuitLeftMs }: Refusal,
    request: RoutedRequest,
  ): Outcome {
    if (circuitLeftMs < 0) return this.#fail(found, route, code, [], request)
    if (circuitFallback === null || this.#fallbacks.length >= FALLBACKS_MAX) {
      return this.#fail(found, route, code, [retryAfter(circuitLeftMs)], request)
    }
    this.#leave(found, circuitFallback, code)
    return this.follow(circuitFallback, request)
  }

  #fail(known: Outcome, route: Route, code: ErrorCode, fields: readonly FieldLine[], request: RoutedRequest): Outcome {
    const { fallback } = route
    if (fallback !== null && known.upstream !== null && this.#fallbacks.length < FALLBACKS_MAX) {
      const kept = new KeptRequest(request, 0)
      if (mayTake(fallback, code, kept, true)) {
        this.#leave(known, fallback, code)
        return this.follow(fallback, kept.request)
      }
    }
    const failure = { code, fields, upstream: this.#upstream }
    const answer = explainError(failure, route.errorPages, route.response, request)
    return { ...known, action: 'error', error: code, answer }
  }

  #leave({ upstream }: Outcome, next: Route, error: ErrorCode): void {
    if (upstream !== null) this.#fallbacks.push({ route: next.name, error, upstream })
  }

  /** There is no copy of what has no end, and none by a route that others have fallen back to. */
  #mirrorOf({ mirror }: RouteSnapshot, { facts }: RoutedRequest): Explanation['mirror'] {
    if (mirror === null || facts.upgrade || this.#fallbacks.length > 0) return null
    return { upstream: this.#surroundings.snapshot.upstreams[mirror.upstream]?.name ?? '', share: mirror.share }
  }
}

function destinationOf({ target, split }: Route, written: RouteSnapshot, request: RoutedRequest): Destination | null {
  if (target !== null) return { target, reason: '', alternatives: [], split: null }
  return split === null ? null : explainSplit(split, written, request)
}

/** `endpoint` is where it goes, or might: it may have to wait. */
function explainHead(
  route: Route,
  request: RoutedRequest,
  target: string | null,
  host: string | null,
  endpoint: Endpoint | undefined,
): Explanation['upstreamRequest'] {
  const out = new ByteBuffer(HEAD_BYTES)
  const rewrite = requestRewrite(route, request, target, host, endpoint?.host ?? HOST_OF_ENDPOINT)
  writeRequestHead(out, request.head, request.facts, rewrite)
  const { first, fields } = parseHead(out.bytes.latin1Slice(0, out.length))
  const [method = '', written = ''] = first.split(' ')
  const [, own = ''] = fields.find(([name]) => name.toLowerCase() === 'host') ?? []
  return { method, target: written, host: own, fields }
}
