/** What lines of JSON that are written by hand are put together from. All of it comes out in ASCII characters. */

/** What went wrong, with the system's name for it. */
export function errorFields(error: string, detail: string): string {
  return `,"error":"${escaped(error)}"${detail === '' ? '' : `,"error_detail":"${escaped(detail)}"`}`
}

/** Who has told of the client, by the PROXY protocol. */
export function proxyField(proxy: string): string {
  return proxy === '' ? '' : `,"proxy":"${escaped(proxy)}"`
}

/** Milliseconds since the epoch. */
export function endedAtMs(startedAtMs: number, totalUs: number): number | 'null' {
  return count(totalUs > 0 ? startedAtMs + totalUs / 1000 : startedAtMs)
}

/** A whole number from 0 on; `null` for -1 (there was none) and for what JSON could not hold. */
export function count(value: number): number | 'null' {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER ? Math.floor(value) : 'null'
}

const UNSAFE = /["\\\u0000-\u001f\u007f-\uffff]/
const UNSAFE_ALL = /["\\\u0000-\u001f\u007f-\uffff]/g

export function escaped(text: string): string {
  return UNSAFE.test(text) ? text.replace(UNSAFE_ALL, escapeUnit) : text
}

/** Names of the configuration, which come again and again: known to need no escape. Past its bound: tested each time. */
const safeNames = new Set<string>()
const SAFE_NAMES_MAX = 4096

export function escapedName(name: string): string {
  if (safeNames.has(name)) return name
  if (UNSAFE.test(name)) return escaped(name)
  if (safeNames.size < SAFE_NAMES_MAX) safeNames.add(name)
  return name
}

function escapeUnit(unit: string): string {
  if (unit === '"') return '\\"'
  if (unit === '\\') return '\\\\'
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
