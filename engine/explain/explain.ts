/**
 * Says what would become of a request, by the code that decides it for real ones: the same parser, paths, router, splits,
 * rewrites and balancers, on a state that nobody else uses.
 */
import { NO_MESSAGE_EDITS } from '../exchange/answer.ts'
import { ERRORS, type ErrorCode } from '../exchange/errors.ts'
import { Generation, type ListenerRoutes } from '../exchange/generation.ts'
import { unreadRequest } from '../exchange/kept-request.ts'
import { slots } from '../http1/llhttp.ts'
import { TimerWheel } from '../net/timer-wheel.ts'
import { prepareRegexes } from '../routing/regex.ts'
import type { RoutedRequest } from '../routing/request.ts'
import type { StateRow } from '../shared/state-page.ts'
import type { RouteSnapshot } from '../snapshot.ts'
import { explainError } from './answers.ts'
import { chooseListener, type ListenerChoice } from './choose-listener.ts'
import { Course, NO_OUTCOME, type Outcome } from './course.ts'
import { ExplainError } from './explain-error.ts'
import type { Candidate, ExplainRequest, Explanation } from './explanation.ts'
import { ID_OF_REQUEST, readExplained, sourceOf } from './read-request.ts'
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

  #explain(asked: ExplainRequest, isWhole: boolean): Explanation {
    const { choice, routes } = this.#listenerFor(asked)
    const { settings } = routes
    const listener = { name: settings.name, reason: choice.reason }
    const request = readExplained(asked, settings, routes.trusted)
    if (typeof request === 'string') {
      return { listener, request: unread(asked), ...NO_ROUTE, ...refusalOf(request, asked, routes) }
    }
    const isPathRefused = !request.readPath(settings.paths)
    const facts = {
      method: request.method,
      host: request.host,
      path: isPathRefused ? '' : request.path,
      writtenPath: request.writtenPath,
      client: request.clientAddress,
    }
    if (!isPathRefused) return { listener, request: facts, ...this.#route(routes, request, isWhole) }
    return { listener, request: facts, ...NO_ROUTE, ...refusalOf('request_path', asked, routes) }
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

function fail(error: unknown): void {
  throw error
}

function unread({ method, authority, target, from }: ExplainRequest): Explanation['request'] {
  const writtenPath = target.split('?', 1)[0] as string
  return { method, host: authority.toLowerCase(), path: '', writtenPath, client: from }
}

/** Of a request whose head nobody goes on with. */
function refusalOf(code: ErrorCode, asked: ExplainRequest, routes: ListenerRoutes): Outcome {
  const source = sourceOf(asked, routes.settings, routes.trusted)
  return errorOf(code, routes, unreadRequest(source, ID_OF_REQUEST, Date.now()))
}

/** Of a request that no route has. */
function errorOf(code: ErrorCode, { errorPages }: ListenerRoutes, request: RoutedRequest): Outcome {
  const failure = { status: ERRORS[code].status, fields: [], upstream: '' }
  return { ...NO_OUTCOME, error: code, answer: explainError(failure, errorPages, NO_MESSAGE_EDITS, request) }
}
