import { ConfigurationError } from '../config/errors.ts'

/** What stderr says about an error that ended the command. */
export function describeFailure(error: unknown): string {
  if (error instanceof ConfigurationError) return error.message
  // These are about the world outside, and their message names the listener or the file: one line will do.
  if (error instanceof Error && /^E[A-Z0-9]+$/.test((error as NodeJS.ErrnoException).code ?? '')) {
    return `sluice: ${error.message.replaceAll(/\s*\n\s*/g, ' ')}`
  }
  // Anything else is a defect of ours, and whoever reports it needs the stack.
  return `sluice: internal error: ${error instanceof Error ? error.stack : String(error)}`
}
