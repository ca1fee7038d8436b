/**
 * What is printed of requests and of configurations can be anybody's words. Characters that a terminal obeys instead of
 * showing them (control characters, those that turn the direction of writing) are spelled out.
 */

/** Without those that JSON spells out itself. */
const MARKS = '\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff'
const OBEYED = new RegExp(`[\u0000-\u001f${MARKS}]`, 'g')
const OBEYED_IN_JSON = new RegExp(`[${MARKS}]`, 'g')

/** One line, whatever it was. */
export function printable(text: string): string {
  return text.replace(OBEYED, character => SHORT[character] ?? escapeOf(character))
}

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Every text in it, names among them. */
export function printableTexts<T>(value: T): T {
  return printableIn(value) as T
}

function printableIn(value: unknown): unknown {
  if (typeof value === 'string') return printable(value)
  if (Array.isArray(value)) return value.map(printableIn)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [printable(name), printableIn(item)]))
}

/** JSON, which says the same to programs. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(OBEYED_IN_JSON, escapeOf)
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
