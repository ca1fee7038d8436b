import { accepted, type Parsed, quote, refusalsAs } from '../parsed.ts'

/**
 * Placeholders in the scalars of a file: `${NAME}`, `${NAME:-default}`, `${NAME:?message}` for variables of the
 * environment, in capitals, and `${file:PATH}` for what a file holds. `$${` stands for `${`. Whatever begins with a small
 * letter or a digit belongs to templates, which have values of requests.
 */

export interface Placeholder {
  readonly kind: 'variable' | 'file'
  /** The variable, or the path as it is written. */
  readonly name: string
  /** Behind `:-`. It may hold placeholders itself, and so may the path of a file. */
  readonly otherwise: string | null
  /** Behind `:?`. */
  readonly message: string | null
}

export type Piece = string | Placeholder

/** Placeholders inside each other; past it the text is refused. */
export const NESTING_MAX = 8

const refused = refusalsAs('wrong-placeholder')

const NAME = /^[A-Z_][A-Z0-9_]*/

/** Whether there is anything to replace at all. */
export function mayHavePlaceholders(text: string): boolean {
  return text.includes('${')
}

/** The pieces of a text. `isTemplate` keeps `$${` as it is, for whoever reads the template. */
export function parsePlaceholders(text: string, isTemplate: boolean): Parsed<readonly Piece[]> {
  const pieces: Piece[] = []
  let plain = ''
  for (let at = 0; at < text.length; ) {
    if (text.startsWith('$${', at)) {
      plain += isTemplate ? '$${' : '${'
      at += 3
    } else if (text.startsWith('${', at) && /^(?:[A-Z_]|file:)/.test(text.slice(at + 2, at + 7))) {
      const end = closingBrace(text, at + 2)
      if (end === -1) return refused(`${quote(text.slice(at))} has no closing "}"`, 'write $${ for a "${" that is none')
      const placeholder = parsePlaceholder(text.slice(at + 2, end))
      if (!placeholder.ok) return placeholder
      pieces.push(plain, placeholder.value)
      plain = ''
      at = end + 1
    } else {
      plain += text[at++]
    }
  }
  pieces.push(plain)
  return accepted(pieces.filter(piece => piece !== ''))
}

/** Of the braces that open behind `from`, the one that closes the first; -1 where there is none. */
function closingBrace(text: string, from: number): number {
  let depth = 0
  for (let at = from; at < text.length; at++) {
    if (text.startsWith('${', at)) depth++
    else if (text[at] === '}' && depth-- === 0) return at
  }
  return -1
}

function parsePlaceholder(inside: string): Parsed<Placeholder> {
  if (inside.startsWith('file:')) {
    const path = inside.slice('file:'.length)
    if (path.trim() === '') return refused('${file:} names no file', 'write ${file:/run/secrets/NAME}')
    return accepted({ kind: 'file', name: path, otherwise: null, message: null })
  }
  const name = NAME.exec(inside)?.[0] ?? ''
  const rest = inside.slice(name.length)
  const placeholder = { kind: 'variable', name, otherwise: null, message: null } as const
  if (rest === '') return accepted(placeholder)
  if (rest.startsWith(':-')) return accepted({ ...placeholder, otherwise: rest.slice(2) })
  if (rest.startsWith(':?')) return accepted({ ...placeholder, message: rest.slice(2) })
  return refused(`${quote(`\${${inside}}`)} is no variable of the environment`, guess(inside, name, rest))
}

function guess(inside: string, name: string, rest: string): string {
  if (/^[A-Za-z0-9_]+$/.test(inside)) return `their names are in capitals: \${${inside.toUpperCase()}}`
  const otherwise = /^(?::?=|-|:)(.*)$/s.exec(rest)?.[1]
  if (otherwise !== undefined) return `a default is written \${${name}:-${otherwise}}`
  return 'write ${NAME}, ${NAME:-default}, ${NAME:?message}, or $${ for a "${" that is none'
}
