/** What a route's changes to the field section cost a request: every name becomes a string to be looked up. */
import { compileEdits } from '../../../engine/http1/field-edits.ts'
import { createForwarding, writeRequestHead } from '../../../engine/http1/head-writer.ts'
import { readRequest, request } from '../../../engine/http1/request-facts.ts'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import type { FieldEdits } from '../../../engine/snapshot.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import { BROWSER_REQUESTS, parseAll } from '../messages.ts'

const out = new ByteBuffer(2048)
const forwarding = createForwarding(false, false, '203.0.113.9', 'http', 8080)

function write(name: string, fieldEdits: FieldEdits): void {
  const edits = compileEdits(fieldEdits)
  const next = cycle(parseAll(BROWSER_REQUESTS))
  bench(name, () => {
    const { head, parser } = next()
    readRequest(head, parser)
    out.length = 0
    const rewrite = { forwarding, edits, host: null, defaultHost: '10.0.0.1:3000', requestId: 'id' }
    writeRequestHead(out, head, request, rewrite)
    return out.length
  })
}

write('browser request, one line added', { set: [['X-Tier', 'gold']], remove: [] })
write('browser request, three added and two removed', {
  set: [
    ['X-Tier', 'gold'],
    ['X-Forwarded-Proto', 'https'],
    ['Cache-Control', 'no-store'],
  ],
  remove: ['cookie', 'referer'],
})

await runIfMain(import.meta)
