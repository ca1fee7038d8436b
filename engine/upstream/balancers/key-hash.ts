const PRIME = 0x01000193
const BASIS = 0x811c9dc5

/**
 * 32 bits of a latin1 text, with their sign: FNV-1a, whose bits are then mixed as MurmurHash3 does in the end, so that keys
 * that differ in their last character are nowhere near each other. Not against those who look for keys of one value.
 * @hotpath
 */
export function hashOf(text: string, seed: number): number {
  let hash = BASIS ^ seed
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
