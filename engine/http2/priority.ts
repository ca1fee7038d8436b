/**
 * The `priority` field and the value of PRIORITY_UPDATE (RFC 9218): a dictionary of structured fields (RFC 9651), of which
 * `u` (urgency, 0 to 7) and `i` (incremental) are meant for us. A value that does not parse counts as absent.
 */

/** A priority as one number: the urgency, and `INCREMENTAL` where parts of the response are of use on their own. */
export const INCREMENTAL = 8
export const URGENCY_MASK = 7

/** What holds where nothing is said (RFC 9218, section 4). */
export const DEFAULT_PRIORITY = 3

/** Longer values are taken as absent: nothing that is meant for us needs so much. */
const VALUE_BYTES_MAX = 256

const KEY = /[a-z*][a-z0-9_\-.*]*/y
/** Whatever a bare item can be: a number or date, a string, a display string, a byte sequence, a boolean, a token. */
const BARE_ITEM =
  /@?-?\d{1,15}(?:\.\d{1,3})?|"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"|%"(?:[\x20\x21\x23\x24\x26-\x7e]|%[0-9a-f]{2})*"|:[A-Za-z0-9+/=]*:|\?[01]|[A-Za-z*][\w!#$%&'*+\-.^`|~:/]*/y
const BLANKS = /[ \t]*/y
const SPACES = / */y

/** Gives the priority; `DEFAULT_PRIORITY` where the value does not parse. */
export function readPriority(bytes: Buffer, start: number, end: number): number {
  if (end - start > VALUE_BYTES_MAX) return DEFAULT_PRIORITY
  if (end - start === 3 && bytes[start] === 0x75 && bytes[start + 1] === 0x3d) {
    const digit = (bytes[start + 2] as number) - 0x30
    if (digit >= 0 && digit <= URGENCY_MASK) return digit
  }
  return new DictionaryReader(bytes.latin1Slice(start, end)).read()
}

/** Reads one dictionary from left to right. */
class DictionaryReader {
  readonly #text: string
  #at = 0
  #urgency = DEFAULT_PRIORITY
  #incremental = false

  constructor(text: string) {
    this.#text = text.replace(/^ +| +$/g, '')
  }

  read(): number {
    if (this.#text === '') return DEFAULT_PRIORITY
    for (;;) {
      if (!this.#member()) return DEFAULT_PRIORITY
      this.#take(BLANKS)
      if (this.#at === this.#text.length) return this.#urgency | (this.#incremental ? INCREMENTAL : 0)
      if (!this.#skip(',')) return DEFAULT_PRIORITY
      this.#take(BLANKS)
      if (this.#at === this.#text.length) return DEFAULT_PRIORITY
    }
  }

  /** The last of several members of one name counts (RFC 9651, section 4.2.2). */
  #member(): boolean {
    const key = this.#take(KEY)
    if (key === null) return false
    let value: string | null = '?1'
    if (this.#skip('=')) {
      value = this.#text[this.#at] === '(' ? this.#innerList() : this.#take(BARE_ITEM)
      if (value === null) return false
    }
    if (key === 'u')
      this.#urgency =
        /^-?\d+$/.test(value) && Number(value) >= 0 && Number(value) <= URGENCY_MASK
          ? Math.abs(Number(value))
          : DEFAULT_PRIORITY
    if (key === 'i') this.#incremental = value === '?1'
    return this.#parameters()
  }

  #innerList(): string | null {
    this.#skip('(')
    for (;;) {
      this.#take(SPACES)
      if (this.#skip(')')) return '('
      if (this.#take(BARE_ITEM) === null || !this.#parameters()) return null
      const next = this.#text[this.#at]
      if (next !== ' ' && next !== ')') return null
    }
  }

  #parameters(): boolean {
    while (this.#skip(';')) {
      this.#take(SPACES)
      if (this.#take(KEY) === null) return false
      if (this.#skip('=') && this.#take(BARE_ITEM) === null) return false
    }
    return true
  }

  #take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match === null) return null
    this.#at = pattern.lastIndex
    return match[0]
  }

  #skip(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at += 1
    return true
  }
}
