/** How the content of a message ends (RFC 9112, section 6.3). */
export const NO_CONTENT = 0
export const LENGTH_CONTENT = 1
export const CHUNKED_CONTENT = 2
/** A response that runs until the connection closes. */
export const CLOSE_DELIMITED = 3

/** Digits of a `Content-Length`: past it no peer can be trusted to count alike (2^53 has 16 digits). */
export const LENGTH_DIGITS_MAX = 15
