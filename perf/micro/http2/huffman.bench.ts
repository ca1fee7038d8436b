/** The Huffman code both ways. */
import { decodeHuffman, encodeHuffman, huffmanBytes } from '../../../engine/http2/huffman.ts'
import { bench, cycle, runIfMain } from '../harness.ts'

const TEXTS = [
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
  'sid=0123456789abcdef0123456789abcdef; theme=dark; consent=yes; _ga=GA1.1.1234567890.1234567890; end=1',
  'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8,and/so/on;q=0.12',
].map(text => Buffer.from(text.slice(0, 100), 'latin1'))

const target = Buffer.alloc(1024)

const CODED = TEXTS.map(text => {
  const bytes = Buffer.alloc(huffmanBytes(text, 0, text.length))
  encodeHuffman(text, 0, text.length, bytes, 0)
  return bytes
})

const nextCoded = cycle(CODED)
bench('decode 100 bytes', () => {
  const bytes = nextCoded()
  return decodeHuffman(bytes, 0, bytes.length, target, 0)
})

const nextText = cycle(TEXTS)
bench('encode 100 bytes', () => {
  const bytes = nextText()
  return encodeHuffman(bytes, 0, bytes.length, target, 0) + huffmanBytes(bytes, 0, bytes.length)
})

await runIfMain(import.meta)
