/**
 * HPACK for peers of tests, on its own: it writes literals only, and reads whatever an encoder may write of visible ASCII.
 * It has nothing of the engine's, so that an error there is not made here too.
 */

/** Field lines in their order, pseudo-fields first. */
export type Fields = readonly (readonly [name: string, value: string])[]

/** RFC 7541, appendix A: names and values that are not empty. */
const STATIC_TABLE: Fields = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ...(
    'accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control ' +
    'content-disposition content-encoding content-language content-length content-location content-range content-type ' +
    'cookie date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since ' +
    'last-modified link location max-forwards proxy-authenticate proxy-authorization range referer refresh retry-after ' +
    'server set-cookie strict-transport-security transfer-encoding user-agent vary via www-authenticate'
  )
    .split(' ')
    .map((name): readonly [string, string] => [name, '']),
]

/** Bits of the codes of 0x20 to 0x7e (RFC 7541, appendix B): the code is canonical, so that lengths say all. */
const CODE_BITS = [
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6,
  5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13,
]

/** NUL is the one other octet whose code is as short. */
const NUL_CODE_BITS = 13

/** By bits and code, e.g. `5:0`. */
const CODES = huffmanCodes()

function huffmanCodes(): Map<string, string> {
  const lengths = new Map(CODE_BITS.map((bits, index): [number, number] => [index + 0x20, bits]))
  lengths.set(0, NUL_CODE_BITS)
  const sorted = [...lengths].sort(([a, aBits], [b, bBits]) => aBits - bBits || a - b)
  const codes = new Map<string, string>()
  let code = 0
  let before = 0
  for (const [octet, bits] of sorted) {
    code *= 2 ** (bits - before)
    before = bits
    codes.set(`${bits}:${code}`, String.fromCharCode(octet))
    code += 1
  }
  return codes
}

function huffmanText(bytes: Buffer): string {
  let text = ''
  let code = 0
  let bits = 0
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      code = code * 2 + ((byte >> bit) & 1)
      bits += 1
      const character = CODES.get(`${bits}:${code}`)
      if (character === undefined) continue
      text += character
      code = 0
      bits = 0
    }
  }
  if (bits > 7 || code !== 2 ** bits - 1) throw new Error(`bad padding of Huffman code behind ${JSON.stringify(text)}`)
  return text
}

/** An integer with a prefix of so many bits (RFC 7541, section 5.1), below `first`. */
export function hpackInteger(first: number, prefixBits: number, value: number): Buffer {
  const max = 2 ** prefixBits - 1
  if (value < max) return Buffer.of(first | value)
  const bytes = [first | max]
  let rest = value - max
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  bytes.push(rest)
  return Buffer.from(bytes)
}

/** A text without Huffman code; octets as Latin-1. */
export function hpackText(text: string): Buffer {
  return Buffer.concat([hpackInteger(0, 7, text.length), Buffer.from(text, 'latin1')])
}

/** Literals that go into no table. Names are written as they are given, whatever is wrong with them. */
export function encodeFields(fields: Fields): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), hpackText(name), hpackText(value)]))
}

/** Keeps the table of one direction of a connection. Throws for what no encoder may write. */
export class FieldsReader {
  readonly #entries: (readonly [string, string])[] = []
  #bytesMax: number
  #bytes: Buffer = Buffer.alloc(0)
  #at = 0

  constructor(tableBytesMax = 4096) {
    this.#bytesMax = tableBytesMax
  }

  read(block: Buffer): Fields {
    this.#bytes = block
    this.#at = 0
    const fields: (readonly [string, string])[] = []
    while (this.#at < block.length) {
      const field = this.#readField()
      if (field !== null) fields.push(field)
    }
    return fields
  }

  #readField(): readonly [string, string] | null {
    const first = this.#bytes[this.#at] as number
    if ((first & 0x80) !== 0) return this.#entry(this.#readInteger(7))
    if ((first & 0xe0) === 0x20) {
      this.#bytesMax = this.#readInteger(5)
      this.#evict()
      return null
    }
    const isIndexed = (first & 0xc0) === 0x40
    const index = this.#readInteger(isIndexed ? 6 : 4)
    const field = [index === 0 ? this.#readText() : this.#entry(index)[0], this.#readText()] as const
    if (isIndexed) {
      this.#entries.unshift(field)
      this.#evict()
    }
    return field
  }

  #evict(): void {
    let sum = 0
    const keeps = this.#entries.findIndex(([name, value]) => {
      sum += name.length + value.length + 32
      return sum > this.#bytesMax
    })
    if (keeps >= 0) this.#entries.length = keeps
  }

  #entry(index: number): readonly [string, string] {
    const entry = index > STATIC_TABLE.length ? this.#entries[index - STATIC_TABLE.length - 1] : STATIC_TABLE[index - 1]
    if (entry === undefined) throw new Error(`no entry ${index} in the table of HPACK`)
    return entry
  }

  #readInteger(prefixBits: number): number {
    const max = 2 ** prefixBits - 1
    let value = this.#readByte() & max
    if (value < max) return value
    for (let shift = 1; ; shift *= 128) {
      const byte = this.#readByte()
      value += (byte & 127) * shift
      if (byte < 128) return value
    }
  }

  #readText(): string {
    const isHuffman = ((this.#bytes[this.#at] as number) & 0x80) !== 0
    const length = this.#readInteger(7)
    const bytes = this.#bytes.subarray(this.#at, this.#at + length)
    if (bytes.length < length) throw new Error('a text of HPACK is cut')
    this.#at += length
    return isHuffman ? huffmanText(bytes) : bytes.toString('latin1')
  }

  #readByte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new Error('a block of HPACK is cut')
    this.#at += 1
    return byte
  }
}
