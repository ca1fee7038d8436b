/** Field blocks of requests, as a client sends them that has sent such before: most lines stand in the table. */
import { Head } from '../../../engine/http/head.ts'
import { HpackDecoder } from '../../../engine/http2/hpack-decoder.ts'
import { decodedRequest, decodeRequest } from '../../../engine/http2/request-decoder.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import { BARE_WORDS, BROWSER_WORDS, requestBlocks } from './messages.ts'

const head = new Head(Buffer.alloc(0))
const limits = { headBytesMax: 32 * 1024, fieldLinesMax: 100, targetBytesMax: 8192 }

function read(block: Buffer, hpack: HpackDecoder): number {
  const error = decodeRequest(hpack, block, 0, block.length, true, head, limits, true)
  if (error !== 0 || decodedRequest.refusal !== '') throw new Error(decodedRequest.reason)
  return head.length
}

function decode(name: string, words: readonly Buffer[]): void {
  const { first, later } = requestBlocks(words)
  const hpack = new HpackDecoder(1024 * 1024)
  for (const block of first) read(block, hpack)
  const next = cycle(later)
  bench(name, () => read(next(), hpack))
}

/** The first request of a connection: every line is a literal, most of them in the Huffman code. */
function decodeFirst(name: string, words: readonly Buffer[]): void {
  const { first } = requestBlocks(words)
  const block = first[0] as Buffer
  bench(name, () => read(block, new HpackDecoder(1024 * 1024)))
}

decode('bare request', BARE_WORDS)
decode('browser request, 15 fields, most of them indexed', BROWSER_WORDS)
decodeFirst('browser request, first of its connection', BROWSER_WORDS)

await runIfMain(import.meta)
