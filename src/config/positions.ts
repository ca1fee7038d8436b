/** Where the keys and values of a configuration stand in its text, so that every error can point at its place. */

export type KeyPath = readonly (string | number)[]

/** A key and its value. Offsets only need to grow in the order of the text; for plain objects they are mere ranks. */
export interface Place {
  readonly keyOffset: number
  readonly valueOffset: number
  readonly children: ReadonlyMap<string | number, Place>
}

/** What is wrong, by key path; `at` says whether the key itself is to blame or its value. */
export interface Finding {
  readonly path: KeyPath
  readonly at: 'key' | 'value'
  readonly message: string
  readonly hint: string
  /** Where `path` cannot say it: a syntax error, the second of two equal keys. */
  readonly offset?: number
}

/** A configuration that was read, but not checked. */
export interface Source {
  readonly value: unknown
  readonly root: Place
  /** What reading itself found wrong. */
  readonly findings: readonly Finding[]
  /** Whether the value is what was meant, `findings` aside. Where not, judging it would add errors that nobody made. */
  readonly usable: boolean
  /** Line and column, from 1, of an offset; `null` where the source is no text. */
  readonly positionOf: ((offset: number) => { readonly line: number; readonly column: number }) | null
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
