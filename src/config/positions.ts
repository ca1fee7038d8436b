import type { ProblemCode } from './problem-codes.ts'

/** Where the keys and values of a configuration stand in its files, so that every error can point at its place. */

export type KeyPath = readonly (string | number)[]

/** A key and its value. Offsets only need to grow in the order of the text; for plain objects they are mere ranks. */
export interface Place {
  readonly keyOffset: number
  readonly valueOffset: number
  readonly children: ReadonlyMap<string | number, Place>
  /** What was written where variables or files have been put in. */
  readonly written?: Written
}

/** A scalar as the file has it, before its placeholders were replaced. */
export interface Written {
  /** The paths in it made absolute, so that it means the same everywhere. */
  readonly text: string
  /** The placeholders in it without what is behind their name: `${PORT}`, `${file:token}`. */
  readonly placeholders: readonly string[]
  /** Whether a part of the value came from a file: such a value is never shown. */
  readonly isFromFile: boolean
}

/** What is wrong, by key path; `at` says whether the key itself is to blame or its value. */
export interface Finding {
  readonly path: KeyPath
  readonly at: 'key' | 'value'
  readonly code: ProblemCode
  readonly message: string
  readonly hint: string
  /** Another key that the message speaks of: its line is told behind the message. */
  readonly about?: KeyPath
  /** Where `path` cannot say it: a syntax error, the second of two equal keys. */
  readonly offset?: number
}

/** Line and column count from 1, the column in UTF-16 code units; both are 0 where they are not known. */
export interface Position {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** A configuration that was read, but not checked: one file, an object, or all that belongs together. */
export interface Source {
  readonly value: unknown
  readonly root: Place
  /** What reading itself found wrong. */
  readonly findings: readonly Finding[]
  /** Whether the value is what was meant, `findings` aside. Where not, judging it would add errors that nobody made. */
  readonly usable: boolean
  /** Every offset is below this. */
  readonly extent: number
  readonly positionOf: (offset: number) => Position
}

/** The place of a value that has none. */
export const NOWHERE: Place = { keyOffset: 0, valueOffset: 0, children: new Map() }

/** A source that could not be read any further. */
export function unusable(findings: readonly Finding[], text: string, positionOf: Source['positionOf']): Source {
  return { value: null, root: NOWHERE, findings, usable: false, extent: text.length + 1, positionOf }
}

/** The positions of offsets in a text. */
export function positionsIn(text: string, file: string): Source['positionOf'] {
  const starts = [0]
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', end + 1)) starts.push(end + 1)
  return offset => {
    const line = lastNotAbove(starts, offset)
    return { file, line: line + 1, column: offset - starts[line]! + 1 }
  }
}

/** The index of the last of growing numbers that is no more than `limit`; the first is 0. */
export function lastNotAbove(numbers: readonly number[], limit: number): number {
  let low = 0
  let high = numbers.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (numbers[middle]! <= limit) low = middle
    else high = middle - 1
  }
  return low
}

/** The offset a finding is about. A key that is not there is blamed on the map that lacks it. */
export function offsetOf(root: Place, finding: Finding): number {
  if (finding.offset !== undefined) return finding.offset
  let place = root
  for (const step of finding.path) {
    const child = place.children.get(step)
    if (child === undefined) return place.keyOffset
    place = child
  }
  return finding.at === 'key' ? place.keyOffset : place.valueOffset
}

/** The place of exactly that key, if it is there. */
export function placeAt(root: Place, path: KeyPath): Place | null {
  let place: Place | undefined = root
  for (const step of path) {
    place = place.children.get(step)
    if (place === undefined) return null
  }
  return place
}

/** `routes[0].match.path`; names that would not read well in between dots are quoted. */
export function formatPath(path: KeyPath): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (!/^[A-Za-z0-9_$-]+$/.test(step)) text += `[${JSON.stringify(step)}]`
    else text += text === '' ? step : `.${step}`
  }
  return text
}
