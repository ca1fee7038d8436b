/** CRC-32C (RFC 3720, appendix B.4), which a header of version 2 may carry of itself. */

/** Of Castagnoli, its bits in reverse. */
const POLYNOMIAL = 0x82f63b78

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte
  for (let bit = 0; bit < 8; bit += 1) rest = (rest >>> 1) ^ (rest & 1 ? POLYNOMIAL : 0)
  return rest
})

/** The checksum as an unsigned number. */
export function crc32c(bytes: Uint8Array): number {
  let state = -1
  for (const byte of bytes) state = (TABLE[(state ^ byte) & 0xff] as number) ^ (state >>> 8)
  return ~state >>> 0
}
