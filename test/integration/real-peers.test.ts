import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createAuthority, type TestAuthority } from '../support/certificates.ts'
import { freePort } from '../support/free-port.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../support/instrumented-proxy.ts'
import { type Listening, listenOn } from '../support/listen.ts'
import { type NghttpdProcess, nghttpdProcess } from '../support/nghttpd-process.ts'
import { type NginxProcess, nginxProcess } from '../support/nginx-process.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import { certificateSnapshot, listenerTls, upstreamTls } from '../support/tls.ts'

/** Programs that others have written, on either side: what they take for TLS and HTTP/2 is what counts. */

const run = promisify(execFile)

const MEBIBYTE = 1024 * 1024

let folder: TemporaryFolder
let authority: TestAuthority
let origin: Listening
let nghttpd: NghttpdProcess
let secureNghttpd: NghttpdProcess
let nginx: NginxProcess
let proxy: InstrumentedProxy

beforeAll(async () => {
  folder = await temporaryFolder()
  authority = await createAuthority()
  const { chain, key } = await authority.issue()
  const root = folder.file('root')
  await mkdir(root)
  await writeFile(join(root, 'file'), 'of nghttpd')
  await writeFile(join(root, 'large'), Buffer.alloc(MEBIBYTE, 'large '))
  await writeFile(folder.file('ca.pem'), authority.certificate)
  await writeFile(folder.file('cert.pem'), chain)
  await writeFile(folder.file('key.pem'), key)
  await writeFile(folder.file('upload'), Buffer.alloc(MEBIBYTE, 'up'))
  origin = await listenOn(
    createServer((request, response) => {
      let received = 0
      request.on('data', chunk => (received += (chunk as Buffer).length))
      request.on('end', () => response.end(`${request.method} ${request.url} ${received}`))
    }),
  )
  nghttpd = await nghttpdProcess(root, await freePort(), null)
  const files = { certificate: folder.file('cert.pem'), key: folder.file('key.pem') }
  secureNghttpd = await nghttpdProcess(root, await freePort(), files)
  const [https, both] = [await freePort(), await freePort()]
  const tls = `ssl_certificate ${files.certificate}; ssl_certificate_key ${files.key}; root ${root};`
  nginx = await nginxProcess(
    folder,
    `server { listen 127.0.0.1:${https} ssl; ${tls} } server { listen 127.0.0.1:${both} ssl http2; ${tls} }`,
    both,
  )
  proxy = await startProxy(https, both, certificateSnapshot({ chain, key }))
})

function startProxy(https: number, both: number, certificate: ReturnType<typeof certificateSnapshot>) {
  const at = (port: number) => [{ kind: 'tcp', host: '127.0.0.1', port } as const]
  const tls = upstreamTls({ ca: authority.certificate, serverName: 'localhost' })
  return startInstrumentedProxy({
    workers: 2,
    listeners: [{}, { tls: listenerTls({ certificates: [certificate], alpn: ['h2', 'http/1.1'] }) }],
    upstreams: {
      plain: [origin.address],
      nghttpd: { endpoints: at(nghttpd.port), protocol: 'h2c' },
      secure: { endpoints: at(secureNghttpd.port), protocol: 'h2', tls },
      https: { endpoints: at(https), protocol: 'http', tls },
      auto: { endpoints: at(both), protocol: 'auto', tls },
      old: { endpoints: at(https), protocol: 'auto', tls },
    },
    routes: [
      ...['nghttpd', 'secure', 'https', 'auto', 'old'].map(name => ({
        name,
        match: { path: { kind: 'prefix', path: `/${name}/` } as const },
        path: [{ kind: 'strip_prefix', prefix: `/${name}` } as const],
        to: name,
      })),
      { to: 'plain' },
    ],
  })
}

afterEach(() => {
  expect(proxy.events.filter(({ kind }) => kind === 'connection_fault')).toEqual([])
})

afterAll(async () => {
  await proxy?.stop()
  await nginx?.[Symbol.asyncDispose]()
  await nghttpd?.[Symbol.asyncDispose]()
  await secureNghttpd?.[Symbol.asyncDispose]()
  await origin?.close()
  await folder?.[Symbol.asyncDispose]()
})

const plain = (path: string) => `http://localhost:${proxy.portOf(0)}${path}`
const secure = (path: string) => `https://localhost:${proxy.portOf(1)}${path}`

describe('curl', () => {
  /** Version of HTTP, status and content. */
  async function curl(...args: string[]): Promise<string> {
    const all = ['-sS', '--cacert', folder.file('ca.pem'), '-w', '|%{http_version} %{response_code}', ...args]
    const { stdout } = await run('curl', all)
    const [content = '', outcome = ''] = stdout.split(/\|(?=[^|]*$)/)
    return `${outcome} ${content}`
  }

  it('speaks HTTP/2 with prior knowledge', async () => {
    expect(await curl('--http2-prior-knowledge', plain('/a?b'))).toBe('2 200 GET /a?b 0')
  })

  it('speaks HTTP/2 over TLS, whose certificate it checks', async () => {
    expect(await curl('--http2', secure('/a'))).toBe('2 200 GET /a 0')
  })

  it('speaks HTTP/1.1 over TLS where it wants to', async () => {
    expect(await curl('--http1.1', secure('/a'))).toBe('1.1 200 GET /a 0')
  })

  it('is answered in HTTP/1.1 where it asks for an upgrade to HTTP/2', async () => {
    expect(await curl('--http2', plain('/a'))).toBe('1.1 200 GET /a 0')
  })

  it.each([
    ['with a length', []],
    ['without one', ['-H', 'transfer-encoding: chunked']],
  ])('sends a MiB over HTTP/2 %s', async (_, more) => {
    const upload = ['--http2', '--data-binary', `@${folder.file('upload')}`, ...more]
    expect(await curl(...upload, secure('/up'))).toBe(`2 200 POST /up ${MEBIBYTE}`)
  })

  it('has several requests on one connection', async () => {
    const paths = Array.from({ length: 10 }, (_, index) => secure(`/${index}`))
    const { stdout } = await run('curl', ['-sS', '-Z', '--http2', '--cacert', folder.file('ca.pem'), ...paths])
    for (let index = 0; index < 10; index += 1) expect(stdout).toContain(`GET /${index} 0`)
  })
})

describe('nghttp', () => {
  it.each(['http', 'https'] as const)('has its requests answered: %s', async scheme => {
    const url = scheme === 'http' ? plain : secure
    const { stdout } = await run('nghttp', ['-y', url('/one'), url('/two')])
    expect(stdout).toContain('GET /one 0')
    expect(stdout).toContain('GET /two 0')
  })

  it('sends content, and trailers behind it', async () => {
    const { stdout } = await run('nghttp', [
      '-y',
      '-d',
      folder.file('upload'),
      '--trailer',
      'x-end: yes',
      secure('/up'),
    ])
    expect(stdout).toContain(`POST /up ${MEBIBYTE}`)
  })

  it('sees a connection that ends as it should', async () => {
    const { stdout } = await run('nghttp', ['-nvy', secure('/a')])
    expect(stdout).toContain(':status: 200')
    expect(stdout).not.toContain('[INVALID')
    expect(stdout).not.toContain('RST_STREAM')
  })
})

describe('h2load', () => {
  it.each([
    ['in plain text', () => plain('/x')],
    ['over TLS', () => secure('/x')],
    ['to an origin of HTTP/2', () => secure('/nghttpd/file')],
  ])('has 2,000 requests answered, twenty at once on each connection: %s', async (_, url) => {
    const { stdout } = await run('h2load', ['-n2000', '-c8', '-m20', url()])
    expect(stdout).toContain('2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout')
    expect(stdout).toContain('status codes: 2000 2xx')
  })
})

describe('an origin', () => {
  async function get(path: string) {
    const { stdout } = await run('curl', ['-sS', plain(path)], { encoding: 'buffer', maxBuffer: 2 * MEBIBYTE })
    return stdout
  }

  it.each([
    ['nghttpd', 'nghttpd in plain text'],
    ['secure', 'nghttpd over TLS'],
    ['https', 'nginx over TLS'],
    ['auto', 'nginx over TLS, which speaks HTTP/2 where it is asked'],
    ['old', 'nginx over TLS, which is asked for HTTP/2 and has none'],
  ])('is asked by a client of HTTP/1.1: /%s (%s)', async name => {
    expect((await get(`/${name}/file`)).toString()).toBe('of nghttpd')
    expect((await get(`/${name}/large`)).equals(Buffer.alloc(MEBIBYTE, 'large '))).toBe(true)
  })
})

describe('openssl s_client', () => {
  /** What it says of the connection; rejects where there was no handshake. */
  async function connect(...args: string[]): Promise<string> {
    const command = run('openssl', ['s_client', '-connect', `localhost:${proxy.portOf(1)}`, ...args])
    command.child.stdin?.end()
    const { stdout } = await command
    return stdout
  }

  it('takes up its session again on other connections, whichever worker accepts them', async () => {
    const stdout = await connect('-tls1_2', '-reconnect', '-CAfile', folder.file('ca.pem'))
    expect(stdout).toContain('Verify return code: 0 (ok)')
    expect(stdout.match(/^New, TLSv1\.2/gm)).toHaveLength(1)
    expect(stdout.match(/^Reused, TLSv1\.2/gm)).toHaveLength(5)
  })

  it.each([
    ['TLS 1.1', ['-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0']],
    ['ciphers without forward secrecy', ['-tls1_2', '-cipher', 'AES128-GCM-SHA256']],
    ['CBC', ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256']],
  ])('finds nothing weak: %s', async (_, args) => {
    await expect(connect(...args)).rejects.toThrow()
  })
})
