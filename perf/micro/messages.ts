/** Messages that benches read and write, placed where the kernel would have put them. */
import { Head } from '../../engine/http/head.ts'
import { memory, REQUEST, slots } from '../../engine/http1/llhttp.ts'
import { MessageParser } from '../../engine/http1/message-parser.ts'
import { BROWSER_FIELDS } from './browser-fields.ts'

export const LIMITS = { headBytesMax: 32_768, fieldLinesMax: 100, targetBytesMax: 8_192 }

const BROWSER_LINES = BROWSER_FIELDS.map(([name, value]) => `${name}: ${value}\r\n`).join('')

/** Numbers of different length, so that positions differ from message to message. */
const NUMBERS = [7, 42, 128, 1_999, 20_001, 345_678, 9_000_001, 12]

/** A GET with `Host` alone, in variants. */
export const BARE_REQUESTS: readonly string[] = NUMBERS.map(
  number => `GET /v1/users/${number} HTTP/1.1\r\nHost: api.example.com\r\n\r\n`,
)

export const BROWSER_REQUESTS: readonly string[] = NUMBERS.map(
  number => `GET /pages/${number}?from=start HTTP/1.1\r\nHost: www.example.com\r\n${BROWSER_LINES}\r\n`,
)

/** A request that another proxy has passed on, with content of 100 bytes. */
export const PROXIED_REQUESTS: readonly string[] = NUMBERS.map(
  number =>
    `POST /v1/orders/${number} HTTP/1.1\r\nHost: api.example.com\r\nX-Forwarded-For: 192.0.2.${number % 250}\r\n` +
    `X-Forwarded-Proto: https\r\nX-Forwarded-Host: api.example.com\r\nX-Forwarded-Port: 443\r\n` +
    `X-Request-Id: 0f8fad5b-d9cb-469f-a165-${number}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n` +
    'x'.repeat(100),
)

/** A response of 100 bytes. */
export const RESPONSES: readonly string[] = NUMBERS.map(
  number =>
    `HTTP/1.1 200 OK\r\nServer: origin/1.${number}\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n` +
    `Content-Type: text/plain\r\nContent-Length: 100\r\n\r\n${'x'.repeat(100)}`,
)

/** A response as frameworks write them, with 11 field lines and 100 bytes in one chunk. */
export const CHUNKED_RESPONSES: readonly string[] = NUMBERS.map(
  number =>
    `HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/html; charset=utf-8\r\n` +
    `Cache-Control: no-store, max-age=0\r\nETag: W/"${number}-0123456789abcdef"\r\nVary: Accept-Encoding, Cookie\r\n` +
    `Set-Cookie: sid=${number}; Path=/; HttpOnly; Secure\r\nSet-Cookie: theme=dark; Path=/\r\n` +
    `Strict-Transport-Security: max-age=31536000\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n` +
    `Transfer-Encoding: chunked\r\n\r\n64\r\n${'x'.repeat(100)}\r\n0\r\n\r\n`,
)

/** Where a message lies in the parser's memory. */
export interface Placed {
  readonly start: number
  readonly end: number
}

/** Puts each text into a slot of its own. */
export function place(texts: readonly string[]): Placed[] {
  return texts.map(text => {
    const { start } = slots.take() ?? slots.landing
    const length = memory.latin1Write(text, start)
    return { start, end: start + length }
  })
}

/** A head that has been parsed, with the parser that did it. */
export interface ParsedHead {
  readonly head: Head
  readonly parser: MessageParser
}

/** Parses each text; every head has a table of its own, and stays valid. */
export function parseAll(texts: readonly string[], type: number = REQUEST): ParsedHead[] {
  return place(texts).map(({ start, end }) => {
    const parser = new MessageParser(type, LIMITS)
    const head = new Head(memory)
    parser.parse(start, end, head)
    return { head, parser }
  })
}
