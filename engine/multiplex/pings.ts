/** What the eight bytes of our PINGs say: which of them is answered. */

export type PingPurpose = typeof MEASURE | typeof ANNOUNCE | typeof PROBE
/** How much comes in a round trip. */
export const MEASURE = 1
/** The peer has seen that the connection ends. */
export const ANNOUNCE = 2
/** The peer is there. */
export const PROBE = 3

const TEXT = 'sluice '
export const pingBytes: readonly Buffer[] = [0, MEASURE, ANNOUNCE, PROBE].map(purpose =>
  Buffer.concat([Buffer.from(TEXT, 'latin1'), Buffer.of(purpose)]),
)

/** What the PING was for whose answer lies at `start`; 0 where it is none of ours. */
export function purposeOf(bytes: Buffer, start: number): number {
  const purpose = bytes[start + TEXT.length] as number
  return bytes.latin1Slice(start, start + TEXT.length) === TEXT ? purpose : 0
}
