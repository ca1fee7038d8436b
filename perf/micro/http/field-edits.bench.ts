/** What a route's changes to the field section cost a request: every name becomes a string to be looked up. */
import { compileEdits } from '../../../engine/http/field-edits.ts'
import { createForwarding, writeRequestHead } from '../../../engine/http/head-writer.ts'
import { readRequest, request } from '../../../engine/http/request-facts.ts'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import type { FieldEdits, FieldLine } from '../../../engine/snapshot.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import { BROWSER_REQUESTS, parseAll } from '../messages.ts'

const out = new ByteBuffer(2048)
const forwarding = createForwarding(false, false, '203.0.113.9', 'http', 8080)

function write(name: string, fieldEdits: FieldEdits): void {
  const edits = compileEdits(fieldEdits, fieldEdits.set as readonly FieldLine[], 'request')
  const next = cycle(parseAll(BROWSER_REQUESTS))
  bench(name, () => {
    const { head, parser } = next()
    readRequest(head, parser)
    out.length = 0
    const rewrite = { forwarding, target: null, edits, lines: '', host: null, requestId: 'id' }
    writeRequestHead(out, head, request, rewrite)
    return out.length
  })
}

write('browser request, one line added', { rename: [], remove: [], set: [['X-Tier', 'gold']], add: [] })
write('browser request, three added and two removed', {
  rename: [],
  remove: ['cookie', 'referer'],
  set: [
    ['X-Tier', 'gold'],
    ['X-Forwarded-Proto', 'https'],
    ['Cache-Control', 'no-store'],
  ],
  add: [],
})
write('browser request, two renamed', {
  rename: [
    ['user-agent', 'X-Agent'],
    ['x-request-id', 'X-Correlation-Id'],
  ],
  remove: [],
  set: [],
  add: [],
})

await runIfMain(import.meta)
