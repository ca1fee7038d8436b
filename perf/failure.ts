/** What the person who ran the command has to know or change: its message is one line, and is all that is shown. */
export class PerfFailure extends Error {
  override readonly name = 'PerfFailure'
}

/** What stderr says about an error that ended a command. */
export function describeFailure(error: unknown): string {
  if (error instanceof PerfFailure) return `perf: ${error.message}`
  const code = (error as NodeJS.ErrnoException | null)?.code ?? ''
  if (error instanceof Error && code.startsWith('ERR_PARSE_ARGS_')) {
    // Node's hint about arguments that begin with a dash takes a sentence of its own.
    return `perf: ${error.message.split('. ')[0]?.replaceAll(/\s*\n\s*/g, ' ')}; npm run perf shows what there is`
  }
  return `perf: ${error instanceof Error ? error.stack : String(error)}`
}
