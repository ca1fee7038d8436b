/** Heads in words become field blocks, on a connection that has sent such before. */
import { encodeRequest, encodeResponse } from '../../../engine/http2/head-encoder.ts'
import { HpackEncoder } from '../../../engine/http2/hpack-encoder.ts'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import { BARE_WORDS, BROWSER_WORDS, FORWARDED_WORDS, RESPONSE_WORDS } from './messages.ts'

const out = new ByteBuffer(4096)

function encode(name: string, words: readonly Buffer[], response: boolean): void {
  const encoder = new HpackEncoder()
  const next = cycle(words)
  bench(name, () => {
    out.length = 0
    if (response) encodeResponse(encoder, out, next(), 0)
    else encodeRequest(encoder, out, next(), 0, 'https')
    return out.length
  })
}

encode('bare request', BARE_WORDS, false)
encode('browser request, 15 fields', BROWSER_WORDS, false)
encode('browser request as it goes upstream, 21 fields', FORWARDED_WORDS, false)
encode('response with 8 fields', RESPONSE_WORDS, true)
encode('the same response again', RESPONSE_WORDS.slice(0, 1), true)

await runIfMain(import.meta)
