import { compileRegex, loadRegexes, type Regex, RegexError } from '../../engine/routing/regex.ts'
import { accepted, type Parsed, quote, refused } from './parsed.ts'

/** Regular expressions of the language: RE2's syntax, whose matching takes time in proportion to the text, always. */

await loadRegexes()

/** Characters; longer ones are a mistake. */
const SOURCE_MAX = 1024

/** What RE2 has no syntax for, because no matcher in linear time can do it. */
const NOT_LINEAR = /^\((\?[=!>]|\?<[=!]|\?P=?$)|^\\[1-9k]/
const NOT_LINEAR_HINT =
  'RE2 syntax has no look-around and no backreferences: with them one request could stall a worker'

export function parseRegex(text: string): Parsed<string> {
  if (text === '') return refused('must not be empty', 'leave the key out', 'regex-syntax')
  if (text.length > SOURCE_MAX) return refused(`must be at most ${SOURCE_MAX} characters`, '', 'regex-too-large')
  try {
    compileRegex(text)
    return accepted(text)
  } catch (error) {
    if (error instanceof RegexError) return explain(text, error.message)
    throw error
  }
}

/** `message` as RE2 writes them, such as "missing closing ): `^/a(`". */
function explain(text: string, message: string): Parsed<never> {
  if (message.startsWith('it is too large')) {
    return refused(`${quote(text)} cannot be used: ${message}`, 'write smaller numbers into {}', 'regex-too-large')
  }
  const [, reason = message, part = ''] = /^(.*?)(?:: `([\s\S]*)`)?(?: \([^)]*\))?$/.exec(message) ?? []
  if (NOT_LINEAR.test(part)) {
    const refusal = `${quote(text)} has ${quote(part)}, which cannot be matched in linear time`
    return refused(refusal, NOT_LINEAR_HINT, 'regex-not-linear')
  }
  if (reason === 'invalid repeat count' && repeatsTooOften(part)) {
    const hint = 'write a smaller number, or * and +'
    return refused(`${quote(text)} repeats more than 1000 times`, hint, 'regex-too-large')
  }
  const at = part === '' || part === text ? '' : ` at ${quote(part)}`
  const hint = reason.startsWith('missing argument to repetition')
    ? '"*" repeats what stands before it; any text is ".*"'
    : ''
  return refused(`${quote(text)} is not a regular expression: ${reason}${at}`, hint, 'regex-syntax')
}

/** `{2,1}` is a mistake of another kind. */
function repeatsTooOften(count: string): boolean {
  const [, least, most = ''] = /^\{(\d+)(?:,(\d*))?\}$/.exec(count) ?? []
  return least !== undefined && (most === '' || Number(most) >= Number(least))
}

/** `null` for text that is no regular expression. */
export function regexOf(text: string): Regex | null {
  return parseRegex(text).ok ? compileRegex(text) : null
}

/** The names of its groups. */
export function groupNames(text: string): string[] {
  return [...text.matchAll(/\(\?P?<([A-Za-z_]\w*)>/g)].map(([, name]) => name ?? '')
}

/** An expression with a dot in place of what stands for itself or for one character: escapes, classes. */
function skeletonOf(text: string): string {
  return text.replaceAll(/\\Q.*?(?:\\E|$)|\\[pP](?:\{[^}]*\}|.)|\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]/gs, '.')
}

/** How many groups it has, with and without a name. */
export function groupCount(text: string): number {
  return skeletonOf(text).match(/\((?!\?)|\(\?P?</g)?.length ?? 0
}

/** Capitals that would have to be matched as they are. */
export function literalCapitals(text: string): string {
  if (/\(\?[a-z]*i/.test(text)) return ''
  return (
    skeletonOf(text)
      .replaceAll(/\(\?P?<\w+>/g, '')
      .match(/[A-Z]+/)?.[0] ?? ''
  )
}

/** The pattern behind the `~` of a host or a path. */
export function parseMarkedRegex(text: string): Parsed<string> {
  const regex = text.slice(1)
  if (/^\s/.test(regex)) {
    const hint = `did you mean ${quote(`~${regex.trim()}`)}?`
    return refused(`${quote(text)} has a space behind "~", which would have to be matched`, hint, 'regex-syntax')
  }
  if (/^\*\s*[^*]/.test(regex)) {
    const hint = `did you mean ${quote(`~(?i)${regex.slice(1).trim()}`)}?`
    return refused(`${quote(text)} has "~*", which is not how any case is matched here`, hint, 'regex-syntax')
  }
  return parseRegex(regex)
}
