/** Requests that go elsewhere with another configuration: as many as there are, in bounded memory. */

import type { Explainer } from '../../engine/explain/explain.ts'
import { ExplainError } from '../../engine/explain/explain-error.ts'
import type { ExplainRequest, Explanation } from '../../engine/explain/explanation.ts'
import { readSample } from './samples.ts'

/** Requests that go from one place to another, all of them together. */
export interface SampleChange {
  readonly before: string
  readonly after: string
  readonly count: number
  /** The first few different ones of them. */
  readonly examples: readonly SampleExample[]
}

export interface SampleExample {
  readonly request: string
  /** What the upstream is asked for, or the client is told; the same twice where only the route is another. */
  readonly before: string
  readonly after: string
}

export interface SampleDiff {
  /** Lines that are requests. */
  readonly total: number
  readonly changed: number
  /** The most frequent first. */
  readonly changes: readonly SampleChange[]
  /** Lines that should be requests and are none. */
  readonly wrong: number
  /** The first few of those. */
  readonly wrongLines: readonly { readonly line: number; readonly reason: string }[]
}

const EXAMPLES_MAX = 3
const WRONG_LINES_MAX = 10
/** Requests whose outcome is remembered, because logs repeat themselves. Past it all are forgotten, and asked anew. */
const KNOWN_MAX = 20_000
/** Kinds of changes. Past it further ones are counted together. */
const CHANGES_MAX = 1000

type Oracle = Pick<Explainer, 'explain'>

interface Change {
  readonly before: string
  readonly after: string
  count: number
  readonly examples: SampleExample[]
}

/** Where a request goes, apart from what it asks for there. Chance and the state of endpoints are left out. */
export interface Outcome {
  /** E.g. `users -> api`, `old -> 308`, `404 no_route`. */
  readonly where: string
  /** What the upstream is asked for, where the client is sent, or which file is looked for. */
  readonly what: string
}

export class SampleComparison {
  readonly #before: Oracle
  readonly #after: Oracle
  readonly #authority: string
  /** By request: what it has come to, `null` for no change. */
  readonly #known = new Map<string, Change | null>()
  readonly #changes = new Map<string, Change>()
  #line = 0
  #total = 0
  #changed = 0
  #wrong = 0
  readonly #wrongLines: { line: number; reason: string }[] = []

  /** `authority` is for lines that have no host. */
  constructor(before: Oracle, after: Oracle, authority: string) {
    this.#before = before
    this.#after = after
    this.#authority = authority
  }

  add(line: string): void {
    this.#line += 1
    const sample = readSample(line, this.#authority)
    if (sample.kind === 'wrong') {
      this.#wrong += 1
      if (this.#wrongLines.length < WRONG_LINES_MAX) this.#wrongLines.push({ line: this.#line, reason: sample.reason })
    } else if (sample.kind === 'request') {
      this.#total += 1
      const change = this.#changeOf(sample.request)
      if (change === null) return
      this.#changed += 1
      change.count += 1
    }
  }

  result(): SampleDiff {
    return {
      total: this.#total,
      changed: this.#changed,
      changes: [...this.#changes.values()].sort((a, b) => b.count - a.count),
      wrong: this.#wrong,
      wrongLines: this.#wrongLines,
    }
  }

  #changeOf(request: ExplainRequest): Change | null {
    const key = JSON.stringify(request)
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const change = this.#compare(request)
    if (this.#known.size >= KNOWN_MAX) this.#known.clear()
    this.#known.set(key, change)
    return change
  }

  #compare(request: ExplainRequest): Change | null {
    const [before, after] = [outcomeOf(this.#before, request), outcomeOf(this.#after, request)]
    if (before.where === after.where && before.what === after.what) return null
    const change = this.#changeFor(before.where, after.where)
    const example = { request: describeRequest(request), before: before.what, after: after.what }
    if (change.examples.length < EXAMPLES_MAX) change.examples.push(example)
    return change
  }

  #changeFor(before: string, after: string): Change {
    const key = JSON.stringify([before, after])
    const known = this.#changes.get(key)
    if (known !== undefined) return known
    if (this.#changes.size >= CHANGES_MAX) return this.#changeFor('others', 'others')
    const change = { before, after, count: 0, examples: [] }
    this.#changes.set(key, change)
    return change
  }
}

function describeRequest({ method, scheme, authority, target }: ExplainRequest): string {
  return `${method} ${scheme}://${authority}${target}`
}

function outcomeOf(oracle: Oracle, request: ExplainRequest): Outcome {
  try {
    return describeOutcome(oracle.explain(request, false))
  } catch (error) {
    if (error instanceof ExplainError) return { where: 'no such listener', what: '' }
    throw error
  }
}

export function describeOutcome(explanation: Explanation): Outcome {
  const { route, fallbacks } = explanation
  const last = fallbacks.at(-1)?.route ?? route
  const { where, what } = placeOf(explanation)
  return { where: last === null ? where : `${last} -> ${where}`, what }
}

function placeOf({ upstream, upstreamRequest, answer, files, error }: Explanation): Outcome {
  if (answer !== null) {
    const where = error === '' ? String(answer.status) : `${answer.status} ${error}`
    return { where, what: answer.fields.location ?? '' }
  }
  if (files !== null) return { where: 'files', what: `${files.root}/${files.names[0]}` }
  if (upstream === null) return { where: 'nowhere', what: '' }
  const { name, alternatives } = upstream
  const { target = '', host = '' } = upstreamRequest ?? {}
  const where = alternatives.length > 0 ? [...new Set(alternatives)].join(' or ') : name
  return { where, what: `${target} at ${host}` }
}
