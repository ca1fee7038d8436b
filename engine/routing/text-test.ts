/** What a text must be like. */
import type { TextTest } from '../snapshot.ts'
import { compileRegex } from './regex.ts'

export interface CompiledTextTest {
  /** For people: `"2"`, `prefix "v"`, `~^v\d$`. */
  readonly text: string
  /** Of several texts it is enough that one is so. */
  holds(values: readonly string[]): boolean
}

export function compileTextTest(test: TextTest): CompiledTextTest {
  switch (test.kind) {
    case 'present':
      return { text: 'any value', holds: values => values.length > 0 }
    case 'absent':
      return { text: 'none', holds: values => values.length === 0 }
    case 'exact':
      return { text: quoted(test.text), holds: values => values.includes(test.text) }
    case 'prefix':
      return { text: `prefix ${quoted(test.text)}`, holds: values => values.some(value => value.startsWith(test.text)) }
    case 'suffix':
      return { text: `suffix ${quoted(test.text)}`, holds: values => values.some(value => value.endsWith(test.text)) }
    case 'contains':
      return { text: `contains ${quoted(test.text)}`, holds: values => values.some(value => value.includes(test.text)) }
    case 'regex': {
      const regex = compileRegex(test.regex)
      return { text: `~${test.regex}`, holds: values => values.some(value => regex.test(value)) }
    }
  }
}

/** Characters of a text that are shown at most. */
const SHOWN_MAX = 100

export function quoted(text: string): string {
  return JSON.stringify(text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}...` : text)
}
