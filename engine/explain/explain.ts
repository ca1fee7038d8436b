/**
 * Says what would become of a request, by the code that decides it for real ones: the same parser, paths, router, splits,
 * rewrites and balancers, on a state that nobody else uses.
 */
import { NO_MESSAGE_EDITS } from '../exchange/answer.ts'
import type { ErrorCode } from '../exchange/errors.ts'
import { Generation, type ListenerRoutes } from '../exchange/generation.ts'
import { unreadRequest } from '../exchange/kept-request.ts'
import type { Route } from '../exchange/route.ts'
import { slots } from '../http1/llhttp.ts'
import { TimerWheel } from '../net/timer-wheel.ts'
import { prepareRegexes } from '../routing/regex.ts'
import type { RoutedRequest } from '../routing/request.ts'
import { schemeOf } from '../routing/scheme.ts'
import type { StateRow } from '../shared/state-page.ts'
import type { ListenerSnapshot, RouteSnapshot } from '../snapshot.ts'
import { explainAnswer, explainError } from './answers.ts'
import { chooseListener, type ListenerChoice } from './choose-listener.ts'
import { Course, NO_OUTCOME, type Outcome } from './course.ts'
import { ExplainError } from './explain-error.ts'
import type { Candidate, ExplainRequest, Explanation } from './explanation.ts'
import { explainFlow, flowOf } from './flow-course.ts'
import type { FlowExplanation, FlowQuestion } from './flow-explanation.ts'
import { ID_OF_REQUEST, readExplained, sourceOf } from './read-request.ts'
import { describeStrictTransport } from './rewrites.ts'
import type { ExplainState } from './state.ts'
import { inReadableText } from './texts.ts'

export class Explainer {
  readonly #state: ExplainState
  readonly #generation: Generation
  readonly #routes: ReadonlyMap<string, RouteSnapshot>

  private constructor(state: ExplainState, generation: Generation) {
    this.#state = state
    this.#routes = new Map(state.snapshot.routes.map(route => [route.name, route]))
    this.#generation = generation
  }

  static async open(state: ExplainState): Promise<Explainer> {
    const { snapshot, placements, page } = state
    await prepareRegexes(snapshot)
    const generation = await Generation.build({
      snapshot,
      placements,
      before: null,
      shared: { page, row: page.rows[0] as StateRow },
      context: { slots, wheel: new TimerWheel(), onFault: fail },
      onHealth: () => undefined,
    })
    return new Explainer(state, generation)
  }

  /**
   * Without `isWhole` no route is asked for its reasons, and texts of the wire have a character for each byte: what is left
   * takes little longer than routing does, for who has many to ask about.
   *
   * @throws {ExplainError}
   */
  explain(asked: ExplainRequest, isWhole = true): Explanation {
    const explanation = this.#explain(asked, isWhole)
    return isWhole ? inReadableText(explanation) : explanation
  }

  /** @throws {ExplainError} */
  explainFlow(asked: FlowQuestion): FlowExplanation {
    const { snapshot, page } = this.#state
    return explainFlow(snapshot, page, this.#generation, asked)
  }

  /** A request that leads to a listener which reads none is explained as the connection that it is there. @throws {ExplainError} */
  explainAny(asked: ExplainRequest | FlowQuestion): Explanation | FlowExplanation {
    if ('transport' in asked) return this.explainFlow(asked)
    const flow = flowOf(this.#state.snapshot, asked)
    return flow === null ? this.explain(asked) : this.explainFlow(flow)
  }

  #explain(asked: ExplainRequest, isWhole: boolean): Explanation {
    const flow = flowOf(this.#state.snapshot, asked)
    if (flow !== null) throw new ExplainError(unreadBy(this.explainFlow(flow)))

    const { choice, routes } = this.#listenerFor(asked)
    const { settings } = routes
    if (asked.certificate !== null && (settings.tls === null || settings.tls.clientAuth.mode === 'none')) {
      throw new ExplainError(`the listener ${settings.name} asks no client for a certificate`)
    }
    const listener = { name: settings.name, reason: choice.reason }
    const request = readExplained(asked, settings, routes.trusted)
    if (typeof request === 'string') {
      const outcome = { ...NO_ROUTE, ...refusalOf(request, asked, routes) }
      return { listener, request: unread(asked, settings), ...withStrictTransport(outcome, routes) }
    }
    const isRedirected = routes.httpsRedirect !== null
    const isPathRefused = !request.readPath(settings.paths) && !isRedirected
    const facts = {
      method: request.method,
      host: request.host,
      path: isPathRefused ? '' : request.path,
      writtenPath: request.writtenPath,
      scheme: schemeOf(request),
      client: request.clientAddress,
      certificate: asked.certificate?.subject ?? '',
    }
    const outcome = isPathRefused
      ? { ...NO_ROUTE, ...refusalOf('request_path', asked, routes) }
      : this.#route(routes, request, isWhole)
    return { listener, request: facts, ...withStrictTransport(outcome, routes) }
  }

  #listenerFor(asked: ExplainRequest): { choice: ListenerChoice; routes: ListenerRoutes } {
    const { listeners } = this.#state.snapshot
    const choice = chooseListener(listeners, asked)
    const routes = choice === null ? undefined : this.#generation.listeners[choice.index]
    if (choice !== null && routes !== undefined) return { choice, routes }
    const names = listeners.map(({ name }) => name).join(', ')
    throw new ExplainError(`there is no listener ${JSON.stringify(asked.listener)}; there is ${names || 'none'}`)
  }

  #route(routes: ListenerRoutes, request: RoutedRequest, isWhole: boolean): Omit<Explanation, 'listener' | 'request'> {
    const { httpsRedirect } = routes
    if (httpsRedirect !== null) return redirected(httpsRedirect, routes, request)
    const route = routes.router.find(request)
    const captures = request.captures ?? {}
    const { snapshot, page } = this.#state
    const known = { candidates: isWhole ? candidatesOf(routes, request) : [], captures }
    if (request.isOverlong) return { ...known, route: null, ...errorOf('request_head_too_large', routes, request) }
    if (route === null) return { ...known, route: null, ...errorOf('no_route', routes, request) }
    const course = new Course({ snapshot, page, routes: this.#routes })
    return { ...known, route: route.name, ...course.follow(route, request) }
  }

  /** Lets go of what it has opened. */
  close(): void {
    this.#generation.close()
  }
}

const NO_ROUTE = { candidates: [], route: null, captures: {} }

function candidatesOf({ router }: ListenerRoutes, request: RoutedRequest): Candidate[] {
  return router
    .candidates(request)
    .map(({ route, matches, failed, behind }) => ({ route: route.name, matches, failed, behind }))
}

function unreadBy({ listener, upstream }: FlowExplanation): string {
  const goes = upstream === null ? 'it is closed' : `it goes to the upstream ${upstream.name}`
  return `the listener ${listener.name} speaks tcp, and reads no requests: the connection is passed on, and ${goes}`
}

function fail(error: unknown): void {
  throw error
}

function unread(
  { method, authority, target, from, certificate }: ExplainRequest,
  { tls }: ListenerSnapshot,
): Explanation['request'] {
  const writtenPath = target.split('?', 1)[0] as string
  const scheme = tls === null ? 'http' : 'https'
  const subject = certificate?.subject ?? ''
  return { method, host: authority.toLowerCase(), path: '', writtenPath, scheme, client: from, certificate: subject }
}

/** No route of such a listener is ever asked. */
function redirected(
  { redirect }: Route,
  routes: ListenerRoutes,
  request: RoutedRequest,
): Omit<Explanation, 'listener' | 'request'> {
  if (request.host === '' || redirect === null) return { ...NO_ROUTE, ...errorOf('request_malformed', routes, request) }
  const answer = explainAnswer(redirect.answer(request), request)
  return { ...NO_ROUTE, ...NO_OUTCOME, action: 'redirect', answer }
}

/** What the listener adds to every response. */
function withStrictTransport<O extends Outcome>(outcome: O, { settings, strictTransport }: ListenerRoutes): O {
  // What the route says of it goes first.
  if (strictTransport === null || outcome.responseEdits.some(edit => /strict-transport-security/i.test(edit)))
    return outcome
  const responseEdits = [...outcome.responseEdits, describeStrictTransport(settings)]
  const { answer } = outcome
  if (answer === null) return { ...outcome, responseEdits }
  const fields = { 'strict-transport-security': settings.strictTransportSecurity, ...answer.fields }
  return { ...outcome, responseEdits, answer: { ...answer, fields } }
}

/** Of a request whose head nobody goes on with. */
function refusalOf(code: ErrorCode, asked: ExplainRequest, routes: ListenerRoutes): Outcome {
  const source = sourceOf(asked, routes.settings, routes.trusted)
  return errorOf(code, routes, unreadRequest(source, ID_OF_REQUEST, Date.now()))
}

/** Of a request that no route has. */
function errorOf(code: ErrorCode, { errorPages }: ListenerRoutes, request: RoutedRequest): Outcome {
  const failure = { code, fields: [], upstream: '' }
  return { ...NO_OUTCOME, error: code, answer: explainError(failure, errorPages, NO_MESSAGE_EDITS, request) }
}
