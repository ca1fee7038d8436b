/**
 * The Huffman code of HPACK (RFC 7541, section 5.2 and appendix B). The code is canonical: the lengths say it all. Shorter
 * codes come first, and among codes of one length those of smaller symbols.
 */

/** Bits of the code of each octet; the end of a string (EOS, 256) has 30. */
const CODE_BITS: readonly number[] = [
  [13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28],
  [28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28],
  [6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6],
  [5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10],
  [13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
  [7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6],
  [15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5],
  [6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28],
  [20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23],
  [24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24],
  [22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23],
  [21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23],
  [26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25],
  [19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27],
  [20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23],
  [26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26],
  [30],
].flat()

const EOS = 256

/** Each code, right-aligned. */
const CODES: Uint32Array = new Uint32Array(257)
const BITS: Uint8Array = Uint8Array.from(CODE_BITS)

/** The tables are made when somebody needs them: so much work at the start would wake V8's compilers, which cost 4 MB a thread. */
let isBuilt = false

function build(): void {
  isBuilt = true
  buildCodes()
  buildTransitions()
}

function buildCodes(): void {
  let code = 0
  for (let bits = 1; bits <= 30; bits += 1) {
    for (let symbol = 0; symbol <= EOS; symbol += 1) {
      if (BITS[symbol] !== bits) continue
      CODES[symbol] = code
      code += 1
    }
    code *= 2
  }
}

/** Bytes that `count` encoded ones can become at most: the shortest code has 5 bits. */
export function decodedBytesMax(count: number): number {
  return Math.floor((count * 8) / 5)
}

/**
 * The decoder takes four bits at a time. A state is an inner node of the code's tree, 0 its root. An entry holds the next
 * state, and the octet that has become whole on the way; entries are for state and four bits.
 */
const EMITS = 0x10000
const FAILS = 0x20000
const STATE_SHIFT = 8
const STATE_MASK = 0xff
const TRANSITIONS = new Int32Array(256 * 16)
/** 1 for the states in which a string may end: at most seven bits, all of them ones, since the last octet. */
const MAY_END = new Uint8Array(256)

function buildTransitions(): void {
  // children[node * 2 + bit]: an inner node, or ~symbol.
  const children: number[] = [0, 0]
  for (let symbol = 0; symbol <= EOS; symbol += 1) {
    let node = 0
    const bits = BITS[symbol] as number
    for (let left = bits - 1; left >= 0; left -= 1) {
      const at = node * 2 + (((CODES[symbol] as number) >>> left) & 1)
      if (left === 0) children[at] = ~symbol
      else if (children[at] === 0) {
        children[at] = children.length / 2
        children.push(0, 0)
      }
      node = children[at] as number
    }
  }
  for (let state = 0; state < 256; state += 1) {
    for (let nibble = 0; nibble < 16; nibble += 1) TRANSITIONS[state * 16 + nibble] = follow(children, state, nibble)
  }
  let node = 0
  for (let ones = 0; ones <= 7; ones += 1) {
    MAY_END[node] = 1
    node = children[node * 2 + 1] as number
  }
}

function follow(children: readonly number[], state: number, nibble: number): number {
  let node = state
  let octet = -1
  for (let bit = 3; bit >= 0; bit -= 1) {
    node = children[node * 2 + ((nibble >>> bit) & 1)] as number
    if (node >= 0) continue
    if (~node === EOS) return FAILS
    octet = ~node
    node = 0
  }
  return (octet < 0 ? 0 : EMITS | octet) | (node << STATE_SHIFT)
}

/**
 * Decodes `source` from `start` to `end` into `target` at `to`, which has room for `decodedBytesMax`. Gives the position
 * behind the last octet, or -1 where it is not a whole string of the code (RFC 7541, section 5.2). @hotpath
 */
export function decodeHuffman(source: Uint8Array, start: number, end: number, target: Uint8Array, to: number): number {
  if (!isBuilt) build()
  let state = 0
  let at = to
  for (let from = start; from < end; from += 1) {
    const byte = source[from] as number
    const high = TRANSITIONS[(state << 4) | (byte >>> 4)] as number
    if (high >= EMITS) {
      if (high >= FAILS) return -1
      target[at] = high
      at += 1
    }
    const low = TRANSITIONS[(((high >>> STATE_SHIFT) & STATE_MASK) << 4) | (byte & 15)] as number
    if (low >= EMITS) {
      if (low >= FAILS) return -1
      target[at] = low
      at += 1
    }
    state = (low >>> STATE_SHIFT) & STATE_MASK
  }
  return MAY_END[state] === 1 ? at : -1
}

/** Bytes that the octets take when encoded. @hotpath */
export function huffmanBytes(source: Uint8Array, start: number, end: number): number {
  let bits = 0
  for (let at = start; at < end; at += 1) bits += BITS[source[at] as number] as number
  return (bits + 7) >>> 3
}

/** Encodes the octets into `target` at `to`, which has room for `huffmanBytes`; gives the position behind. @hotpath */
export function encodeHuffman(source: Uint8Array, start: number, end: number, target: Uint8Array, to: number): number {
  if (!isBuilt) build()
  let at = to
  // Bits that wait for their byte to become whole: never more than 7 between two octets.
  let waiting = 0
  let count = 0
  for (let from = start; from < end; from += 1) {
    const octet = source[from] as number
    const code = CODES[octet] as number
    let left = BITS[octet] as number
    // 24 bits at a time fit beside those that wait.
    if (left > 24) {
      left -= 24
      waiting = (waiting << (24 - 16)) | (code >>> (left + 16))
      count += 8
      at = flushBytes(waiting, count, target, at)
      count &= 7
      waiting = (waiting << 16) | ((code >>> left) & 0xffff)
      count += 16
      at = flushBytes(waiting, count, target, at)
      count &= 7
    }
    waiting = (waiting << left) | (code & ((1 << left) - 1))
    count += left
    while (count >= 8) {
      count -= 8
      target[at] = waiting >>> count
      at += 1
    }
  }
  if (count > 0) {
    target[at] = (waiting << (8 - count)) | (0xff >>> count)
    at += 1
  }
  return at
}

function flushBytes(waiting: number, count: number, target: Uint8Array, to: number): number {
  let at = to
  for (let left = count; left >= 8; left -= 8) {
    target[at] = waiting >>> (left - 8)
    at += 1
  }
  return at
}
