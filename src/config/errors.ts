import type { ProblemCode, Severity } from './problem-codes.ts'

/** One thing that is wrong with a configuration, and where. */
export interface Problem {
  /** The file as it was named, or the name a library user gave to an object. */
  readonly file: string
  /** From 1; 0 where there is no position (plain objects, a file that cannot be read). */
  readonly line: number
  /** From 1, in UTF-16 code units; 0 where there is no position. */
  readonly column: number
  /** The path of the key, e.g. `routes[0].match.path`; empty for the whole file. */
  readonly key: string
  /** Only errors refuse a configuration. */
  readonly severity: Severity
  /** What kind of problem it is; docs/configuration-errors.md explains each. */
  readonly code: ProblemCode
  readonly message: string
  /** What was probably meant, or what to do; empty where nothing better is known. */
  readonly hint: string
}

/** What was read for a configuration, whatever came of it: as in `Configuration`. */
export interface Origin {
  readonly hash: string
  readonly files: readonly string[]
}

/** A configuration was refused. `problems` holds everything there is to say of it, warnings too, in the order of the file. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly problems: readonly Problem[]
  /** `null` where it was not read from files, or not to their end. */
  readonly origin: Origin | null

  constructor(problems: readonly Problem[], options: ErrorOptions & { readonly origin?: Origin | null } = {}) {
    super(problems.map(formatProblem).join('\n'), options)
    this.problems = problems
    this.origin = options.origin ?? null
  }
}

/**
 * `FILE:LINE:COLUMN: KEY.PATH: message; hint [code]` on one line, so that editors and `grep` find their way; warnings say
 * so before the key.
 */
export function formatProblem(problem: Problem): string {
  const position = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`
  const warning = problem.severity === 'warning' ? 'warning: ' : ''
  const key = problem.key === '' ? '' : `${problem.key}: `
  const hint = problem.hint === '' ? '' : `; ${problem.hint}`
  return oneLine(`${position}: ${warning}${key}${problem.message}${hint} [${problem.code}]`)
}

/** Control characters of a hostile file never reach a terminal. */
function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, character => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
