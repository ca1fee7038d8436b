/** Bytes put together for one write. */
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import { bench, cycle, runIfMain } from '../harness.ts'

const out = new ByteBuffer(64 * 1024)

function text(name: string, texts: readonly string[]): void {
  const next = cycle(texts)
  bench(name, () => {
    out.length = 0
    out.text(next())
    return out.length
  })
}

function copy(name: string, sizes: readonly number[]): void {
  const source = Buffer.alloc(64 * 1024, 'x')
  const next = cycle(sizes)
  bench(name, () => {
    out.length = 0
    out.copy(source, 16, 16 + next())
    return out.length
  })
}

text('text of 2 to 20 letters', ['\r\n', 'Connection: close\r\n', ' HTTP/1.1\r\n', 'Host: '])
text(
  'text of about 100 letters',
  ['a', 'b', 'c'].map(letter => letter.repeat(90) + letter.repeat(20)),
)
copy('copy of about 30 bytes', [28, 30, 35, 22])
copy('copy of about 500 bytes', [480, 512, 530])
copy('copy of about 16 KiB', [16_000, 16_384, 15_500])

const source = Buffer.alloc(16 * 1024, 'x')

bench('made of 2 KiB, grown to 16 KiB', () => {
  const small = new ByteBuffer(2048)
  for (let at = 0; at < source.length; at += 4096) small.copy(source, at, at + 4096)
  return small.length
})

const kept = new ByteBuffer(2048)
bench('grown to 16 KiB and shrunk again', () => {
  for (let at = 0; at < source.length; at += 4096) kept.copy(source, at, at + 4096)
  kept.shrink()
  return kept.length
})

await runIfMain(import.meta)
