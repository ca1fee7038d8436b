/** A value of the configuration, about as somebody would write it. */

/** Characters of it that are shown. */
const WRITTEN_MAX = 160

/** Text that means itself stands as it is, everything else as JSON. */
export function written(value: unknown): string {
  const isPlain = typeof value === 'string' && /^[^\s"'[\]{},#][^\s"',#]*$/.test(value)
  const text = isPlain ? value : (JSON.stringify(value) ?? '')
  return text.length > WRITTEN_MAX ? `${text.slice(0, WRITTEN_MAX - 3)}...` : text
}
