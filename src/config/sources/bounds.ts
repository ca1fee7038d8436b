/** What all languages of configurations have in common, so that no file can stop whoever reads it. */

/** Maps and lists inside each other; past it the file is refused. The language itself needs a dozen. */
export const DEPTH_MAX = 64

/** Values after aliases are expanded; past it the file is refused. Ten thousand routes have some tens of thousands. */
export const VALUES_MAX = 1_000_000

export const TOO_DEEP = `maps and lists are nested more than ${DEPTH_MAX} deep`

export function withoutByteOrderMark(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text
}
