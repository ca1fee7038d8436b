/** The percent-encoding of a path: what needs none is decoded, what cannot stand as it is is encoded, the rest is kept. */
import type { PathTreatment } from '../snapshot.ts'

/** Neither what is encoded, nor what has to be. */
const NEEDS_NOTHING = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/]*$/

/** `%` and two digits, or not; or what a URI cannot have as it is. */
const ODD = /%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~!$&'()*+,;=:@/]/g

/** Printable ASCII that has to be encoded, which some clients leave as it is. A backslash is none of it: some take it for a slash. */
const ENCODABLE = /^["<>[\]^`{|}]$/

const UNRESERVED = /^[A-Za-z0-9\-._~]$/

/**
 * UTF-8 in a form that is longer than need be (RFC 3629, section 3), which careless readers take for the ASCII that it hides:
 * `%C0` and `%C1` begin nothing else, the others do with certain bytes behind them. In capitals.
 */
const OVERLONG = /%C[01]|%E0%[89]|%F0%8|%F8%8[0-7]|%FC%8[0-3]/

/** `null` where the path is malformed, ambiguous, or has an encoded slash that is refused. */
export function decodePath(path: string, encodedSlashes: PathTreatment): string | null {
  if (NEEDS_NOTHING.test(path)) return path
  let refused = false
  const decoded = path.replace(ODD, odd => {
    const known = odd.length === 3 ? decodeByte(odd.toUpperCase(), encodedSlashes) : encodeCharacter(odd)
    refused ||= known === null
    return known ?? ''
  })
  return refused || OVERLONG.test(decoded) ? null : decoded
}

/** `encoded` in capitals. */
function decodeByte(encoded: string, encodedSlashes: PathTreatment): string | null {
  if (encoded === '%00') return null
  if (encoded === '%2F' || encoded === '%5C') {
    if (encodedSlashes === 'refuse') return null
    return encodedSlashes === 'normalise' ? '/' : encoded
  }
  const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
  return UNRESERVED.test(character) ? character : encoded
}

/** A `%` that stands alone, a backslash, a control, a space, and anything that is no ASCII are refused. */
function encodeCharacter(character: string): string | null {
  if (!ENCODABLE.test(character)) return null
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}
