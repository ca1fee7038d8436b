/**
 * Regular expressions of configurations, in RE2's syntax. They take time in proportion to the text, whatever it says: no
 * request can hold up a worker by what it sends. The library is loaded only where a snapshot has such an expression.
 */
import type { RE2JS } from 're2js'
import type { Snapshot } from '../snapshot.ts'
import type { Captures } from './captures.ts'

/** Instructions of a compiled expression. Past it: refused. Each takes its share of the time for every character. */
const INSTRUCTIONS_MAX = 500

/**
 * Instructions times characters that one look at a text may cost: some tens of milliseconds at the worst. Past it nobody
 * looks, and the request is refused: neither answer would be the safe one. 50 instructions may look at 10,485 characters.
 */
const WORK_MAX = 524_288

/** The same for one `replaceAll`, where looking for each match may take all that is left of the text. */
const REPLACE_WORK_MAX = 1_048_576

/**
 * Bytes that an expression may keep of what it has found out about texts, which clients could make it fill. Past it: it
 * begins anew, or does without, at the price of time.
 */
const CACHE_BYTES_MAX = 256 * 1024

/** A text was too long for an expression since somebody has asked. Of the thread: requests are read one at a time. */
let overlong = false

/**
 * Whether a text was too long for an expression since the last call. Whoever has expressions asked about a request must not go
 * by what they said then.
 */
export function takeOverlong(): boolean {
  const was = overlong
  overlong = false
  return was
}

let library: typeof import('re2js') | null = null

/** Has to be awaited before regular expressions of `snapshot` are compiled. Does nothing where it has none. */
export async function prepareRegexes(snapshot: Snapshot): Promise<void> {
  if (library === null && hasRegex(snapshot.routes)) await loadRegexes()
}

/** The same for those who compile expressions of something else. */
export async function loadRegexes(): Promise<void> {
  library ??= await import('re2js')
}

/** Anywhere in the data: wherever it may stand, `regex` holds one. */
function hasRegex(data: unknown): boolean {
  if (typeof data !== 'object' || data === null || ArrayBuffer.isView(data)) return false
  if ('regex' in data && typeof data.regex === 'string') return true
  return Object.values(data).some(hasRegex)
}

/** The expression cannot be used; the message is for who wrote it. */
export class RegexError extends Error {}

/** Throws `RegexError`; and an `Error` where nobody has waited for `prepareRegexes`. */
export function compileRegex(source: string): Regex {
  if (library === null) throw new Error('a regular expression is compiled before the library is loaded')
  let program: RE2JS
  try {
    program = library.RE2JS.compile(source)
  } catch (error) {
    throw new RegexError(reasonOf(error as Error))
  }
  const size = program.programSize()
  if (size > INSTRUCTIONS_MAX) {
    throw new RegexError(
      `it is too large: ${size} steps, at most ${INSTRUCTIONS_MAX} may be (repetitions count in full)`,
    )
  }
  const { dfa } = program.re2()
  dfa.stateBudget = CACHE_BYTES_MAX
  dfa.memBudget = CACHE_BYTES_MAX
  return new Regex(source, program)
}

function reasonOf({ message }: Error): string {
  const reason = message.replace(/^error parsing regexp: /, '')
  if (/Perl syntax: `\(\?(?:[=!]|<[=!])|named capture: `\(\?<[=!]/.test(reason)) {
    return `${reason} (looking ahead or behind takes more than linear time)`
  }
  return /escape sequence: `\\\d/.test(reason) ? `${reason} (a group cannot be referred to)` : reason
}

/** What stands in place of a match: text, and groups by number. */
type Replacement = readonly (string | number)[]

export class Regex {
  readonly source: string
  readonly #program: RE2JS
  readonly #names: ReadonlyMap<string, number>
  readonly #size: number
  /** The last `by`, which is nearly always the next one, too. */
  #by = ''
  #replacement: Replacement = []

  constructor(source: string, program: RE2JS) {
    this.source = source
    this.#program = program
    this.#names = new Map(Object.entries(program.namedGroups()))
    this.#size = program.programSize()
  }

  /** Whether it matches anywhere in the text. False for one that is too long, which `takeOverlong` tells. */
  test(text: string): boolean {
    return this.#mayRead(text) && this.#program.test(text)
  }

  #mayRead({ length }: string): boolean {
    if (length * this.#size <= WORK_MAX) return true
    overlong = true
    return false
  }

  /** The groups of the first match, by number (`0` for the whole of it) and by name; those that took no part are not there. */
  match(text: string): Captures | null {
    if (!this.#mayRead(text)) return null
    const found = this.#program.exec(text) as (string | undefined)[] | null
    return found === null ? null : this.#capturesOf(found)
  }

  #capturesOf(found: readonly (string | undefined)[]): Captures {
    const captures: Record<string, string> = Object.create(null)
    for (const [group, value] of found.entries()) if (value !== undefined) captures[group] = value
    for (const [name, group] of this.#names) if (found[group] !== undefined) captures[name] = found[group]
    return captures
  }

  /**
   * Puts `by` in place of every match. In it, `$1` to `$9` and `$<name>` are groups (empty where there is none), `$0` is the
   * whole match and `$$` is `$`; any other `$` is itself. A text that is too long, or in which too much is found, stays as it
   * is, which `takeOverlong` tells.
   */
  replaceAll(text: string, by: string): string {
    if (!this.#mayRead(text)) return text
    const matcher = this.#program.matcher(text)
    const replacement = this.#replacementOf(by)
    let replaced = ''
    let at = 0
    let work = 0
    while (matcher.find()) {
      work += this.#size * (text.length - at)
      if (work > REPLACE_WORK_MAX) {
        overlong = true
        return text
      }
      replaced += text.slice(at, matcher.start())
      for (const piece of replacement) replaced += typeof piece === 'string' ? piece : (matcher.group(piece) ?? '')
      at = matcher.end()
    }
    return replaced + text.slice(at)
  }

  #replacementOf(by: string): Replacement {
    if (by !== this.#by) {
      this.#by = by
      this.#replacement = this.#parse(by)
    }
    return this.#replacement
  }

  #parse(by: string): Replacement {
    const pieces: (string | number)[] = []
    let at = 0
    for (const reference of by.matchAll(REFERENCE)) {
      pieces.push(by.slice(at, reference.index))
      at = reference.index + reference[0].length
      const name = groupIn(reference)
      const group = name === null ? -1 : this.#groupOf(name)
      if (name === null) pieces.push('$')
      else if (group >= 0) pieces.push(group)
    }
    pieces.push(by.slice(at))
    return pieces.filter(piece => piece !== '')
  }

  /** By number or name; -1 where there is none. */
  #groupOf(name: string): number {
    if (!/^\d$/.test(name)) return this.#names.get(name) ?? -1
    return Number(name) <= this.#program.groupCount() ? Number(name) : -1
  }

  /** Groups that `by` names, and that there are not. */
  missingGroups(by: string): string[] {
    const names = [...by.matchAll(REFERENCE)].map(groupIn)
    return names.filter(name => name !== null).filter(name => this.#groupOf(name) < 0)
  }
}

const REFERENCE = /\$(?:\$|(\d)|<([^>]*)>)/g

/** `null` for `$$`. */
function groupIn(reference: RegExpExecArray): string | null {
  return reference[1] ?? reference[2] ?? null
}
