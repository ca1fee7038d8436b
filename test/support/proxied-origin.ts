/** An origin whose connections begin with a header of the PROXY protocol, and go on with HTTP in any version, or with what one wishes. */
import { createServer as createHttp } from 'node:http'
import { createServer as createHttp2, createSecureServer } from 'node:http2'
import { createServer as createHttps } from 'node:https'
import { createServer, type Socket } from 'node:net'
import type { ProxyHeader } from '../../engine/net/proxy-protocol/header.ts'
import { parseProxyHeader } from '../../engine/net/proxy-protocol/parse.ts'
import type { TestCertificate } from './certificates.ts'
import { type Listening, listenOn } from './listen.ts'

export interface ProxiedOrigin extends Listening {
  /** What each connection began with, in order: a header, or what is wrong with it. */
  readonly headers: readonly (ProxyHeader | string)[]
  /** Connections that are open. */
  readonly open: number
}

export interface ProxiedRequest {
  readonly header: ProxyHeader
  /** Names in lower case. */
  readonly fields: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly url: string
}

export interface ProxiedOriginOptions {
  /** `http`, `h2c` without a certificate; with one those that ALPN is to agree on. */
  readonly speaks: 'http' | 'h2c' | readonly string[]
  readonly certificate?: TestCertificate
  /** The content of the response; absent: the client's port, as the header tells it. */
  readonly answer?: (request: ProxiedRequest) => Promise<string> | string
  /** Absent: 200. */
  readonly status?: () => number
}

/** Each of its answers knows how its connection began. */
export async function proxiedOrigin(options: ProxiedOriginOptions): Promise<ProxiedOrigin> {
  const server = httpServer(options)
  /** By the ports that connections come from. */
  const told = new Map<number, ProxyHeader>()
  const { answer = ({ header }) => portOf(header), status = () => 200 } = options
  server.on('request', async ({ url = '', headers: fields, socket }, response) => {
    const header = told.get(socket.remotePort ?? 0) as ProxyHeader
    const content = await answer({ header, fields, url })
    response.writeHead(status())
    response.end(content)
  })
  return await headedServer((socket, header) => {
    told.set(socket.remotePort ?? 0, header)
    server.emit('connection', socket)
  })
}

function portOf({ source }: ProxyHeader): string {
  return source?.kind === 'tcp' ? String(source.port) : 'none'
}

interface AnyHttpServer {
  emit(event: 'connection', socket: Socket): boolean
  on(event: 'request', listener: (request: AnyRequest, response: AnyResponse) => void): unknown
}

interface AnyRequest {
  readonly url?: string
  readonly headers: ProxiedRequest['fields']
  readonly socket: Pick<Socket, 'remotePort'>
}

interface AnyResponse {
  writeHead(status: number): unknown
  end(content: string): unknown
}

function httpServer({ speaks, certificate }: ProxiedOriginOptions): AnyHttpServer {
  if (speaks === 'http') return createHttp() as unknown as AnyHttpServer
  if (speaks === 'h2c') return createHttp2() as unknown as AnyHttpServer
  const options = { cert: certificate?.chain, key: certificate?.key, ALPNProtocols: [...speaks] }
  if (!speaks.includes('h2')) return createHttps(options) as unknown as AnyHttpServer
  return createSecureServer({ ...options, allowHTTP1: speaks.includes('http/1.1') }) as unknown as AnyHttpServer
}

/** Reads the header of each connection, and hands on what follows. */
export async function headedServer(begin: (socket: Socket, header: ProxyHeader) => void): Promise<ProxiedOrigin> {
  const headers: (ProxyHeader | string)[] = []
  const open = new Set<Socket>()
  const server = createServer(socket => {
    open.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => open.delete(socket))
    let kept = Buffer.alloc(0)
    const onReadable = () => {
      for (let bytes = socket.read() as Buffer | null; bytes !== null; bytes = socket.read() as Buffer | null) {
        kept = Buffer.concat([kept, bytes])
      }
      const parsed = parseProxyHeader(kept)
      if (parsed.kind === 'partial') return
      socket.off('readable', onReadable)
      if (parsed.kind === 'malformed') {
        headers.push(parsed.reason)
        socket.destroy()
        return
      }
      headers.push(parsed.header)
      if (kept.length > parsed.length) socket.unshift(kept.subarray(parsed.length))
      begin(socket, parsed.header)
    }
    socket.on('readable', onReadable)
  })
  const listening = await listenOn(server)
  return {
    ...listening,
    headers,
    get open() {
      return open.size
    },
  }
}
