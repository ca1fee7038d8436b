import { constants, type Http2Stream } from 'node:http2'
import { type Bytes, toBuffer } from '../../support/bytes.ts'
import type { Field } from '../../support/strict-head.ts'
import { fieldsOf, type Incoming } from './exchange.ts'

/** What both ends do with a stream of Node's HTTP/2. */

/** Content and trailers go to `incoming`; so does how the stream ended. */
export function receive(stream: Http2Stream, incoming: Incoming): void {
  let trailers: readonly Field[] = []
  stream.on('data', chunk => incoming.take(chunk as Buffer))
  stream.on('trailers', (...[, , raw]: [unknown, unknown, string[]]) => {
    trailers = fieldsOf(raw)
  })
  stream.on('end', () => {
    // A reset without an error looks like an end, too.
    if (stream.rstCode === constants.NGHTTP2_NO_ERROR && !stream.aborted) incoming.finish(trailers)
  })
  stream.on('error', () => incoming.cut())
  stream.on('aborted', () => incoming.cut())
  stream.on('close', () => incoming.cut())
}

export function writeContent(stream: Http2Stream, bytes: Bytes): Promise<void> {
  return new Promise(resolve => {
    if (stream.destroyed || !stream.writable) resolve()
    else stream.write(toBuffer(bytes), () => resolve())
  })
}

/** Ends the side that writes; with trailers where the stream was told to wait for them. */
export function endContent(stream: Http2Stream, trailers: readonly Field[] = []): Promise<void> {
  return new Promise(resolve => {
    if (stream.destroyed || !stream.writable) return resolve()
    stream.once('wantTrailers', () => {
      if (!stream.destroyed) stream.sendTrailers(recordOf(trailers))
    })
    stream.end(resolve)
  })
}

function recordOf(fields: readonly Field[]): Record<string, string[]> {
  const record: Record<string, string[]> = {}
  for (const [name, value] of fields) {
    const values = record[name.toLowerCase()] ?? []
    values.push(value)
    record[name.toLowerCase()] = values
  }
  return record
}

/** Names and values by turns, as Node takes them in their order. */
export function rawOf(pseudo: readonly Field[], fields: readonly Field[]): string[] {
  return [...pseudo, ...fields.map(([name, value]): Field => [name.toLowerCase(), value])].flat()
}
