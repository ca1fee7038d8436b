import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Address, ProxyProtocolDetail, SentProxyProtocol } from '../../../engine/snapshot.ts'
import { openHttpProbe } from '../../../engine/upstream/health/check-http.ts'
import { openHttp2Probe } from '../../../engine/upstream/health/check-http2.ts'
import { openHttpsProbe } from '../../../engine/upstream/health/check-https.ts'
import { openTcpProbe } from '../../../engine/upstream/health/check-tcp.ts'
import { checkOnce } from '../../engine/upstream/health/checks.ts'
import { createAuthority, type TestAuthority } from '../../support/certificates.ts'
import { freePort } from '../../support/free-port.ts'
import { haproxyProcess } from '../../support/haproxy-process.ts'
import { get } from '../../support/heads.ts'
import { nginxProcess } from '../../support/nginx-process.ts'
import { type SameThreadProxy, startSameThreadProxy } from '../../support/proxy.ts'
import type { TestListener, TestTcpListener, TestUpstream } from '../../support/snapshot.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { upstreamTls } from '../../support/tls.ts'
import { byName } from '../upstream/scene.ts'

/** What nginx and HAProxy make of headers that we send: whoever asks, they say whom they take it for, and where it has come to. */

const ALL: readonly ProxyProtocolDetail[] = ['authority', 'alpn', 'tls', 'unique_id', 'crc32c']
const V1: SentProxyProtocol = { version: 1, details: [] }
const V2: SentProxyProtocol = { version: 2, details: [] }
const VERSIONS: readonly [string, SentProxyProtocol][] = [
  ['version 1', V1],
  ['version 2', V2],
  ['version 2 with all details', { version: 2, details: ALL }],
]

const hasIpv6 = Object.values(networkInterfaces()).some(entries => entries?.some(({ address }) => address === '::1'))
const HOSTS = hasIpv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']

const GET = get('/', 'Connection: close')

const stack = new AsyncDisposableStack()
let authority: TestAuthority
/** Where peers begin with a header, by what they speak behind it. */
const at = { http: 0, https: 0, h2c: 0, stream: 0, secureStream: 0, haproxy: 0 }
/** Where HAProxy takes clients for the ports of a proxy of ours, which it tells of them. */
const before = { tcp: 0, http: 0 }
const behind = { tcp: 0, http: 0 }

const tcp = (host: string, port: number): Address => ({ kind: 'tcp', host, port })

beforeAll(async () => {
  authority = await createAuthority()
  for (const ports of [at, before, behind] as Record<string, number>[]) {
    for (const name of Object.keys(ports)) ports[name] = await freePort()
  }
  await startNginx()
  await startHaproxy()
})

afterAll(() => stack.disposeAsync())

async function startNginx(): Promise<void> {
  const folder = stack.use(await temporaryFolder())
  const { chain, key } = await authority.issue({ names: ['localhost'] })
  await writeFile(folder.file('chain.pem'), chain)
  await writeFile(folder.file('key.pem'), key)
  const secure = 'ssl_certificate chain.pem; ssl_certificate_key key.pem;'
  const trusts = 'set_real_ip_from 127.0.0.1; set_real_ip_from ::1;'
  const says = '$remote_addr $remote_port $proxy_protocol_server_addr $proxy_protocol_server_port'
  const http = `
    ${secure} ${trusts} real_ip_header proxy_protocol;
    server { listen 127.0.0.1:${at.http} proxy_protocol; return 200 "${says}"; }
    server { listen 127.0.0.1:${at.https} ssl http2 proxy_protocol; return 200 "${says}"; }
    server { listen 127.0.0.1:${at.h2c} http2 proxy_protocol; return 200 "${says}"; }`
  const stream = `
    ${trusts}
    server { listen 127.0.0.1:${at.stream} proxy_protocol; return "${says}"; }
    server { listen 127.0.0.1:${at.secureStream} ssl proxy_protocol; ${secure} return "${says}"; }`
  stack.use(await nginxProcess(folder, { http, stream }, at.http))
}

async function startHaproxy(): Promise<void> {
  const folder = stack.use(await temporaryFolder())
  const says = '%[src] %[src_port] %[dst] %[dst_port] %[fc_pp_unique_id]'
  const sections = `
frontend accepts
  mode http
  bind 127.0.0.1:${at.haproxy} accept-proxy
  http-request return status 200 content-type text/plain lf-string "${says}"

listen before-tcp
  mode tcp
  bind 127.0.0.1:${before.tcp}
  server sluice 127.0.0.1:${behind.tcp} send-proxy-v2

listen before-http
  mode http
  bind 127.0.0.1:${before.http}
  server sluice 127.0.0.1:${behind.http} send-proxy
`
  stack.use(await haproxyProcess(folder, sections, at.haproxy))
}

function to(port: number, proxyProtocol: SentProxyProtocol, more: Partial<TestUpstream> = {}): TestUpstream {
  return { endpoints: [tcp('127.0.0.1', port)], proxyProtocol, ...more }
}

const encrypted = () => upstreamTls({ ca: authority.certificate, serverName: 'localhost' })

interface Said {
  /** All that came until the connection was closed. */
  readonly text: string
  /** Ours. */
  readonly port: number
}

async function talk(to: { host: string; port: number } | { path: string }, bytes = ''): Promise<Said> {
  const { promise, resolve, reject } = Promise.withResolvers<Said>()
  const socket = connect(to)
  let text = ''
  let own = 0
  socket.on('connect', () => {
    own = socket.localPort ?? 0
    if (bytes !== '') socket.write(bytes)
  })
  socket.on('data', chunk => {
    text += chunk
  })
  socket.on('error', reject)
  // Behind the head of a response, where there is one.
  socket.on('close', () => resolve({ text: text.replace(/^.*\r\n\r\n/s, ''), port: own }))
  return await promise
}

/** What a peer says of a client at `host` whose connection has come to `proxy`. */
function expected(host: string, { port }: Said, proxy: number): string {
  return `${host} ${port} ${host} ${proxy}`
}

async function flowProxy(upstream: TestUpstream, listener: TestTcpListener = {}): Promise<SameThreadProxy> {
  return await startSameThreadProxy({ tcpListeners: [listener], upstreams: { upstream } })
}

describe.each(VERSIONS)('a header of %s', (_, sent) => {
  it.each(HOSTS)('before a flow is taken by nginx: from %s', async host => {
    await using proxy = await flowProxy(to(at.stream, sent), { address: tcp(host, 0) })
    const said = await talk({ host, port: proxy.port })
    expect(said.text).toBe(expected(host, said, proxy.port))
  })

  it.each(HOSTS)('before the handshake of an encrypted flow is taken by nginx: from %s', async host => {
    await using proxy = await flowProxy(to(at.secureStream, sent, { tls: encrypted() }), { address: tcp(host, 0) })
    const said = await talk({ host, port: proxy.port })
    expect(said.text).toBe(expected(host, said, proxy.port))
  })

  it.each(HOSTS)('before a flow is taken by HAProxy: from %s', async host => {
    await using proxy = await flowProxy(to(at.haproxy, sent), { address: tcp(host, 0) })
    const said = await talk({ host, port: proxy.port }, GET)
    const id = sent.details.includes('unique_id') ? '[0-9a-f]{32}' : '-?'
    expect(said.text).toMatch(new RegExp(`^${RegExp.escape(expected(host, said, proxy.port))} ${id}$`))
  })

  it.each(HOSTS)('before a request is taken by nginx: from %s', async host => {
    await using proxy = await startSameThreadProxy({
      listeners: [{ address: tcp(host, 0) }],
      ...byName({
        plain: to(at.http, sent),
        secure: to(at.https, sent, { tls: encrypted() }),
        h2: to(at.https, sent, { tls: encrypted(), protocol: 'h2' }),
        h2c: to(at.h2c, sent, { protocol: 'h2c' }),
        auto: to(at.https, sent, { tls: encrypted(), protocol: 'auto' }),
      }),
    })
    for (const name of ['plain', 'secure', 'h2', 'h2c', 'auto']) {
      const said = await talk({ host, port: proxy.port }, get(`/${name}/x`, 'Connection: close'))
      expect([name, said.text]).toEqual([name, expected(host, said, proxy.port)])
    }
  })

  it.each(HOSTS)('before a request is taken by HAProxy: from %s', async host => {
    await using proxy = await startSameThreadProxy({
      listeners: [{ address: tcp(host, 0), trustedProxies: ['127.0.0.1', '::1'] }],
      upstreams: { upstream: to(at.haproxy, sent) },
    })
    const said = await talk({ host, port: proxy.port }, get('/', 'Connection: close', 'X-Request-Id: the-id-of-this'))
    const id = sent.details.includes('unique_id') ? 'the-id-of-this' : '-?'
    expect(said.text).toMatch(new RegExp(`^${RegExp.escape(expected(host, said, proxy.port))} ${id}$`))
  })

  it('of a client on a unix socket is taken by nginx and HAProxy, who have no name for it', async () => {
    await using folder = await temporaryFolder()
    const path = folder.file('listener.sock')
    await using _proxy = await startSameThreadProxy({
      listeners: [{ address: { kind: 'unix', path } }],
      ...byName({ nginx: to(at.http, sent), haproxy: to(at.haproxy, sent) }),
    })
    for (const name of ['nginx', 'haproxy']) {
      expect((await talk({ path }, get(`/${name}/x`, 'Connection: close'))).text).toMatch(/^127\.0\.0\.1 /)
    }
  })

  it('of a check is taken by nginx, which knows that nobody stands behind it', async () => {
    const check = async (open: typeof openHttpProbe, port: number, isEncrypted: boolean, protocol: 'http' | 'h2') => {
      const changes = { type: isEncrypted ? 'https' : 'http', protocol, content: '^127\\.0\\.0\\.1 ' } as const
      const tls = isEncrypted ? encrypted() : null
      const { outcome } = await checkOnce(open, tcp('127.0.0.1', port), changes, 'localhost', tls, sent)
      return outcome.reason
    }
    expect(await check(openHttpProbe, at.http, false, 'http')).toBe('status 200')
    expect(await check(openHttpsProbe, at.https, true, 'http')).toBe('status 200')
    expect(await check(openHttpsProbe, at.https, true, 'h2')).toBe('status 200')
    expect(await check(openHttp2Probe, at.h2c, false, 'h2')).toBe('status 200')
    const bytes = { type: 'tcp', expect: '127.0.0.1 ' } as const
    const { outcome } = await checkOnce(openTcpProbe, tcp('127.0.0.1', at.stream), bytes, 'localhost', null, sent)
    expect(outcome.reason).toBe('answer matches')
  })

  it('of a check is taken by HAProxy', async () => {
    const changes = { content: '^127\\.0\\.0\\.1 ' }
    const address = tcp('127.0.0.1', at.haproxy)
    const { outcome } = await checkOnce(openHttpProbe, address, changes, 'localhost', null, sent)
    expect(outcome.reason).toBe('status 200')
  })
})

describe('a client behind HAProxy that speaks to nginx through Sluice', () => {
  const proxyProtocol = { trusted: ['127.0.0.1'], timeoutMs: 5_000 }
  const listener = (port: number): TestListener & TestTcpListener => ({
    address: tcp('127.0.0.1', port),
    proxyProtocol,
  })

  it.each(VERSIONS)('is who it is at the end of a flow: %s', async (_, sent) => {
    await using _proxy = await flowProxy(to(at.stream, sent), listener(behind.tcp))
    const said = await talk({ host: '127.0.0.1', port: before.tcp })
    expect(said.text).toBe(expected('127.0.0.1', said, before.tcp))
  })

  it.each(VERSIONS)('is who it is where its request arrives: %s', async (_, sent) => {
    await using _proxy = await startSameThreadProxy({
      listeners: [listener(behind.http)],
      upstreams: { upstream: to(at.http, sent) },
    })
    const said = await talk({ host: '127.0.0.1', port: before.http }, GET)
    expect(said.text).toBe(expected('127.0.0.1', said, before.http))
  })
})
