/** Values that have a meaning for a proxy, read where they lie. */
import { LENGTH_DIGITS_MAX } from '../http/framing.ts'

/** What `readDigits` gives for what is no number, and for one that is too large. */
export const NOT_DIGITS = -2
const TOO_LARGE = -3

/** One number in decimal digits, as `Content-Length` has it. */
export function readDigits(bytes: Buffer, start: number, end: number): number {
  if (start === end) return NOT_DIGITS
  let value = 0
  for (let at = start; at < end; at += 1) {
    const digit = (bytes[at] as number) - 0x30
    if (digit < 0 || digit > 9) return NOT_DIGITS
    value = value * 10 + digit
  }
  return end - start > LENGTH_DIGITS_MAX ? TOO_LARGE : value
}

/** Whether the bytes are `wanted`, whatever the case of letters in either. */
export function isToken(bytes: Buffer, start: number, end: number, wanted: Buffer): boolean {
  if (end - start !== wanted.length) return false
  for (let index = 0; index < wanted.length; index += 1) {
    if (toLower(bytes[start + index] as number) !== toLower(wanted[index] as number)) return false
  }
  return true
}

function toLower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
}
