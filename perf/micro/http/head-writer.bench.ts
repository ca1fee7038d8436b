/** Heads as they go on: lines that stay copied in runs, ours behind them. Reading the facts first is part of it. */
import type { CompiledEdits } from '../../../engine/http/field-edits.ts'
import { createForwarding, writeRequestHead, writeResponseHead } from '../../../engine/http/head-writer.ts'
import { readRequest, request } from '../../../engine/http/request-facts.ts'
import { CHUNKED_CONTENT, readResponse, response } from '../../../engine/http/response-facts.ts'
import { RESPONSE } from '../../../engine/http1/llhttp.ts'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import {
  BARE_REQUESTS,
  BROWSER_REQUESTS,
  CHUNKED_RESPONSES,
  PROXIED_REQUESTS,
  parseAll,
  RESPONSES,
} from '../messages.ts'

const out = new ByteBuffer(2048)
const edits: CompiledEdits | null = null
const nextId = cycle(['0123456789abcdef0123456789abcdef', 'fedcba9876543210fedcba9876543210'])

interface RequestSetting {
  readonly trusted?: boolean
  readonly forwarded?: boolean
  readonly host?: string
}

function writeRequest(name: string, texts: readonly string[], setting: RequestSetting = {}): void {
  const { trusted = false, forwarded = false, host = null } = setting
  const forwarding = createForwarding(trusted, forwarded, '203.0.113.9', 'http', 8080)
  const next = cycle(parseAll(texts))
  bench(name, () => {
    const { head, parser } = next()
    readRequest(head, parser)
    out.length = 0
    const rewrite = { forwarding, target: null, edits, lines: '', host, requestId: nextId() }
    writeRequestHead(out, head, request, rewrite)
    return out.length
  })
}

function writeResponse(name: string, texts: readonly string[], connection: string): void {
  const next = cycle(parseAll(texts, RESPONSE))
  bench(name, () => {
    const { head, parser } = next()
    readResponse(head, parser)
    out.length = 0
    writeResponseHead(out, head, response, response.framing === CHUNKED_CONTENT, connection, edits)
    return out.length
  })
}

writeRequest('bare request', BARE_REQUESTS)
writeRequest('browser request, 15 field lines', BROWSER_REQUESTS)
writeRequest('proxied request from a trusted peer', PROXIED_REQUESTS, { trusted: true })
writeRequest('bare request with Forwarded and another Host', BARE_REQUESTS, { forwarded: true, host: 'b.example' })
writeResponse('response with 4 field lines', RESPONSES, '')
writeResponse('response with 11 field lines, chunked, close', CHUNKED_RESPONSES, 'Connection: close\r\n')

await runIfMain(import.meta)
