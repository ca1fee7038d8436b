/** Sessions that stay with an endpoint, by a cookie: one that we set, or one of the origin's own. */
import type { StickySnapshot } from '../snapshot.ts'
import type { Endpoint } from './endpoint.ts'

export class Sticky {
  /** The cookie's name. */
  readonly cookie: string
  readonly #settings: StickySnapshot
  readonly #endpoints = new Map<string, Endpoint>()

  constructor(settings: StickySnapshot, endpoints: readonly Endpoint[]) {
    this.#settings = settings
    this.cookie = settings.cookie
    for (const endpoint of endpoints) {
      const name = settings.kind === 'own' ? endpoint.token : endpoint.route
      if (name !== '') this.#endpoints.set(name, endpoint)
    }
  }

  /** The endpoint that a cookie's value leads to; `null` where it leads nowhere, or is made up. */
  find(value: string): Endpoint | null {
    if (value === '') return null
    if (this.#settings.kind === 'own') return this.#endpoints.get(value) ?? null
    // Java's containers, and others, write the route behind the session: `A1B2C3.node7`.
    return this.#endpoints.get(value.slice(value.lastIndexOf('.') + 1)) ?? null
  }

  /** The line that makes the client stay with `endpoint`; empty where the origin does that itself. */
  cookieLine(endpoint: Endpoint): string {
    if (this.#settings.kind === 'route' || endpoint.token === '') return ''
    return `Set-Cookie: ${this.cookie}=${endpoint.token}${this.#settings.attributes}\r\n`
  }
}
