/** Elements of DER (X.690), as far as it takes to find one's way through them. */

export const INTEGER = 0x02
export const BIT_STRING = 0x03
export const OCTET_STRING = 0x04
export const ENUMERATED = 0x0a
export const UTC_TIME = 0x17
export const GENERALIZED_TIME = 0x18
export const SEQUENCE = 0x30
/** The first of those that a structure numbers itself. */
export const FIRST = 0xa0

export interface Element {
  readonly tag: number
  readonly content: Buffer
}

/** What is in an element with that tag; nothing for another. */
export function childrenOf(element: Element | undefined, tag: number): Element[] {
  return element?.tag === tag ? elementsOf(element.content) : []
}

/** Those that lie behind each other there; what is not whole ends the list. */
export function elementsOf(bytes: Buffer): Element[] {
  const elements: Element[] = []
  let at = 0
  while (at + 2 <= bytes.length) {
    const tag = bytes[at] ?? 0
    const short = bytes[at + 1] ?? 0
    const lengthBytes = short < 0x80 ? 0 : short & 0x7f
    if (lengthBytes > 4 || at + 2 + lengthBytes > bytes.length) break
    const length = lengthBytes === 0 ? short & 0x7f : bytes.readUIntBE(at + 2, lengthBytes)
    const start = at + 2 + lengthBytes
    if (start + length > bytes.length) break
    elements.push({ tag, content: bytes.subarray(start, start + length) })
    at = start + length
  }
  return elements
}

/** Milliseconds since the epoch; `null` for what is no time as certificates have them (RFC 5280, section 4.1.2.5). */
export function timeOf(element: Element | undefined): number | null {
  if (element?.tag !== UTC_TIME && element?.tag !== GENERALIZED_TIME) return null
  const text = element.content.toString('latin1')
  const whole = element.tag === GENERALIZED_TIME ? text : `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}`
  const parts = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(whole)
  if (parts === null) return null
  const [, year, month, day, hour, minute, second] = parts.map(Number)
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second)
}
