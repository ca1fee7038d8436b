/** What peers send: a string is latin1, so that `\u00XX` is the byte XX. */
export type Bytes = string | Uint8Array

export function toBuffer(bytes: Bytes): Buffer {
  return typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes)
}

/** For messages of failed tests: latin1 with escapes, cut in the middle when long. */
export function quote(bytes: Bytes, charactersMax = 600): string {
  const text = JSON.stringify(toBuffer(bytes).toString('latin1'))
  if (text.length <= charactersMax) return text
  const half = Math.floor(charactersMax / 2)
  return `${text.slice(0, half)} ...(${text.length - 2 * half} more)... ${text.slice(-half)}`
}

/** The pieces of `bytes` between the given offsets, which need not be sorted or unique; empty pieces are left out. */
export function piecesAt(bytes: Buffer, offsets: readonly number[]): Buffer[] {
  const cuts = [...new Set(offsets)].filter(at => at > 0 && at < bytes.length).sort((a, b) => a - b)
  const pieces: Buffer[] = []
  let from = 0
  for (const cut of [...cuts, bytes.length]) {
    if (cut > from) pieces.push(bytes.subarray(from, cut))
    from = cut
  }
  return pieces
}
