import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { readBulk, writeBulk } from './bulk-content.ts'
import { type Listening, listenOn } from './listen.ts'

/** How a message says where its content ends. */
export type BulkFraming = 'content-length' | 'chunked'

function framingFields(framing: BulkFraming, size: number): OutgoingHttpHeaders {
  return framing === 'chunked' ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': size }
}

export interface BulkOrigin extends Listening {
  /** SHA-256 of what was sent last. */
  readonly sent: string
}

/** Node's own server: `GET /framing/size` gives so many bytes, PUT answers with number and SHA-256 of what came. */
export async function bulkOrigin(): Promise<BulkOrigin> {
  let sent = ''
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    const [, framing, size] = (request.url ?? '').split('/')
    if (request.method === 'PUT') {
      void readBulk(request).then(received => response.end(JSON.stringify(received)))
    } else {
      response.writeHead(200, framingFields(framing as BulkFraming, Number(size)))
      void writeBulk(response, Number(size)).then(sha256 => {
        sent = sha256
      })
    }
  })
  const listening = await listenOn(server)
  return {
    ...listening,
    get sent() {
      return sent
    },
  }
}

export interface Transfer {
  readonly bytes: number
  readonly sentSha256: string
  readonly receivedSha256: string
}

export async function download(
  port: number,
  origin: BulkOrigin,
  framing: BulkFraming,
  size: number,
): Promise<Transfer> {
  const request = httpRequest({ host: '127.0.0.1', port, path: `/${framing}/${size}`, agent: false }).end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const { bytes, sha256 } = await readBulk(response)
  return { bytes, sentSha256: origin.sent, receivedSha256: sha256 }
}

export async function upload(port: number, framing: BulkFraming, size: number): Promise<Transfer> {
  const headers = framingFields(framing, size)
  const request = httpRequest({ host: '127.0.0.1', port, method: 'PUT', path: '/', agent: false, headers })
  const answered = once(request, 'response') as Promise<[IncomingMessage]>
  const sentSha256 = await writeBulk(request, size)
  const [response] = await answered
  let text = ''
  for await (const chunk of response) text += chunk
  const { bytes, sha256 } = JSON.parse(text) as { bytes: number; sha256: string }
  return { bytes, sentSha256, receivedSha256: sha256 }
}
