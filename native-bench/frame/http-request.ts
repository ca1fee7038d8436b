/** The requests that scenarios send, and one of them sent and looked at closely. */
import { connect } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { type Message, MessageReader, statusOf } from './http-message.ts'

const VERIFY_TIMEOUT_MS = 5000

export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Field lines beside `Host` and those of the content. */
  readonly fields: readonly string[]
  /** Bytes of content, of the letter x; 0 for none. */
  readonly contentBytes: number
}

export const GET: HttpRequest = { method: 'GET', path: '/', fields: [], contentBytes: 0 }

/** What a browser sends: 15 field lines with `Host`. */
export const BROWSER_FIELDS: readonly string[] = [
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: en-US,en;q=0.9,de;q=0.8',
  'Cache-Control: no-cache',
  'Connection: keep-alive',
  'Cookie: sid=0123456789abcdef0123456789abcdef; theme=dark; consent=yes; _ga=GA1.1.1234567890.1234567890',
  'DNT: 1',
  'Pragma: no-cache',
  'Referer: http://127.0.0.1/some/page?with=query',
  'Sec-Fetch-Dest: document',
  'Sec-Fetch-Mode: navigate',
  'Sec-Fetch-Site: same-origin',
  'Upgrade-Insecure-Requests: 1',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
]

/** The bytes on the wire. */
export function renderRequest(request: HttpRequest, port: number): Buffer {
  const lines = [`${request.method} ${request.path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...request.fields]
  if (request.contentBytes > 0) lines.push('Content-Type: text/plain', `Content-Length: ${request.contentBytes}`)
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.alloc(request.contentBytes, 'x')])
}

/** Sends the request on a connection of its own; resolves with the final response, its content kept. */
export function exchangeOnce(
  request: HttpRequest,
  port: number,
  timeoutMs: number,
  isSecure = false,
): Promise<Message> {
  return new Promise((resolve, reject) => {
    const place = { host: '127.0.0.1', port }
    const socket = isSecure ? connectSecurely({ ...place, rejectUnauthorized: false }) : connect(place)
    const fail = (reason: string) => {
      socket.destroy()
      reject(new Error(reason))
    }
    const reader = new MessageReader(message => {
      if (statusOf(message.head) === 100) return
      socket.destroy()
      resolve(message)
    }, true)
    socket.setTimeout(timeoutMs, () => fail(`no answer in ${timeoutMs / 1000} s`))
    socket.on('data', (bytes: Buffer) => {
      try {
        reader.read(bytes)
      } catch (error) {
        fail(error instanceof Error ? error.message : String(error))
      }
    })
    socket.once('error', error => fail(error.message))
    socket.once('close', () => fail('the connection was closed before the end of the answer'))
    socket.write(renderRequest(request, port))
  })
}

/** Throws unless the answer is a 200 with exactly this content. */
export async function verifyContent(
  request: HttpRequest,
  port: number,
  expected: Buffer,
  isSecure = false,
): Promise<void> {
  const { head, content } = await exchangeOnce(request, port, VERIFY_TIMEOUT_MS, isSecure)
  const status = statusOf(head)
  if (status !== 200) throw new Error(`status ${status} instead of 200`)
  if (content === null || !content.equals(expected)) {
    throw new Error(`${content?.length ?? 0} bytes of content that are not the ${expected.length} of the origin`)
  }
}
