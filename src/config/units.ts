import { accepted, type Parsed, quote, refusalsAs } from './parsed.ts'

/** Durations, sizes and shares as the configuration writes them: `250ms`, `5s`, `1m`, `1h`; `64KiB`; `20%`. */

const refused = refusalsAs('wrong-unit')
const outOfRange = refusalsAs('out-of-range')

export const DURATION_PATTERN = '^[0-9]+(ms|s|m|h)$'
export const SIZE_PATTERN = '^[0-9]+(B|KiB|MiB|GiB)$'
export const SHARE_PATTERN = '^[0-9]+([.][0-9]+)?%$'

interface Unit {
  readonly name: string
  readonly factor: number
  /** What people write instead; only ever used to guess what was meant. */
  readonly alike: RegExp
}

const DURATION_UNITS: readonly Unit[] = [
  { name: 'ms', factor: 1, alike: /^(ms|msecs?|millis|milliseconds?)$/i },
  { name: 's', factor: 1000, alike: /^(|s|secs?|seconds?)$/i },
  { name: 'm', factor: 60_000, alike: /^(m|mins?|minutes?)$/i },
  { name: 'h', factor: 3_600_000, alike: /^(h|hrs?|hours?)$/i },
  { name: 'd', factor: 86_400_000, alike: /^(d|days?)$/i },
]

const SIZE_UNITS: readonly Unit[] = [
  { name: 'B', factor: 1, alike: /^(|b|bytes?)$/i },
  { name: 'KiB', factor: 1024, alike: /^(k|kb|ki|kib)$/i },
  { name: 'MiB', factor: 1024 ** 2, alike: /^(m|mb|mi|mib)$/i },
  { name: 'GiB', factor: 1024 ** 3, alike: /^(g|gb|gi|gib)$/i },
]

/** A duration in milliseconds, within the bounds. */
export function parseDuration(text: string, minimumMs: number, maximumMs: number): Parsed<number> {
  const match = /^([0-9]+)(ms|s|m|h)$/.exec(text)
  if (match === null)
    return refused(
      `${quote(text)} is not a duration such as 250ms, 5s, 1m or 1h`,
      guessDuration(text, minimumMs, maximumMs),
    )
  const milliseconds = Number(match[1]) * factorOf(DURATION_UNITS, match[2])
  if (milliseconds < minimumMs) {
    return outOfRange(minimumMs <= 1 ? 'must be longer than 0' : `must be at least ${formatDuration(minimumMs)}`)
  }
  if (milliseconds > maximumMs) return outOfRange(`must be at most ${formatDuration(maximumMs)}`)
  return accepted(milliseconds)
}

/** A size in bytes, within the bounds. */
export function parseSize(text: string, minimumBytes: number, maximumBytes: number): Parsed<number> {
  const match = /^([0-9]+)(B|KiB|MiB|GiB)$/.exec(text)
  if (match === null)
    return refused(
      `${quote(text)} is not a size such as 512B, 64KiB or 1MiB`,
      guessSize(text, minimumBytes, maximumBytes),
    )
  const bytes = Number(match[1]) * factorOf(SIZE_UNITS, match[2])
  if (bytes < minimumBytes) return outOfRange(`must be at least ${formatSize(minimumBytes)}`)
  if (bytes > maximumBytes) return outOfRange(`must be at most ${formatSize(maximumBytes)}`)
  return accepted(bytes)
}

/** A share from 0 to 1, written as a percentage. */
export function parseShare(text: string): Parsed<number> {
  const match = /^([0-9]+(?:\.[0-9]+)?)%$/.exec(text)
  if (match === null) return refused(`${quote(text)} is not a share such as 20%`, guessShare(text))
  const percent = Number(match[1])
  return percent <= 100 ? accepted(percent / 100) : outOfRange('must be at most 100%')
}

/** The shortest way to write it, e.g. `90s`, `1h`. */
export function formatDuration(milliseconds: number): string {
  return format(milliseconds, DURATION_UNITS.slice(0, 4))
}

/** The shortest way to write it, e.g. `1536B`, `64KiB`. */
export function formatSize(bytes: number): string {
  return format(bytes, SIZE_UNITS)
}

function factorOf(units: readonly Unit[], name: string | undefined): number {
  const unit = units.find(candidate => candidate.name === name)
  if (unit === undefined) throw new Error(`unknown unit ${name}`)
  return unit.factor
}

function format(amount: number, units: readonly Unit[]): string {
  const unit = units.findLast(candidate => amount >= candidate.factor && amount % candidate.factor === 0) ?? units[0]!
  return `${amount / unit.factor}${unit.name}`
}

function guessDuration(text: string, minimumMs: number, maximumMs: number): string {
  const milliseconds = guess(text, DURATION_UNITS)
  if (milliseconds === null || milliseconds < minimumMs) return ''
  const most = milliseconds > maximumMs ? ` it must be at most ${formatDuration(maximumMs)}` : ''
  return `did you mean ${formatDuration(milliseconds)}?${most}`
}

function guessSize(text: string, minimumBytes: number, maximumBytes: number): string {
  // A rate is a size, too: all of them are per second.
  const bytes = guess(text.replace(/\/s(?:ec)?$/i, ''), SIZE_UNITS)
  if (bytes === null || bytes < minimumBytes) return ''
  const most = bytes > maximumBytes ? ` it must be at most ${formatSize(maximumBytes)}` : ''
  return `did you mean ${formatSize(bytes)}?${most}`
}

/** `20`, `20 %`, `20 percent` and `0.2` in quotes. */
function guessShare(text: string): string {
  const match = /^ ?([0-9]{1,3}(?:\.[0-9]{1,3})?) ?(?:%|percent)? ?$/.exec(text)
  if (match === null || Number(match[1]) > 100) return ''
  const fraction = Number(match[1]) <= 1 && !/[%p]/.test(text)
  return `did you mean ${fraction ? Number((Number(match[1]) * 100).toFixed(1)) : Number(match[1])}%?`
}

/** Adds up `1.5 h`, `1m30s`, `64kb`; `null` where the text is nothing of the kind. */
function guess(text: string, units: readonly Unit[]): number | null {
  const parts = /([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)/gi
  if (text.length > 40 || text.replaceAll(parts, '').trim() !== '') return null
  let amount = 0
  for (const [, number, name] of text.matchAll(parts)) {
    const unit = units.find(candidate => candidate.alike.test(name ?? ''))
    if (unit === undefined) return null
    amount += Number(number) * unit.factor
  }
  return Number.isSafeInteger(amount) && amount > 0 ? amount : null
}
