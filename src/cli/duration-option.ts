import { InvalidArgumentError, Option } from 'commander'
import { formatDuration, parseDuration } from '../config/units.ts'

const MINIMUM_MS = 1
const MAXIMUM_MS = 24 * 60 * 60 * 1000

/** An option that takes a time as the configuration writes it, such as `500ms` or `30s`; its value is in milliseconds. */
export function durationOption(flags: string, description: string, defaultMs: number): Option {
  return new Option(flags, description).default(defaultMs, formatDuration(defaultMs)).argParser(text => {
    const parsed = parseDuration(text, MINIMUM_MS, MAXIMUM_MS)
    if (parsed.ok) return parsed.value
    throw new InvalidArgumentError([parsed.message, parsed.hint].filter(part => part !== '').join('; '))
  })
}
