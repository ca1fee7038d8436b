import type { ActiveCheckSnapshot, StatusRange } from '../../engine/snapshot.ts'
import { accepted, type Parsed, quote, refused } from './parsed.ts'
import type { UpstreamUses } from './upstream-uses.ts'

/** What active health checks send and expect. */

/** Characters; longer ones are a mistake. */
const TARGET_MAX = 2048
const PATTERN_MAX = 1024
const BYTES_MAX = 4096

export type CheckType = ActiveCheckSnapshot['type']

/** What a check does that does not say it: what those do who use the upstream. */
export function usualCheck(isSecure: boolean, { tcp, udp, http }: UpstreamUses): CheckType {
  if (!http && tcp.length > 0) return 'tcp'
  if (!http && udp.length > 0) return 'udp'
  return isSecure ? 'https' : 'http'
}

/** A path, with a query where one is wanted, as it goes on the wire. */
export function parseCheckPath(text: string): Parsed<string> {
  if (!text.startsWith('/')) return refused(`${quote(text)} must start with "/"`, `did you mean ${quote(`/${text}`)}?`)
  if (text.includes('#')) return refused(`${quote(text)} has a fragment; a path ends before "#"`)
  if (!/^[\x21-\x7e]+$/.test(text)) {
    const hint = text.isWellFormed() ? `write ${quote(encodeURI(text))}` : ''
    return refused(`${quote(text)} has a character that must be percent-encoded`, hint)
  }
  if (text.length > TARGET_MAX) return refused(`must be at most ${TARGET_MAX} characters`)
  return accepted(text)
}

/** Statuses from one to another, e.g. `200-399`; both count. */
export function parseStatusRange(text: string): Parsed<StatusRange> {
  const match = /^([1-5][0-9][0-9])-([1-5][0-9][0-9])$/.exec(text)
  if (match === null) {
    const single = /^[1-5][0-9][0-9]$/.test(text) ? `write ${text} without quotes` : ''
    const family = /^([1-5])xx$/i.exec(text)
    const hint = family === null ? single : `did you mean ${family[1]}00-${family[1]}99?`
    return refused(`${quote(text)} is not a range of statuses such as 200-399`, hint)
  }
  const [first, last] = [Number(match[1]), Number(match[2])]
  return first <= last
    ? accepted([first, last])
    : refused(`${quote(text)} ends before it begins`, `did you mean ${last}-${first}?`)
}

/** Bytes that a check over TCP or UDP sends or waits for: each character stands for the byte of its number. */
export function parseCheckBytes(text: string): Parsed<string> {
  if (text === '') return refused('must not be empty', 'leave the key out')
  if (text.length > BYTES_MAX) return refused(`must be at most ${BYTES_MAX} bytes`)
  if (!/[^\0-\xff]/.test(text)) return accepted(text)
  const hint = 'write the bytes of UTF-8 one by one, such as "\\xe2\\x82\\xac"'
  return refused(`${quote(text)} has a character that is no byte`, hint)
}

/** A regular expression of JavaScript, without flags. */
export function parsePattern(text: string): Parsed<string> {
  if (text === '') return refused('must not be empty', 'leave it out for any content')
  if (text.length > PATTERN_MAX) return refused(`must be at most ${PATTERN_MAX} characters`)
  try {
    new RegExp(text)
    return accepted(text)
  } catch (error) {
    const reason = (error as Error).message.replace(/^.*: /, '')
    return refused(`${quote(text)} is not a regular expression: ${reason}`)
  }
}
