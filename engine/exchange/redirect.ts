/** Answers that send the client elsewhere. */
import { Location } from '../rewriting/location.ts'
import type { MessageEdits } from '../rewriting/message-edits.ts'
import type { RoutedRequest } from '../routing/request.ts'
import type { RouteAction } from '../snapshot.ts'
import { type StaticAnswer, staticAnswer } from './answer.ts'

export type RedirectAction = Extract<RouteAction, { kind: 'redirect' }>

const NO_CONTENT = new Uint8Array(0)

export interface Redirecting {
  answer(request: RoutedRequest): StaticAnswer
}

export class Redirect implements Redirecting {
  readonly status: number
  readonly #to: Location
  readonly #keepsQuery: boolean
  readonly #changes: MessageEdits

  /** `changes` are those of the route called `route` to its responses. */
  constructor({ status, to, keepsQuery }: RedirectAction, changes: MessageEdits, route: string) {
    this.status = status
    this.#to = new Location(to, route)
    this.#keepsQuery = keepsQuery
    this.#changes = changes
  }

  answer(request: RoutedRequest): StaticAnswer {
    const fields = [['Location', this.location(request)]] as const
    return staticAnswer({ status: this.status, fields, content: NO_CONTENT }, this.#changes)
  }

  location(request: RoutedRequest): string {
    const to = this.#to.of(request)
    return this.#keepsQuery ? withQuery(to, request.query) : to
  }
}

/** The query goes before a fragment, behind a query that is there. */
export function withQuery(to: string, query: string): string {
  if (query === '') return to
  const hash = to.indexOf('#')
  const target = hash < 0 ? to : to.slice(0, hash)
  const fragment = hash < 0 ? '' : to.slice(hash)
  const separator = !target.includes('?') ? '?' : /[?&]$/.test(target) ? '' : '&'
  return target + separator + encoded(query) + fragment
}

/** A client may write in its query, and in its path, what no header of a URI should have. */
export function encoded(query: string): string {
  return query.replace(
    /[^\w\-.~!$&'()*+,;=:@/?%[\]]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
}
