import { decodeQueryText } from './decode.ts'

/** Name and value of each field, as they are written: percent-encoding is not undone. A name without `=` has an empty value. */
export function* queryFieldsIn(query: string): Generator<readonly [name: string, value: string]> {
  if (query === '') return
  for (const pair of query.split('&')) {
    // `&&` is no field without a name.
    if (pair === '') continue
    const equals = pair.indexOf('=')
    yield equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
  }
}

/** The values of that name, as they are written. A name can be written in many ways, and is the same to those who read it. */
export function queryValues(query: string, name: string): string[] {
  const values: string[] = []
  for (const [written, value] of queryFieldsIn(query)) {
    if (written === name || decodeQueryText(written) === name) values.push(value)
  }
  return values
}
