/** What a proxy has to know of a response head, read from its spans. */

import { readResponse, response } from '../../../engine/http/response-facts.ts'
import { RESPONSE } from '../../../engine/http1/llhttp.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import { CHUNKED_RESPONSES, parseAll, RESPONSES } from '../messages.ts'

function read(name: string, texts: readonly string[]): void {
  const next = cycle(parseAll(texts, RESPONSE))
  bench(name, () => {
    const { head, parser } = next()
    if (!readResponse(head, parser)) throw new Error('the response is refused')
    return response.framing
  })
}

read('4 field lines', RESPONSES)
read('11 field lines, chunked, Keep-Alive', CHUNKED_RESPONSES)

await runIfMain(import.meta)
