/**
 * A message head as bytes and spans: nothing is copied and no string is made to read it. Positions are relative to
 * `base`, so that a head that came in pieces reads the same as one that came whole.
 */
import { matchesLowerCase, OTHER_FIELD } from './field-names.ts'

/** Field lines that a head can hold at most, whatever the configuration allows. */
export const FIELD_LINES_MAX = 1000

const SPAN = 4

/** The options of `Connection` that nearly every message carries, for `valueIs`. */
export const KEEP_ALIVE_OPTION: Uint8Array = Buffer.from('keep-alive', 'latin1')
export const CLOSE: Uint8Array = Buffer.from('close', 'latin1')

export class Head {
  bytes: Buffer
  /** Where position 0 of the head lies in `bytes`. */
  base = 0
  /** Bytes of the head, its empty line included. */
  length = 0
  targetStart = 0
  targetEnd = 0
  fieldCount = 0
  readonly #spans: Int32Array
  /** What each field line is called, as an identifier of `field-names.ts`. */
  readonly ids: Uint8Array

  /** `fieldsMax` lines are as many as it can hold. */
  constructor(bytes: Buffer, fieldsMax: number = FIELD_LINES_MAX) {
    this.bytes = bytes
    this.#spans = new Int32Array(fieldsMax * SPAN)
    this.ids = new Uint8Array(fieldsMax)
  }

  /** The same head with bytes of its own, for whoever needs it when the next one is read. */
  copy(): Head {
    const { base, length, fieldCount } = this
    const copy = new Head(Buffer.from(this.bytes.subarray(base, base + length)), fieldCount)
    copy.length = length
    copy.targetStart = this.targetStart
    copy.targetEnd = this.targetEnd
    copy.fieldCount = fieldCount
    copy.#spans.set(this.#spans.subarray(0, fieldCount * SPAN))
    copy.ids.set(this.ids.subarray(0, fieldCount))
    return copy
  }

  clear(): void {
    this.targetStart = 0
    this.targetEnd = 0
    this.fieldCount = 0
    this.length = 0
  }

  /** Adds a field line whose value is still to come. @hotpath */
  addName(start: number, end: number): void {
    const at = this.fieldCount * SPAN
    this.#spans[at] = start
    this.#spans[at + 1] = end
    this.#spans[at + 2] = end
    this.#spans[at + 3] = end
    this.ids[this.fieldCount] = OTHER_FIELD
    this.fieldCount += 1
  }

  /** Adds a whole field line; `id` is one of `field-names.ts`. @hotpath */
  addLine(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number, id: number): void {
    const at = this.fieldCount * SPAN
    this.#spans[at] = nameStart
    this.#spans[at + 1] = nameEnd
    this.#spans[at + 2] = valueStart
    this.#spans[at + 3] = valueEnd
    this.ids[this.fieldCount] = id
    this.fieldCount += 1
  }

  extendName(end: number): void {
    this.#spans[(this.fieldCount - 1) * SPAN + 1] = end
  }

  setValue(start: number, end: number): void {
    const at = (this.fieldCount - 1) * SPAN
    this.#spans[at + 2] = start
    this.#spans[at + 3] = end
  }

  extendValue(end: number): void {
    this.#spans[(this.fieldCount - 1) * SPAN + 3] = end
  }

  nameStart(index: number): number {
    return this.#spans[index * SPAN] as number
  }

  nameEnd(index: number): number {
    return this.#spans[index * SPAN + 1] as number
  }

  valueStart(index: number): number {
    return this.#spans[index * SPAN + 2] as number
  }

  /** Without the optional whitespace behind the value (RFC 9110, section 5.5). */
  valueEnd(index: number): number {
    const start = this.#spans[index * SPAN + 2] as number
    let end = this.#spans[index * SPAN + 3] as number
    while (end > start && isBlank(this.byte(end - 1))) end -= 1
    return end
  }

  /** Where the line behind this field line begins: past its CRLF. */
  lineEnd(index: number): number {
    // The next line begins where the next name does: nothing stands between them (no folding gets this far).
    return index + 1 < this.fieldCount ? (this.#spans[(index + 1) * SPAN] as number) : this.length - 2
  }

  byte(position: number): number {
    return this.bytes[this.base + position] as number
  }

  name(index: number): string {
    return this.text(this.nameStart(index), this.nameEnd(index))
  }

  value(index: number): string {
    return this.text(this.valueStart(index), this.valueEnd(index))
  }

  /** Whether the value is `lowerCase`, a token, whatever its case: no string is made. @hotpath */
  valueIs(index: number, lowerCase: Uint8Array): boolean {
    const start = this.valueStart(index)
    if (this.valueEnd(index) - start !== lowerCase.length) return false
    return matchesLowerCase(this.bytes, this.base + start, lowerCase)
  }

  /** Octets as Latin-1, so that none is lost. */
  text(start: number, end: number): string {
    return this.bytes.latin1Slice(this.base + start, this.base + end)
  }

  /** Keeps what a head that is not whole yet has so far, for a parser that goes on later. */
  save(): SavedHead {
    return {
      fieldCount: this.fieldCount,
      targetStart: this.targetStart,
      targetEnd: this.targetEnd,
      spans: this.#spans.slice(0, this.fieldCount * SPAN),
    }
  }

  restore(saved: SavedHead): void {
    this.fieldCount = saved.fieldCount
    this.targetStart = saved.targetStart
    this.targetEnd = saved.targetEnd
    this.#spans.set(saved.spans)
    this.ids.fill(OTHER_FIELD, 0, saved.fieldCount)
  }
}

export interface SavedHead {
  readonly fieldCount: number
  readonly targetStart: number
  readonly targetEnd: number
  readonly spans: Int32Array
}

/** Space or horizontal tab. */
export function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09
}
