import { describe, expect, it } from 'vitest'
import { HpackDecoder } from '../../../engine/http2/hpack-decoder.ts'
import { STATIC_ENTRIES } from '../../../engine/http2/hpack-static.ts'
import { COMPRESSION_ERROR, ENHANCE_YOUR_CALM } from '../../../engine/http2/protocol.ts'
import { block, decode, hex, indexed, indexing, integer, type Line, latin, literal } from './wire.ts'

const SECTION_BYTES_MAX = 64 * 1024

function open(): HpackDecoder {
  return new HpackDecoder(SECTION_BYTES_MAX)
}

/** A decoder that has read such a block. */
function readAlready(...blocks: Buffer[]): HpackDecoder {
  const hpack = open()
  for (const each of blocks) expect(decode(hpack, each)).not.toBeTypeOf('number')
  return hpack
}

interface Step {
  readonly wire: string
  readonly lines: readonly Line[]
  readonly tableBytes: number
}

const REQUEST_LINES: readonly (readonly Line[])[] = [
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
    ['cache-control', 'no-cache'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/index.html'],
    [':authority', 'www.example.com'],
    ['custom-key', 'custom-value'],
  ],
]

const RESPONSE_LINES: readonly (readonly Line[])[] = [
  [
    [':status', '302'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['location', 'https://www.example.com'],
  ],
  [
    [':status', '307'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['location', 'https://www.example.com'],
  ],
  [
    [':status', '200'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'],
    ['location', 'https://www.example.com'],
    ['content-encoding', 'gzip'],
    ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
  ],
]

function steps(wires: readonly string[], lines: readonly (readonly Line[])[], sizes: readonly number[]): Step[] {
  return wires.map((wire, index) => ({ wire, lines: lines[index]!, tableBytes: sizes[index]! }))
}

/** A table of 256 bytes, as the examples of responses have it. */
const SIZE_256 = '3fe101'

const APPENDIX_C: Readonly<Record<string, readonly Step[]>> = {
  'C.2.1, a literal that is indexed': [
    {
      wire: '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
      lines: [['custom-key', 'custom-header']],
      tableBytes: 55,
    },
  ],
  'C.2.2, a literal that is not': [
    { wire: '040c 2f73 616d 706c 652f 7061 7468', lines: [[':path', '/sample/path']], tableBytes: 0 },
  ],
  'C.2.3, a literal that never is': [
    { wire: '1008 7061 7373 776f 7264 0673 6563 7265 74', lines: [['password', 'secret']], tableBytes: 0 },
  ],
  'C.2.4, an indexed line': [{ wire: '82', lines: [[':method', 'GET']], tableBytes: 0 }],
  'C.3, requests without Huffman': steps(
    [
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
    REQUEST_LINES,
    [57, 110, 164],
  ),
  'C.4, requests with Huffman': steps(
    [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
    REQUEST_LINES,
    [57, 110, 164],
  ),
  'C.5, responses without Huffman': steps(
    [
      `${SIZE_256} 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133
       3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
      '4803 3330 37c1 c0bf',
      `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d
       4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572
       7369 6f6e 3d31`,
    ],
    RESPONSE_LINES,
    [222, 222, 215],
  ),
  'C.6, responses with Huffman': steps(
    [
      `${SIZE_256} 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad
       1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
      '4883 640e ffc1 c0bf',
      `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf
       cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
    ],
    RESPONSE_LINES,
    [222, 222, 215],
  ),
}

describe('the decoder', () => {
  it.each(Object.entries(APPENDIX_C))('reads the examples of RFC 7541, appendix %s', (_, each) => {
    const hpack = open()
    for (const { wire, lines, tableBytes } of each) {
      expect(decode(hpack, hex(wire))).toEqual(lines)
      expect(hpack.tableBytes).toBe(tableBytes)
    }
  })

  it('knows every line of the static table by its index (RFC 7541, appendix A)', () => {
    expect(STATIC_ENTRIES).toHaveLength(61)
    for (const [at, line] of STATIC_ENTRIES.entries()) expect(decode(open(), indexed(at + 1))).toEqual([line])
    expect(decode(open(), indexed(16))).toEqual([['accept-encoding', 'gzip, deflate']])
    expect(decode(open(), indexed(61))).toEqual([['www-authenticate', '']])
  })

  it('takes every name of the static table for a literal', () => {
    for (const [at, [name]] of STATIC_ENTRIES.entries()) {
      expect(decode(open(), Buffer.concat([integer(0x40, 6, at + 1), hex('0161')]))).toEqual([[name, 'a']])
      expect(decode(open(), Buffer.concat([integer(0x00, 4, at + 1), hex('0161')]))).toEqual([[name, 'a']])
      expect(decode(open(), Buffer.concat([integer(0x10, 4, at + 1), hex('0161')]))).toEqual([[name, 'a']])
    }
  })

  it('reads an empty block', () => {
    expect(decode(open(), Buffer.alloc(0))).toEqual([])
  })

  it('keeps its table through thousands of lines of all lengths', () => {
    const hpack = open()
    const inTable: Line[] = []
    let size = 0
    for (let round = 0; round < 1000; round += 1) {
      const line: Line = [`n${round % 97}`, 'v'.repeat((round * 7919) % 1500)]
      expect(decode(hpack, indexing(line))).toEqual([line])
      inTable.unshift(line)
      size += line[0].length + line[1].length + 32
      while (size > 4096) {
        const [name, value] = inTable.pop()!
        size -= name.length + value.length + 32
      }
      expect(hpack.tableBytes).toBe(size)
      const index = round % inTable.length
      expect(decode(hpack, indexed(62 + index))).toEqual([inTable[index]])
      expect(decode(hpack, indexed(62 + inTable.length))).toBe(COMPRESSION_ERROR)
    }
  })

  it('copies the name that a line has of the entry which it pushes out (RFC 7541, section 4.4)', () => {
    const long: Line = ['long-name', 'x'.repeat(4000)]
    const hpack = readAlready(indexing(long))
    const value = 'y'.repeat(3990)
    expect(decode(hpack, Buffer.concat([integer(0x40, 6, 62), integer(0, 7, value.length), latin(value)]))).toEqual([
      ['long-name', value],
    ])
    expect(decode(hpack, indexed(62))).toEqual([['long-name', value]])
    expect(decode(hpack, indexed(63))).toBe(COMPRESSION_ERROR)
  })

  it('keeps the lines of a block apart, though they push each other out of the table', () => {
    const lines: Line[] = Array.from({ length: 40 }, (_, index) => [`n${index}`, `${index}`.repeat(300)])
    expect(decode(open(), Buffer.concat(lines.map(indexing)))).toEqual(lines)
  })

  it('takes as many entries as the largest table may hold, where our SETTINGS allow one', () => {
    const hpack = new HpackDecoder(10 * 1024 * 1024, 65_536)
    const lines: Line[] = Array.from({ length: 2000 }, () => ['', ''])
    const size = integer(0x20, 5, 65_536)
    expect(decode(hpack, Buffer.concat([size, ...lines.map(indexing)]))).toEqual(lines)
    expect(hpack.tableBytes).toBe(64_000)
    expect(decode(hpack, Buffer.concat(lines.map((_, index) => indexed(62 + index))))).toEqual(lines)
  })
})

/** What RFC 7541 says an encoder must not do, and what a decoder must do then. */
const MUSTS: readonly (readonly [section: string, what: string, wire: Buffer])[] = [
  ['2.3.3', 'index 62 with an empty dynamic table', indexed(62)],
  ['2.3.3', 'an index far past both tables', indexed(100_000)],
  ['4.2', 'a change of the table size behind a field line', Buffer.concat([indexed(2), hex('20')])],
  ['5.1', 'an integer without its end', hex('ff ff')],
  ['5.1', 'an integer without a byte behind its full prefix', hex('ff')],
  ['5.1', 'an integer of more bits than anything needs', hex('ff ff ff ff ff ff 0f')],
  ['5.1', 'an integer of endless zeros', hex('ff 80 80 80 80 80 80 80 00')],
  ['5.1', 'a length of 2^31', hex('00 7f 81 ff ff ff 07')],
  ['5.2', 'a name that is longer than the block', hex('40 05 61')],
  ['5.2', 'a value that is longer than the block', hex('44 05 61')],
  ['5.2', 'a literal without its value', hex('44')],
  ['5.2', 'a literal without its name', hex('40')],
  ['5.2', 'a literal with half of its name', hex('40 02 61')],
  ['5.2', 'Huffman padding of more than seven bits, in a value', hex('44 82 1f ff')],
  ['5.2', 'Huffman padding of more than seven bits, in a name', hex('40 82 1f ff 01 61')],
  ['5.2', 'Huffman padding of zeros', hex('44 81 18')],
  ['5.2', 'the end of a string within a Huffman string', hex('44 84 ff ff ff ff')],
  ['6.1', 'index 0', hex('80')],
  ['6.2.1', 'a name of index 62 with an empty dynamic table', hex('7e 01 61')],
  ['6.2.2', 'a name of index 62 with an empty dynamic table', hex('0f 2f 01 61')],
  ['6.2.3', 'a name of index 62 with an empty dynamic table', hex('1f 2f 01 61')],
  ['6.3', 'a table larger than our SETTINGS allow', integer(0x20, 5, 4097)],
]

describe('a decoding error (RFC 7541)', () => {
  it.each(MUSTS)('section %s: is %s', (_section, _what, wire) => {
    expect(decode(open(), wire)).toBe(COMPRESSION_ERROR)
  })

  it.each(MUSTS)('section %s: is %s behind other lines of the block', (_section, _what, wire) => {
    expect(decode(open(), Buffer.concat([block([['a', 'b']]), wire]))).toBe(COMPRESSION_ERROR)
  })
})

describe('the size of the dynamic table (RFC 7541, section 4.2)', () => {
  const line: Line = ['custom-key', 'custom-value']

  it('may be changed before the first line of a block, more than once', () => {
    const hpack = readAlready(indexing(line))
    expect(decode(hpack, Buffer.concat([hex('20'), integer(0x20, 5, 4096), indexed(2)]))).toEqual([[':method', 'GET']])
    expect(hpack.tableBytes).toBe(0)
  })

  it('may be changed by a block without a line', () => {
    const hpack = readAlready(indexing(line), hex('20'))
    expect(hpack.tableBytes).toBe(0)
    expect(decode(hpack, indexed(62))).toBe(COMPRESSION_ERROR)
  })

  it('pushes out what does not fit any more, the oldest first (section 4.3)', () => {
    const hpack = readAlready(indexing(['a', '1']), indexing(['b', '2']), indexing(['c', '3']))
    expect(decode(hpack, Buffer.concat([integer(0x20, 5, 70), indexed(62), indexed(63)]))).toEqual([
      ['c', '3'],
      ['b', '2'],
    ])
    expect(decode(hpack, indexed(64))).toBe(COMPRESSION_ERROR)
  })

  it('empties for a line that is larger than all of it, which is given all the same (section 4.4)', () => {
    for (const value of ['x'.repeat(4096), 'x'.repeat(4050), 'x'.repeat(20_000)]) {
      const hpack = readAlready(indexing(line))
      expect(decode(hpack, Buffer.concat([indexing(['large', value]), indexing(line)]))).toEqual([
        ['large', value],
        line,
      ])
      expect(decode(hpack, Buffer.concat([indexed(62)]))).toEqual([line])
      expect(decode(hpack, indexed(63))).toBe(COMPRESSION_ERROR)
    }
  })

  it('takes a line that just fits', () => {
    const just: Line = ['n', 'x'.repeat(4096 - 32 - 1)]
    const hpack = readAlready(indexing(line), indexing(just))
    expect(hpack.tableBytes).toBe(4096)
    expect(decode(hpack, indexed(62))).toEqual([just])
  })

  it('has to be told by the block behind the acknowledgement of a smaller one (RFC 9113, section 4.3.1)', () => {
    const smaller = (): HpackDecoder => {
      const hpack = readAlready(indexing(line))
      hpack.setTableBytesMax(100)
      return hpack
    }
    expect(decode(smaller(), indexed(2))).toBe(COMPRESSION_ERROR)
    expect(decode(smaller(), literal(line))).toBe(COMPRESSION_ERROR)
    expect(decode(smaller(), Buffer.concat([integer(0x20, 5, 101), indexed(2)]))).toBe(COMPRESSION_ERROR)
    expect(decode(smaller(), Buffer.concat([integer(0x20, 5, 100), indexed(2)]))).toEqual([[':method', 'GET']])
    expect(decode(smaller(), Buffer.concat([hex('20'), indexed(2)]))).toEqual([[':method', 'GET']])
  })

  it('stays as it is where the acknowledged one is not smaller', () => {
    const hpack = readAlready(indexing(line))
    hpack.setTableBytesMax(8192)
    expect(decode(hpack, indexed(62))).toEqual([line])
    expect(decode(hpack, Buffer.concat([integer(0x20, 5, 8192), indexed(62)]))).toEqual([line])
    expect(decode(hpack, integer(0x20, 5, 8193))).toBe(COMPRESSION_ERROR)
  })
})

describe('a block that is of no use', () => {
  it('is skipped, and what it puts into the table is there for the next', () => {
    const hpack = open()
    const bytes = Buffer.concat([indexing(['a', '1']), indexing(['b', '2'])])
    expect(hpack.skip(bytes, 0, bytes.length)).toBe(0)
    expect(decode(hpack, Buffer.concat([indexed(62), indexed(63)]))).toEqual([
      ['b', '2'],
      ['a', '1'],
    ])
  })
})

describe('a block that is made to become large', () => {
  it('is given up when its lines amount to more than they may, however few its bytes are', () => {
    const bomb = Buffer.concat([indexing(['a', 'x'.repeat(4000)]), Buffer.alloc(20, 0xbe)])
    expect(decode(open(), bomb)).toBe(ENHANCE_YOUR_CALM)
    const names = Buffer.concat([indexing(['a'.repeat(4000), '']), Buffer.alloc(60, hex('7e 00'))])
    expect(decode(open(), names)).toBe(ENHANCE_YOUR_CALM)
  })

  it('is given up when it has endless empty lines', () => {
    expect(decode(open(), Buffer.alloc(3 * 10_000, hex('00 00 00')))).toBe(ENHANCE_YOUR_CALM)
  })
})
