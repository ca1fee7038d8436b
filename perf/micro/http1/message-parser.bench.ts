/** From bytes to a span table: llhttp and its callbacks. */
import { Head } from '../../../engine/http/head.ts'
import { memory, REQUEST, RESPONSE } from '../../../engine/http1/llhttp.ts'
import { MessageParser, parsed } from '../../../engine/http1/message-parser.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import {
  BARE_REQUESTS,
  BROWSER_REQUESTS,
  CHUNKED_RESPONSES,
  LIMITS,
  PROXIED_REQUESTS,
  place,
  RESPONSES,
} from '../messages.ts'

/** Heads share a table, as in the engine. */
const head = new Head(memory)

function parse(name: string, type: number, texts: readonly string[]): void {
  const parser = new MessageParser(type, LIMITS)
  const next = cycle(place(texts))
  bench(name, () => {
    const { start, end } = next()
    parser.parse(start, end, head)
    return parsed.consumed + head.fieldCount
  })
}

/** A read that ends in the middle of the head, and another one: the head is put together elsewhere. */
function parseInPieces(name: string, texts: readonly string[]): void {
  const parser = new MessageParser(REQUEST, LIMITS)
  const next = cycle(place(texts))
  bench(name, () => {
    const { start, end } = next()
    const middle = (start + end) >>> 1
    parser.parse(start, middle, head)
    parser.parse(middle, end, head)
    return parsed.consumed + head.fieldCount
  })
}

/** An old connection's parser is closed when another one is opened. */
function openAndClose(name: string): void {
  bench(name, () => {
    const parser = new MessageParser(REQUEST, LIMITS)
    parser.close()
    return parser
  })
}

parse('bare request', REQUEST, BARE_REQUESTS)
parse('browser request, 15 field lines', REQUEST, BROWSER_REQUESTS)
parse('proxied request with 100 bytes of content', REQUEST, PROXIED_REQUESTS)
parseInPieces('browser request in two pieces', BROWSER_REQUESTS)
parse('response with 100 bytes of content', RESPONSE, RESPONSES)
parse('response with 11 field lines and a chunk', RESPONSE, CHUNKED_RESPONSES)
openAndClose('parser opened and closed')

await runIfMain(import.meta)
