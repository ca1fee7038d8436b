/** One request of HTTP/2, looked at closely, by Node's own client. */
import { connect, type IncomingHttpHeaders, type IncomingHttpStatusHeader, type OutgoingHttpHeaders } from 'node:http2'
import { contentOf, type OriginContent } from '../origins/content.ts'

const TIMEOUT_MS = 5_000

export interface Http2Answer {
  readonly status: number
  readonly fields: IncomingHttpHeaders
  readonly content: Buffer
  readonly trailers: IncomingHttpHeaders
}

/** On a connection of its own; with prior knowledge where it is not secure. */
export function exchangeOverHttp2(
  port: number,
  isSecure: boolean,
  fields: OutgoingHttpHeaders,
  content: Buffer | null = null,
): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const session = connect(`${isSecure ? 'https' : 'http'}://127.0.0.1:${port}`, { rejectUnauthorized: false })
    const fail = (reason: string) => {
      session.destroy()
      reject(new Error(reason))
    }
    session.on('error', error => fail(error.message))
    const stream = session.request(fields, { endStream: content === null })
    const chunks: Buffer[] = []
    let head: IncomingHttpHeaders & IncomingHttpStatusHeader = {}
    let trailers: IncomingHttpHeaders = {}
    stream.setTimeout(TIMEOUT_MS, () => fail(`no answer in ${TIMEOUT_MS / 1000} s`))
    stream.on('error', error => fail(error.message))
    stream.on('response', response => (head = response))
    stream.on('trailers', received => (trailers = received))
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      session.close()
      resolve({ status: head[':status'] ?? 0, fields: head, content: Buffer.concat(chunks), trailers })
    })
    if (content !== null) stream.end(content)
  })
}

/** Throws unless the answer is a 200 with the content of the origin. */
export async function verifyOverHttp2(port: number, isSecure: boolean, expected: OriginContent): Promise<void> {
  const { status, content } = await exchangeOverHttp2(port, isSecure, { ':path': expected.path })
  if (status !== 200) throw new Error(`status ${status} instead of 200`)
  if (!content.equals(contentOf(expected))) {
    throw new Error(`${content.length} bytes of content that are not the ${expected.bytes} of the origin`)
  }
}
