/** Heads in words, and the field blocks that a peer would send of them, one after the other on one connection. */
import { encodeRequest, encodeResponse } from '../../../engine/http2/head-encoder.ts'
import { HpackEncoder } from '../../../engine/http2/hpack-encoder.ts'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import { BROWSER_FIELDS } from '../browser-fields.ts'

type Fields = readonly (readonly [name: string, value: string])[]

function linesOf(fields: Fields): string {
  return fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
}

/** Fields of a browser's request over HTTP/2, none of which change from request to request. */
const STEADY_FIELDS = BROWSER_FIELDS.filter(([name]) => name !== 'Connection')

const PATHS = ['/', '/api/v1/users/42?fields=name', '/assets/app.3f9ac1.js', '/images/logo.png']

/** 15 fields, with :method, :scheme, :authority and :path beside 13 of a browser's less one. */
export const BROWSER_WORDS: readonly Buffer[] = PATHS.map(path => {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: www.example.com\r\n${linesOf(STEADY_FIELDS)}\r\n`, 'latin1')
})

export const BARE_WORDS: readonly Buffer[] = ['/a', '/b', '/c'].map(path => {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: h2load\r\n\r\n`, 'latin1')
})

/** A request as it goes upstream, with what the proxy has added; the identifier is another each time. */
export const FORWARDED_WORDS: readonly Buffer[] = Array.from({ length: 1000 }, (_, index) => {
  const id = (0x10000000 + index * 0x01234567).toString(16).padStart(32, '0')
  const ours =
    'X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n' +
    `X-Forwarded-Host: www.example.com\r\nVia: 2 sluice\r\nX-Request-Id: ${id}\r\n`
  const path = PATHS[index % PATHS.length]
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: www.example.com\r\n${linesOf(STEADY_FIELDS)}${ours}\r\n`, 'latin1')
})

/** Eight fields, of which the tag and the length change. */
export const RESPONSE_WORDS: readonly Buffer[] = Array.from({ length: 1000 }, (_, index) => {
  const fields: Fields = [
    ['Server', 'origin/1.2.3'],
    ['Date', 'Mon, 01 Jan 2024 00:00:00 GMT'],
    ['Content-Type', 'application/json; charset=utf-8'],
    ['Content-Length', String(100 + index * 7)],
    ['Cache-Control', 'private, max-age=0, must-revalidate'],
    ['ETag', `"${(index * 0x9e3779b1).toString(16)}"`],
    ['Vary', 'Accept-Encoding'],
  ]
  return Buffer.from(`HTTP/1.1 200 OK\r\n${linesOf(fields)}\r\n`, 'latin1')
})

/** Heads whose lines all fit the table at once. */
const STEADY = 4

/** The blocks of requests that one client sends, and before them those that fill its table. */
export interface Blocks {
  readonly first: readonly Buffer[]
  readonly later: readonly Buffer[]
}

function blocksOf(
  words: readonly Buffer[],
  encode: (encoder: HpackEncoder, out: ByteBuffer, head: Buffer) => void,
): Blocks {
  const encoder = new HpackEncoder()
  const block = (head: Buffer): Buffer => {
    const out = new ByteBuffer(1024)
    encode(encoder, out, head)
    return Buffer.from(out.bytes.subarray(0, out.length))
  }
  // By the third round all that enters the table has entered it; a block of the last round can come again and again.
  const steady = words.slice(0, STEADY)
  const first = [...steady, ...steady, ...steady].map(block)
  return { first, later: steady.map(block) }
}

export function requestBlocks(words: readonly Buffer[]): Blocks {
  return blocksOf(words, (encoder, out, head) => encodeRequest(encoder, out, head, 0, 'https'))
}

export function responseBlocks(words: readonly Buffer[]): Blocks {
  return blocksOf(words, (encoder, out, head) => encodeResponse(encoder, out, head, 0))
}
