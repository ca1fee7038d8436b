import {
  childrenOf,
  type Element,
  ENUMERATED,
  elementsOf,
  FIRST,
  INTEGER,
  OCTET_STRING,
  SEQUENCE,
  timeOf,
} from './der.ts'

/** Reads as much of an OCSP response (RFC 6960, section 4.2.1, in DER) as tells whether it is worth sending. */

export interface OcspResponse {
  /** Of the certificates that it is about, in hexadecimal, in lower case. */
  readonly serialNumbers: readonly string[]
  /** The earliest time at which one of its parts ends, milliseconds since the epoch; infinite where none says so. */
  readonly nextUpdateMs: number
}

/** `null` for what is none, and for one that says only that there is no answer. */
export function readOcspResponse(bytes: Buffer): OcspResponse | null {
  const [outer] = elementsOf(bytes)
  const [status, wrapped] = childrenOf(outer, SEQUENCE)
  if (status?.tag !== ENUMERATED || status.content[0] !== 0) return null
  const [responseBytes] = childrenOf(wrapped, FIRST)
  const response = childrenOf(responseBytes, SEQUENCE)[1]
  if (response?.tag !== OCTET_STRING) return null
  const [basic] = elementsOf(response.content)
  const [data] = childrenOf(basic, SEQUENCE)
  // Version (sometimes), responder, time, and then the one sequence of answers.
  const answers = childrenOf(data, SEQUENCE).find(({ tag }) => tag === SEQUENCE)
  const singles = childrenOf(answers, SEQUENCE).map(single => childrenOf(single, SEQUENCE))
  if (singles.length === 0) return null
  return {
    serialNumbers: singles.map(([id]) => serialIn(childrenOf(id, SEQUENCE))),
    nextUpdateMs: Math.min(...singles.map(nextUpdateIn)),
  }
}

function serialIn(certificateId: readonly Element[]): string {
  const serial = certificateId.find(({ tag }) => tag === INTEGER)
  return serial?.content.toString('hex').replace(/^00(?=..)/, '') ?? ''
}

function nextUpdateIn(single: readonly Element[]): number {
  // Identifier, status, this update, and maybe the next one; the status may have the same tag.
  const [time] = childrenOf(
    single.slice(3).find(({ tag }) => tag === FIRST),
    FIRST,
  )
  return timeOf(time) ?? Number.POSITIVE_INFINITY
}
