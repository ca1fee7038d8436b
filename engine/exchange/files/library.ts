/**
 * What `@fastify/send` knows: media types, conditions, ranges. It is loaded only where a route has files, and never opens
 * one for us: it describes the file that we have opened.
 */
import type { SendOptions, SendResult } from '@fastify/send'

/** It asks for a whole stream, and reads these two only. */
export interface DescribedRequest {
  readonly method: string
  /** By lower-case names. */
  readonly headers: Readonly<Record<string, string>>
}

export interface SendLibrary {
  /** `path` is percent-encoded. */
  send(request: DescribedRequest, path: string, options: SendOptions): Promise<SendResult>
  /** Of a name's ending. */
  mediaType(name: string): string
}

let loading: Promise<SendLibrary> | null = null

export function sendLibrary(): Promise<SendLibrary> {
  loading ??= load()
  return loading
}

const UNKNOWN_TYPE = 'application/octet-stream'

async function load(): Promise<SendLibrary> {
  const { send, mime, isUtf8MimeType } = (await import('@fastify/send')).default
  return {
    send: send as unknown as SendLibrary['send'],
    mediaType(name) {
      const type = mime.getType(name) ?? UNKNOWN_TYPE
      return isUtf8MimeType(type) ? `${type}; charset=utf-8` : type
    },
  }
}
