/** A head that was written, as lines. */
export interface WrittenHead {
  /** Request line or status line. */
  readonly first: string
  readonly fields: readonly (readonly [name: string, value: string])[]
}

/** Of a head that we have written ourselves: it is well formed. */
export function parseHead(text: string): WrittenHead {
  const [first = '', ...lines] = text.split('\r\n')
  const fields = lines
    .filter(line => line !== '')
    .map((line): readonly [string, string] => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1).trim()]
    })
  return { first, fields }
}
