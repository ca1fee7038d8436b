import { type Field, valuesOf } from '../support/strict-head.ts'

export interface FieldExpectation {
  readonly lines?: readonly string[]
  readonly fields?: Readonly<Record<string, readonly string[]>>
  readonly present?: readonly string[]
  readonly absent?: readonly string[]
}

const lineOf = ([name, value]: Field) => `${name}: ${value}`

/** What is wrong with the fields, in words; empty when nothing is. */
export function checkFields(fields: readonly Field[], expected: FieldExpectation): string[] {
  const complaints: string[] = []
  const lines = fields.map(lineOf)
  let from = 0
  for (const line of expected.lines ?? []) {
    const at = lines.indexOf(line, from)
    if (at < 0) complaints.push(`no ${JSON.stringify(line)} (in its place) in ${JSON.stringify(lines)}`)
    else from = at + 1
  }
  for (const [name, values] of Object.entries(expected.fields ?? {})) {
    const got = valuesOf(fields, name)
    if (JSON.stringify(got) !== JSON.stringify(values)) {
      complaints.push(`${name} is ${JSON.stringify(got)}, not ${JSON.stringify(values)}`)
    }
  }
  for (const name of expected.present ?? []) {
    if (valuesOf(fields, name).length === 0) complaints.push(`no ${name}`)
  }
  for (const name of expected.absent ?? []) {
    const got = valuesOf(fields, name)
    if (got.length > 0) complaints.push(`${name} should not be there: ${JSON.stringify(got)}`)
  }
  return complaints
}

/** Trailer sections are compared whole. */
export function checkTrailers(trailers: readonly Field[], expected: readonly string[] = []): string[] {
  const got = JSON.stringify(trailers.map(lineOf))
  const want = JSON.stringify(expected)
  return got === want ? [] : [`trailers are ${got}, not ${want}`]
}
