import { Option } from 'commander'
import { defaultFiles } from '../config/sources/find.ts'
import { DEFAULT_NAMES } from '../config/sources/formats.ts'
import { CommandFailure } from './exit-codes.ts'

/** The option that names the configuration, the same for every command; without it: `configurationFile(undefined)`. */
export function configurationOption(): Option {
  const usual = `${DEFAULT_NAMES[0]} and the like in this folder`
  return new Option('-c, --config <FILE>', `the configuration, a file or a folder of files (default: ${usual})`)
}

/**
 * The file that is meant: the one that was named, or the one in the current folder that has a usual name. Where there is
 * none, the first of those names: whoever reads it says what is missing.
 *
 * @throws {CommandFailure} where there are several.
 */
export function configurationFile(named: string | undefined): string {
  if (named !== undefined) return named
  const found = defaultFiles()
  if (found.length <= 1) return found[0] ?? DEFAULT_NAMES[0]!
  throw new CommandFailure(`which of ${found.join(', ')} is meant? Name one with -c FILE`)
}
