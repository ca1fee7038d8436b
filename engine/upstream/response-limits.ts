/** What is taken of a response's head, whatever version it comes in. */

/** Interim responses before a final one; past it the response counts as malformed. */
export const INTERIM_MAX = 20

export const RESPONSE_LIMITS = { headBytesMax: 64 * 1024 - 1, fieldLinesMax: 200, targetBytesMax: 0 }
