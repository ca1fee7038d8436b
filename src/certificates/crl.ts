import { BIT_STRING, childrenOf, elementsOf, INTEGER, SEQUENCE, timeOf } from './der.ts'

/** Reads as much of a revocation list (RFC 5280, section 5.1) as tells whether it is one, and how long it holds. */

export interface RevocationList {
  /** Milliseconds since the epoch; infinite where it does not say. */
  readonly nextUpdateMs: number
}

/** `null` for what is none. */
export function readRevocationList(bytes: Buffer): RevocationList | null {
  const [outer] = elementsOf(bytes)
  const [list, algorithm, signature] = childrenOf(outer, SEQUENCE)
  if (algorithm?.tag !== SEQUENCE || signature?.tag !== BIT_STRING) return null
  const parts = childrenOf(list, SEQUENCE)
  // The version may be left out; behind it the algorithm, the issuer, this update, and maybe the next one.
  const [, , thisUpdate, nextUpdate] = parts[0]?.tag === INTEGER ? parts.slice(1) : parts
  if (timeOf(thisUpdate) === null) return null
  return { nextUpdateMs: timeOf(nextUpdate) ?? Number.POSITIVE_INFINITY }
}
