import { quote } from '../parsed.ts'
import type { KeyPath } from '../positions.ts'
import { nearest } from '../suggest.ts'
import type { Report } from './written.ts'

/** More names than this do not help on one line. */
const NAMES_LISTED_MAX = 8

/** Wrong names that are compared with all others: with thousands of both, more would take minutes. */
const GUESSES_MAX = 20

type Kind = 'listener' | 'upstream' | 'route'

/** Names of one kind, to which other parts of a configuration refer. */
export class KnownNames {
  readonly #kind: Kind
  readonly #names: ReadonlySet<string>
  #guesses = 0

  constructor(kind: Kind, names: Iterable<string>) {
    this.#kind = kind
    this.#names = new Set(names)
  }

  /** That a name which is referred to exists. */
  check(name: unknown, path: KeyPath, report: Report): void {
    if (typeof name !== 'string' || this.#names.has(name)) return
    report(`unknown-${this.#kind}`, path, `there is no ${this.#kind} named ${quote(name)}`, this.#hintFor(name))
  }

  #hintFor(name: string): string {
    this.#guesses += 1
    if (this.#guesses > GUESSES_MAX) return ''
    const near = nearest(name, this.#names) ?? nearest(hostIn(name), this.#names)
    if (near !== null) return `did you mean ${quote(near)}?`
    if (this.#kind === 'upstream' && /[:/]/.test(name))
      return 'give it a name under "upstreams", with its address there'
    const { size } = this.#names
    return size === 0 || size > NAMES_LISTED_MAX ? '' : `there is ${[...this.#names].join(', ')}`
  }
}

/** That of a URL, where a name was meant, as in `http://api/`. */
function hostIn(text: string): string {
  return /^[a-z]+:\/\/([^/:]+)/.exec(text)?.[1] ?? text
}
