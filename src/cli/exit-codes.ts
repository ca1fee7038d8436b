/** How a command ends: the same for all of them, and written down in docs/command-line.md. */

export const EXIT_FINE = 0
/** What was asked for was tried, and failed; or what was checked is not as it should be. */
export const EXIT_FAILED = 1
/** The command line cannot be understood; nothing was tried. */
export const EXIT_USAGE = 2

/** What a command could not do; the message is for whoever ran it, and all there is to say. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
}

/** Arguments that are right each by itself and make no sense together. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
