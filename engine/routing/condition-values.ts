/**
 * What the conditions of routes ask for, read from the head once, however many of them ask: how long a query, a cookie or
 * a field is, is for the client to say, and thousands of routes may want to know what is in it.
 */
import { cookiesIn } from './cookie.ts'
import { decodeQueryText, decodeText } from './decode.ts'
import { queryFieldsIn } from './query.ts'
import type { RoutedRequest } from './request.ts'

type Values = Map<string, string[]>

const NONE: readonly string[] = []

export class ConditionValues {
  readonly #request: RoutedRequest
  /** Those that were asked for. */
  #headers: Map<string, readonly string[]> | null = null
  /** All that there are, decoded. */
  #query: Values | null = null
  #cookies: Values | null = null

  constructor(request: RoutedRequest) {
    this.#request = request
  }

  /** Another request begins. @hotpath */
  forget(): void {
    this.#headers = null
    this.#query = null
    this.#cookies = null
  }

  /** The lines of a field, joined by `, `; empty where there is none. `name` in lower case. */
  header(name: string): readonly string[] {
    this.#headers ??= new Map()
    let values = this.#headers.get(name)
    if (values === undefined) {
      const value = this.#request.field(name)
      values = value === null ? NONE : [value]
      this.#headers.set(name, values)
    }
    return values
  }

  /** Of a query field, decoded. A name can be written in many ways, and is the same to those who read it. */
  query(name: string): readonly string[] {
    this.#query ??= this.#readQuery()
    return this.#query.get(name) ?? NONE
  }

  #readQuery(): Values {
    const fields: Values = new Map()
    for (const [written, value] of queryFieldsIn(this.#request.query)) {
      const name = decodeQueryText(written)
      const decoded = decodeQueryText(value)
      put(fields, name, decoded)
      if (name !== written) put(fields, written, decoded)
    }
    return fields
  }

  /** Of a cookie, decoded. */
  cookie(name: string): readonly string[] {
    this.#cookies ??= this.#readCookies()
    return this.#cookies.get(name) ?? NONE
  }

  #readCookies(): Values {
    const cookies: Values = new Map()
    for (const [name, value] of cookiesIn(this.#request.head)) put(cookies, name, decodeText(value))
    return cookies
  }
}

function put(values: Values, name: string, value: string): void {
  const known = values.get(name)
  if (known === undefined) values.set(name, [value])
  else known.push(value)
}
