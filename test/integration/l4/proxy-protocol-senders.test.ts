import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect as connectHttp2 } from 'node:http2'
import { connect, createServer, type Socket } from 'node:net'
import tls from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AcceptedProxyProtocol } from '../../../engine/snapshot.ts'
import { createAuthority, type TestAuthority } from '../../support/certificates.ts'
import { freePort } from '../../support/free-port.ts'
import { haproxyProcess } from '../../support/haproxy-process.ts'
import { listenOn } from '../../support/listen.ts'
import { nginxProcess } from '../../support/nginx-process.ts'
import { type SameThreadProxy, startSameThreadProxy } from '../../support/proxy.ts'
import { type RecordedRequest, recordingOrigin } from '../../support/recording-origin.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { certificateSnapshot, listenerTls } from '../../support/tls.ts'
import { waitFor } from '../../support/wait-for.ts'

const ACCEPTED: AcceptedProxyProtocol = { trusted: ['127.0.0.0/8'], timeoutMs: 10_000 }

/** What a server of HAProxy's is sent by, and the lines that its frontend needs for that. */
const SENDERS = {
  version1: ['send-proxy', ''],
  version2: ['send-proxy-v2', ''],
  ssl: ['send-proxy-v2-ssl', ''],
  details: [
    'send-proxy-v2 proxy-v2-options ssl,cert-cn,ssl-cipher,authority,crc32c,unique-id',
    'unique-id-format %[uuid()]',
  ],
} as const

const stack = new AsyncDisposableStack()
let authority: TestAuthority
let proxy: SameThreadProxy
/** Ports of whoever sends, by what is sent to what: `nginx http`, `version1 tcp` ... */
const senders = new Map<string, number>()

/** Says what it was told of the client: address, scheme, port. */
function told({ fields }: RecordedRequest): string {
  return ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-port']
    .map(name => valuesOf(fields, name).join('+'))
    .join(' ')
}

beforeAll(async () => {
  authority = await createAuthority()
  const leaf = await authority.issue({ names: ['localhost'] })
  const origin = stack.use(
    await recordingOrigin({
      answer: request => `HTTP/1.1 200 OK\r\nContent-Length: ${told(request).length}\r\n\r\n${told(request)}`,
    }),
  )
  const server = createServer(socket => socket.on('error', () => socket.destroy()).pipe(socket))
  const echo = stack.use(await listenOn(server))
  const secure = listenerTls({ certificates: [certificateSnapshot(leaf)], alpn: ['h2', 'http/1.1'] })
  proxy = stack.use(
    await startSameThreadProxy({
      listeners: [{ proxyProtocol: ACCEPTED }, { proxyProtocol: ACCEPTED, tls: secure }],
      tcpListeners: [{ proxyProtocol: ACCEPTED, upstream: 1 }],
      upstreams: { web: [origin.address], echo: [echo.address] },
    }),
  )
  const folder = stack.use(await temporaryFolder())
  await writeFile(folder.file('pair.pem'), leaf.chain + leaf.key)
  const targets = { http: proxy.port, https: proxy.portOf(1), tcp: proxy.portOf(2) }
  await startNginx(folder, targets)
  await startHaproxy(folder, targets)
})

afterAll(() => stack.disposeAsync())

type Folder = Awaited<ReturnType<typeof temporaryFolder>>

async function startNginx(folder: Folder, targets: Readonly<Record<string, number>>): Promise<void> {
  let stream = ''
  for (const [name, target] of Object.entries(targets)) {
    const port = await freePort()
    senders.set(`nginx ${name}`, port)
    stream += `server { listen 127.0.0.1:${port}; proxy_pass 127.0.0.1:${target}; proxy_protocol on; }\n`
  }
  stack.use(await nginxProcess(folder, { stream }, senders.get('nginx tcp') ?? 0))
}

/** Each kind of header to each listener; and with the client's encryption ended before it, to the two that speak plain text. */
async function startHaproxy(folder: Folder, targets: Readonly<Record<string, number>>): Promise<void> {
  const certificate = folder.file('pair.pem')
  let sections = ''
  for (const [sender, [option, more]] of Object.entries(SENDERS)) {
    for (const [name, target] of Object.entries(targets)) {
      for (const isEnded of name === 'https' ? [false] : [false, true]) {
        const port = await freePort()
        senders.set(`${sender} ${isEnded ? 'decrypted ' : ''}${name}`, port)
        const bind = isEnded ? `127.0.0.1:${port} ssl crt ${certificate} alpn http/1.1` : `127.0.0.1:${port}`
        sections += `listen l${port}\n  mode tcp\n  bind ${bind}\n  ${more}\n  server s 127.0.0.1:${target} ${option}\n`
      }
    }
  }
  stack.use(await haproxyProcess(folder, sections, senders.get('details tcp') ?? 0))
}

function portOf(sender: string, target: string): number {
  return senders.get(`${sender} ${target}`) ?? 0
}

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

/** The last line of the answer. */
async function ask(socket: Socket, text = GET): Promise<string> {
  socket.write(text)
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  return bytes.toString().split('\r\n').at(-1) ?? ''
}

async function decrypted(port: number): Promise<tls.TLSSocket> {
  const options = { port, host: '127.0.0.1', servername: 'localhost', ca: authority.certificate }
  const socket = tls.connect({ ...options, ALPNProtocols: ['http/1.1'] })
  await once(socket, 'secureConnect')
  return socket
}

async function overHttp2(url: string): Promise<string> {
  const session = connectHttp2(url, { ca: authority.certificate, servername: 'localhost' })
  session.on('error', () => {})
  let text = ''
  for await (const chunk of session.request({ ':path': '/' })) text += chunk
  session.close()
  return text
}

const EVERYBODY = ['nginx', ...Object.keys(SENDERS)]
const HAPROXY = Object.keys(SENDERS)

describe('a header of a real sender', () => {
  it.each(EVERYBODY)('of %s tells of the client over HTTP/1.1, HTTP/2 and TLS', async sender => {
    const plain = portOf(sender, 'http')
    const encrypted = portOf(sender, 'https')
    const socket = connect({ port: plain, host: '127.0.0.1', localAddress: '127.0.0.3' })
    expect(await ask(socket)).toBe(`127.0.0.3 http ${plain}`)
    expect(await ask(socket)).toBe(`127.0.0.3 http ${plain}`)
    socket.destroy()
    expect(await overHttp2(`http://127.0.0.1:${plain}`)).toBe(`127.0.0.1 http ${plain}`)
    expect(await overHttp2(`https://127.0.0.1:${encrypted}`)).toBe(`127.0.0.1 https ${encrypted}`)
    const secure = await decrypted(encrypted)
    expect(await ask(secure)).toBe(`127.0.0.1 https ${encrypted}`)
    secure.destroy()
  })

  it.each(EVERYBODY)('of %s tells of the client of a flow', async sender => {
    const socket = connect({ port: portOf(sender, 'tcp'), host: '127.0.0.1', localAddress: '127.0.0.3' })
    expect(await ask(socket, 'hello')).toBe('hello')
    const client = `127.0.0.3:${socket.localPort}`
    socket.end()
    const flow = await waitFor(() => proxy.flows.find(found => found.client === client), 'the record of a flow')
    expect(flow).toMatchObject({ bytesIn: 5, bytesOut: 5, proxy: expect.stringMatching(/^127\.0\.0\.1:\d+$/) })
  })

  it.each(HAPROXY)('of HAProxy, %s, that has ended the client’s encryption says so where it can', async sender => {
    const port = portOf(sender, 'decrypted http')
    const socket = await decrypted(port)
    const tells = sender === 'ssl' || sender === 'details'
    expect(await ask(socket)).toBe(`127.0.0.1 ${tells ? 'https' : 'http'} ${port}`)
    socket.destroy()
  })

  it('is never refused', () => {
    expect(proxy.events).toEqual([])
  })
})
