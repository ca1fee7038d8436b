/** Field blocks of responses, as an origin sends them that has sent such before. */
import { Head } from '../../../engine/http/head.ts'
import { HpackDecoder } from '../../../engine/http2/hpack-decoder.ts'
import { decodedResponse, decodeResponse } from '../../../engine/http2/response-decoder.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import { RESPONSE_WORDS, responseBlocks } from './messages.ts'

const head = new Head(Buffer.alloc(0))
const limits = { headBytesMax: 32 * 1024, fieldLinesMax: 100, targetBytesMax: 8192 }
const query = { skipContent: false, webSocketKey: null }

function decode(name: string, words: readonly Buffer[]): void {
  const { first, later } = responseBlocks(words)
  const hpack = new HpackDecoder(1024 * 1024)
  const read = (block: Buffer): number => {
    const error = decodeResponse(hpack, block, 0, block.length, false, head, limits, query)
    if (error !== 0 || decodedResponse.malformed !== '') throw new Error(decodedResponse.malformed)
    return head.length
  }
  for (const block of first) read(block)
  const next = cycle(later)
  bench(name, () => read(next()))
}

decode('response with 8 fields', RESPONSE_WORDS)
decode('the same response again', RESPONSE_WORDS.slice(0, 1))

await runIfMain(import.meta)
