import { expect } from 'vitest'
import { type CompiledEdits, compileEdits, type MessageSide } from '../../../engine/http/field-edits.ts'
import {
  createForwarding,
  type RequestRewrite,
  writeInterimHead,
  writeRequestHead,
  writeResponseHead,
  writeSwitchHead,
} from '../../../engine/http/head-writer.ts'
import { readRequest, request } from '../../../engine/http/request-facts.ts'
import { CHUNKED_CONTENT, CLOSE_DELIMITED, readResponse, response } from '../../../engine/http/response-facts.ts'
import { REQUEST, RESPONSE } from '../../../engine/http1/llhttp.ts'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import type { FieldEdits, FieldLine } from '../../../engine/snapshot.ts'
import { NO_EDITS } from '../../support/snapshot.ts'
import { feed } from '../http1/feed.ts'

export interface RequestSetting {
  readonly trusted?: boolean
  readonly forwarded?: boolean
  readonly client?: string
  readonly scheme?: string
  readonly port?: number
  readonly host?: string | null
  readonly target?: string
  readonly edits?: Partial<FieldEdits>
  readonly lines?: string
}

/** Changes whose values are the same for every request. */
export function editsOf(edits: Partial<FieldEdits> = {}, side: MessageSide = 'request'): CompiledEdits | null {
  const whole = { ...NO_EDITS, ...edits }
  return compileEdits(whole, [...whole.set, ...whole.add] as readonly FieldLine[], side)
}

/** Lines of a head that was written; it must end as heads do. */
export function linesOf(text: string): string[] {
  expect(text.endsWith('\r\n\r\n')).toBe(true)
  return text.slice(0, -4).split('\r\n')
}

export function rewriteOf(setting: RequestSetting): RequestRewrite {
  const { trusted = false, forwarded = false, client = '203.0.113.9', scheme = 'http', port = 8080 } = setting
  return {
    forwarding: createForwarding(trusted, forwarded, client, scheme, port),
    target: setting.target ?? null,
    edits: editsOf(setting.edits),
    lines: setting.lines ?? '',
    host: setting.host ?? null,
    requestId: 'id-1',
  }
}

/** The lines of the upstream request. */
export function rewriteRequest(text: string, setting: RequestSetting = {}): string[] {
  const out = new ByteBuffer(16)
  feed(REQUEST, [text], {
    onHead: (parsedHead, parser) => {
      expect(readRequest(parsedHead, parser)).toBe('')
      writeRequestHead(out, parsedHead, request, rewriteOf(setting))
    },
  })
  return linesOf(out.bytes.toString('latin1', 0, out.length))
}

export interface ResponseSetting {
  readonly connection?: string
  readonly edits?: Partial<FieldEdits>
  readonly isHead?: boolean
}

/** The lines of the response that the client gets. */
export function rewriteResponse(text: string, setting: ResponseSetting = {}): string[] {
  const out = new ByteBuffer(16)
  feed(RESPONSE, [text], {
    skipContent: () => setting.isHead ?? false,
    onHead: (parsedHead, parser) => {
      expect(readResponse(parsedHead, parser)).toBe(true)
      const chunked = response.framing === CHUNKED_CONTENT || response.framing === CLOSE_DELIMITED
      const edits = editsOf(setting.edits, 'response')
      if (response.status === 101) writeSwitchHead(out, parsedHead, response, edits, '')
      else if (response.status < 200) writeInterimHead(out, parsedHead, response)
      else writeResponseHead(out, parsedHead, response, chunked, setting.connection ?? '', edits)
    },
  })
  return linesOf(out.bytes.toString('latin1', 0, out.length))
}

/** What the proxy adds for a client it does not trust. */
export function untrustedLines(host: string, version = '1.1'): string[] {
  return [
    'X-Forwarded-For: 203.0.113.9',
    'X-Forwarded-Proto: http',
    'X-Forwarded-Port: 8080',
    `X-Forwarded-Host: ${host}`,
    `Via: ${version} sluice`,
    'X-Request-Id: id-1',
  ]
}

export const GET: string = 'GET /a?b HTTP/1.1'
export const HOST: string = 'Host: a.example'

export const CLAIMS: readonly string[] = [
  'X-Forwarded-For: 198.51.100.1, 198.51.100.2',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: public.example',
  'X-Forwarded-Port: 443',
  'X-Request-Id: theirs',
  'Forwarded: for=198.51.100.1;proto=https',
]
