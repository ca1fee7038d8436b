/** Percent-encoding undone, for what conditions look at. What is no encoding of anything stays as it is. */

/** A character of UTF-8, each byte encoded; surrogates and overlong forms are caught by the decoder. */
const CHARACTER =
  /%[0-7][0-9a-f]|%(?:c[2-9a-f]|d[0-9a-f])%[89ab][0-9a-f]|%e[0-9a-f](?:%[89ab][0-9a-f]){2}|%f[0-4](?:%[89ab][0-9a-f]){3}/gi

export function decodeText(text: string): string {
  return text.includes('%') ? text.replace(CHARACTER, decodeCharacter) : text
}

/** `+` is a space there. */
export function decodeQueryText(text: string): string {
  return decodeText(text.includes('+') ? text.replaceAll('+', ' ') : text)
}

function decodeCharacter(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return encoded
  }
}
