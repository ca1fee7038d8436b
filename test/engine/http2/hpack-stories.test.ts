import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { HpackDecoder } from '../../../engine/http2/hpack-decoder.ts'
import { HpackEncoder } from '../../../engine/http2/hpack-encoder.ts'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import { decode, hex, type Line, latin } from './wire.ts'

interface Story {
  readonly story: string
  readonly sections: readonly (readonly Line[])[]
  readonly encoders: Readonly<Record<string, { readonly wires: readonly string[]; readonly sizes?: (number | null)[] }>>
}

const STORIES = readFileSync(join(import.meta.dirname, 'data/hpack-stories.jsonl'), 'latin1')
  .trimEnd()
  .split('\n')
  .map(line => JSON.parse(line) as Story)

const TOLD = STORIES.flatMap(({ story, sections, encoders }) =>
  Object.entries(encoders).map(([encoder, { wires, sizes }]) => ({ story, sections, encoder, wires, sizes })),
)

const SECTION_BYTES_MAX = 1024 * 1024

describe('the decoder', () => {
  it.each(TOLD)('reads $story as $encoder wrote it', ({ sections, wires, sizes }) => {
    const hpack = new HpackDecoder(SECTION_BYTES_MAX)
    for (const [index, wire] of wires.entries()) {
      const size = sizes?.[index] ?? null
      if (size !== null) hpack.setTableBytesMax(size)
      expect(decode(hpack, hex(wire))).toEqual(sections[index])
    }
  })
})

describe('the encoder', () => {
  it.each(STORIES)('writes $story so that it is read again, in few bytes', ({ sections, encoders }) => {
    const encoder = new HpackEncoder()
    const hpack = new HpackDecoder(SECTION_BYTES_MAX)
    let bytes = 0
    for (const section of sections) {
      const out = new ByteBuffer(64)
      encoder.begin(out)
      for (const [name, value] of section) {
        const [names, values] = [latin(name), latin(value)]
        encoder.field(out, names, 0, names.length, values, 0, values.length)
      }
      bytes += out.length
      expect(decode(hpack, out.bytes.subarray(0, out.length))).toEqual(section)
      expect(encoder.tableBytes).toBe(hpack.tableBytes)
    }
    // Within a tenth of an encoder that has been tuned for these.
    expect(bytes).toBeLessThan(1.1 * (encoders.nghttp2!.wires.join('').length / 2))
  })
})
