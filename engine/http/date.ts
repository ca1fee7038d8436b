let second = 0
let line = ''

/** `Date: ...` with CRLF (RFC 9110, section 6.6.1); made anew once a second. @hotpath */
export function dateLine(): string {
  const now = Math.floor(Date.now() / 1000)
  if (now !== second) {
    second = now
    line = `Date: ${new Date(now * 1000).toUTCString()}\r\n`
  }
  return line
}
