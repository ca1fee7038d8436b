/** CRC-32 as in zlib and nginx. Our own: a key is short, and text as it is. */

/** Of ISO 3309, its bits in reverse. */
const POLYNOMIAL = 0xedb88320

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte
  for (let bit = 0; bit < 8; bit += 1) rest = (rest >>> 1) ^ (rest & 1 ? POLYNOMIAL : 0)
  return rest
})

/** What a checksum is before its first byte. */
export const CRC32_START = -1

/** With one byte more. @hotpath */
export function crc32Byte(state: number, byte: number): number {
  return (TABLE[(state ^ byte) & 0xff] as number) ^ (state >>> 8)
}

/** With the bytes of a latin1 text. @hotpath */
export function crc32Text(state: number, text: string): number {
  let next = state
  for (let at = 0; at < text.length; at += 1) next = crc32Byte(next, text.charCodeAt(at))
  return next
}

/** The checksum as an unsigned number. @hotpath */
export function crc32End(state: number): number {
  return ~state >>> 0
}
