/**
 * HalfSipHash-2-4 (Aumasson and Bernstein's SipHash with words of 32 bits) of a text: whoever does not know the key cannot choose
 * texts that fall together. `node:crypto` would cost each thread 3 MB.
 */
export type HashKey = readonly [number, number]

/** Of the system's entropy by way of `Math.random`, which a process seeds with it: enough where nobody sees what comes of it. */
export function randomHashKey(): HashKey {
  return [Math.floor(Math.random() * 2 ** 32) | 0, Math.floor(Math.random() * 2 ** 32) | 0]
}

/** Rounds for each word of the text, and behind the last. */
const WORD_ROUNDS = 2
const LAST_ROUNDS = 4

/** The four words that are stirred: no thread hashes two texts at once. */
let v0 = 0
let v1 = 0
let v2 = 0
let v3 = 0

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

function stir(rounds: number): void {
  for (let round = 0; round < rounds; round += 1) {
    v0 = (v0 + v1) | 0
    v1 = rotate(v1, 5) ^ v0
    v0 = rotate(v0, 16)
    v2 = (v2 + v3) | 0
    v3 = rotate(v3, 8) ^ v2
    v0 = (v0 + v3) | 0
    v3 = rotate(v3, 7) ^ v0
    v2 = (v2 + v1) | 0
    v1 = rotate(v1, 13) ^ v2
    v2 = rotate(v2, 16)
  }
}

function take(word: number): void {
  v3 ^= word
  stir(WORD_ROUNDS)
  v0 ^= word
}

/** 64 bits, as two integers put into `out`. Of each character the lower 8 bits count. @hotpath */
export function keyedHash([key0, key1]: HashKey, text: string, out: Int32Array): void {
  const { length } = text
  v0 = key0
  v1 = key1 ^ 0xee
  v2 = 0x6c796765 ^ key0
  v3 = 0x74656462 ^ key1
  const whole = length & ~3
  for (let at = 0; at < whole; at += 4) take(wordOf(text, at, 4))
  take(wordOf(text, whole, length & 3) | (length << 24))
  v2 ^= 0xee
  stir(LAST_ROUNDS)
  out[0] = v1 ^ v3
  v1 ^= 0xdd
  stir(LAST_ROUNDS)
  out[1] = v1 ^ v3
}

function wordOf(text: string, at: number, count: number): number {
  let word = 0
  for (let index = 0; index < count; index += 1) word |= (text.charCodeAt(at + index) & 0xff) << (8 * index)
  return word
}
