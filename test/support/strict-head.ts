/**
 * The tests' own HTTP/1.1 grammar, written from RFC 9110 and RFC 9112 and from nothing in the engine. It is stricter
 * than a recipient has to be: what it refuses, some other recipient may read differently, so the proxy must not send it.
 */
export type Field = readonly [name: string, value: string]

/** Text is latin1 throughout: one character a byte. */
export interface Head {
  readonly startLine: string
  readonly fields: readonly Field[]
  /** Offset of the first byte after the empty line. */
  readonly end: number
}

export type Step<T> =
  | { readonly kind: 'complete'; readonly value: T }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed'; readonly reason: string }

export const incomplete = { kind: 'incomplete' } as const
export const malformed = (reason: string) => ({ kind: 'malformed', reason }) as const
export const complete = <T>(value: T) => ({ kind: 'complete', value }) as const

/** RFC 9110 5.6.2. */
export const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const fieldLine = new RegExp(`^(${token}):[ \\t]*(.*?)[ \\t]*$`, 's')
/** RFC 9110 5.5: VCHAR, obs-text, SP and HTAB. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/

/** One line that ends in CRLF, without it. A CR or LF anywhere else is refused (RFC 9112 2.2). */
export function readLine(bytes: Buffer, from: number): Step<{ line: string; end: number }> {
  const lf = bytes.indexOf(10, from)
  const line = bytes.toString('latin1', from, lf < 0 ? bytes.length : lf)
  const cr = line.indexOf('\r')
  if (lf < 0) return cr >= 0 && cr < line.length - 1 ? malformed('bare CR') : incomplete
  if (cr < 0) return malformed('bare LF')
  if (cr < line.length - 1) return malformed('bare CR')
  return complete({ line: line.slice(0, -1), end: lf + 1 })
}

/** Field lines up to and with the empty line: a field section or a trailer section. */
export function readFields(bytes: Buffer, from: number): Step<{ fields: Field[]; end: number }> {
  const fields: Field[] = []
  let at = from
  for (;;) {
    const step = readLine(bytes, at)
    if (step.kind !== 'complete') return step
    at = step.value.end
    const { line } = step.value
    if (line === '') return complete({ fields, end: at })
    if (/^[ \t]/.test(line)) return malformed('obs-fold')
    const match = fieldLine.exec(line)
    if (!match) return malformed(`not a field line: ${JSON.stringify(line)}`)
    const [, name = '', value = ''] = match
    if (!fieldValue.test(value)) return malformed(`control character in the value of ${name}`)
    fields.push([name, value])
  }
}

export function readHead(bytes: Buffer, from: number): Step<Head> {
  const start = readLine(bytes, from)
  if (start.kind !== 'complete') return start
  const section = readFields(bytes, start.value.end)
  if (section.kind !== 'complete') return section
  return complete({ startLine: start.value.line, fields: section.value.fields, end: section.value.end })
}

/** Values of all field lines of that name, in order. */
export function valuesOf(fields: readonly Field[], name: string): string[] {
  const lower = name.toLowerCase()
  return fields.filter(field => field[0].toLowerCase() === lower).map(field => field[1])
}
