/** What the person who ran the bench has to know or change: its message is one line, and is all that is shown. */
export class BenchFailure extends Error {
  override readonly name = 'BenchFailure'
}

/** The one line that an error of any kind comes down to. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.trim().replaceAll(/\s*\n\s*/g, '; ')
}
