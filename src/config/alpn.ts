import { accepted, type Parsed, quote, refused } from './parsed.ts'

/** RFC 7301, section 3.1. */
const NAME_BYTES_MAX = 255

/** The name of a protocol as ALPN has it: `h2`, `http/1.1`, `postgresql`. */
export function parseAlpn(text: string): Parsed<string> {
  if (text === '') return refused('must not be empty')
  if (!/^[\x21-\x7e]+$/.test(text)) return refused(`${quote(text)} is not the name of a protocol`, 'such as h2')
  if (text.length > NAME_BYTES_MAX) return refused(`the name of a protocol has at most ${NAME_BYTES_MAX} characters`)
  return /^http\/2(\.0)?$/i.test(text)
    ? refused(`${quote(text)} is not what HTTP/2 is called here`, 'did you mean "h2"?')
    : accepted(text)
}
