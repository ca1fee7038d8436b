/** Framing of content that has no length. */
import { addChunk, framedStart, frameInPlace, lastChunk } from '../../../engine/http1/chunk.ts'
import { memory, slots } from '../../../engine/http1/llhttp.ts'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import { bench, cycle, runIfMain } from '../harness.ts'

const out = new ByteBuffer(128 * 1024)
const { start } = slots.take() ?? slots.landing
memory.fill('x', start, start + 64 * 1024)

function copied(name: string, sizes: readonly number[]): void {
  const next = cycle(sizes)
  bench(name, () => {
    out.length = 0
    addChunk(out, memory, start, start + next())
    return out.length
  })
}

copied('copied, about 100 bytes', [90, 100, 110, 128, 77])
copied('copied, about 16 KiB', [16_384, 16_000, 15_999, 16_300])

const nextSize = cycle([16_384, 65_536, 40_000, 33_333])
bench('around bytes in place', () => frameInPlace(memory, start, start + nextSize()) - framedStart)

const nextTrailers = cycle([
  ['grpc-status', '0'],
  ['grpc-status', '5', 'grpc-message', 'not found'],
])
bench('last chunk with a trailer section', () => lastChunk(nextTrailers()).length)

await runIfMain(import.meta)
