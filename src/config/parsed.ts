import type { ProblemCode } from './problem-codes.ts'

/** The outcome of reading one scalar of the language: its value, or why there is none. */
export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly message: string; readonly hint: string; readonly code: ProblemCode }

export function accepted<Value>(value: Value): Parsed<Value> {
  return { ok: true, value }
}

export function refused(message: string, hint = '', code: ProblemCode = 'wrong-value'): Parsed<never> {
  return { ok: false, message, hint, code }
}

/** `refused` for a kind of scalar whose faults have a code of their own. */
export function refusalsAs(code: ProblemCode): (message: string, hint?: string) => Parsed<never> {
  return (message, hint = '') => refused(message, hint, code)
}

/** Text of the configuration in a message: quoted, escaped, and short enough to stay on the line. */
export function quote(text: string): string {
  const quoted = JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text)
  return quoted.replaceAll(UNSEEN, character => `\\u{${character.codePointAt(0)!.toString(16)}}`)
}

/** What nobody sees, or takes for a plain space: of zero width, changing the direction, unassigned. */
const UNSEEN = /[\p{Cf}\p{Cn}\p{Co}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu
