import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { createAuthority, type TestCertificate } from '../../support/certificates.ts'
import { certificateSnapshot } from '../../support/tls.ts'

/** An authority, a certificate of the proxy, and one of a client. */
export async function certificates() {
  const authority = await createAuthority()
  const [server, client] = await Promise.all([
    authority.issue({ names: ['localhost', '127.0.0.1'] }),
    authority.issueClient('Alice', { names: ['alice.example.com'] }),
  ])
  return { authority, server: certificateSnapshot(server), client }
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

export interface Asked {
  readonly port: number
  readonly ca: string
  readonly path: string
  readonly client?: TestCertificate | null
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: string
}

/** Over HTTP/1.1. */
export async function ask({ port, ca, path, client = null, headers = {}, method = 'GET' }: Asked): Promise<Answer> {
  const request = httpsRequest({
    ...{ host: '127.0.0.1', port, path, method, ca, servername: 'localhost', agent: false },
    ...(client && { cert: client.chain, key: client.key }),
    headers: { host: 'localhost', ...headers },
  })
  request.end()
  const [response] = await once(request, 'response')
  response.setEncoding('latin1')
  let body = ''
  for await (const piece of response) body += piece
  return { status: response.statusCode, headers: response.headers, body }
}

/** Over HTTP/2. */
export async function askHttp2({
  port,
  ca,
  path,
  client = null,
  headers = {},
  method = 'GET',
}: Asked): Promise<Answer> {
  const session = connectHttp2(`https://localhost:${port}`, {
    ca,
    ...(client && { cert: client.chain, key: client.key }),
  })
  try {
    const stream = session.request({ ':path': path, ':method': method, ...headers })
    const [fields] = await once(stream, 'response')
    stream.setEncoding('latin1')
    let body = ''
    for await (const piece of stream) body += piece
    return { status: fields[':status'], headers: fields, body }
  } finally {
    session.close()
  }
}

export const versions = [
  ['HTTP/1.1', ask],
  ['HTTP/2', askHttp2],
] as const
