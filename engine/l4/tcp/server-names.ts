/**
 * Where a connection goes by the name and the protocols that its handshake asks for: the first rule in the order of the configuration
 * that both fit. A look-up costs a few more for each label of the name, however many rules there are.
 */
import type { ServerNameRoute } from '../../snapshot.ts'

/** A rule, as one of its names leads to it. */
interface Rule {
  /** Its place in the order. */
  readonly order: number
  readonly alpn: readonly string[]
  readonly upstream: number
}

const ANY = '*'

export class ServerNameTable {
  /** Each list in order. */
  readonly #exact = new Map<string, Rule[]>()
  /** By what follows the labels that may be any, with its dot. */
  readonly #suffixes = new Map<string, Rule[]>()
  readonly #any: Rule[] = []
  /** Dots of the suffix with the most: longer ends of a name need no look. */
  readonly #dotsMax: number

  constructor(routes: readonly ServerNameRoute[]) {
    let dotsMax = 0
    for (const [order, { names, alpn, upstream }] of routes.entries()) {
      const rule = { order, alpn, upstream }
      for (const name of names) {
        this.#listOf(name).push(rule)
        if (name.startsWith('*.')) dotsMax = Math.max(dotsMax, name.split('.').length - 1)
      }
    }
    this.#dotsMax = dotsMax
  }

  #listOf(name: string): Rule[] {
    if (name === ANY) return this.#any
    const isSuffix = name.startsWith('*.')
    const lists = isSuffix ? this.#suffixes : this.#exact
    const key = isSuffix ? name.slice(1) : name
    const known = lists.get(key)
    if (known !== undefined) return known
    const list: Rule[] = []
    lists.set(key, list)
    return list
  }

  /** Index of an upstream; -1 where no rule fits. `serverName` is empty where none was sent. */
  find(serverName: string, alpn: readonly string[]): number {
    const name = withoutLastDot(serverName)
    let found = first(this.#any, alpn, null)
    if (name !== '') found = first(this.#exact.get(name), alpn, found)
    let dot = name.length
    for (let dots = 0; dots < this.#dotsMax; dots += 1) {
      dot = name.lastIndexOf('.', dot - 1)
      // What has no label before it does not fit.
      if (dot <= 0) break
      found = first(this.#suffixes.get(name.slice(dot)), alpn, found)
    }
    return found === null ? -1 : found.upstream
  }
}

/** Names are sent without it (RFC 6066, section 3), but some send it. */
function withoutLastDot(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name
}

/** Of those rules, and the best before, the one that comes first. */
function first(rules: readonly Rule[] | undefined, alpn: readonly string[], before: Rule | null): Rule | null {
  if (rules === undefined) return before
  for (const rule of rules) {
    if (before !== null && rule.order >= before.order) return before
    if (rule.alpn.length === 0 || rule.alpn.some(protocol => alpn.includes(protocol))) return rule
  }
  return before
}
