import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createServer as createHttp1, type RequestListener } from 'node:http'
import { createServer as createHttp2 } from 'node:http2'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createAuthority } from '../../support/certificates.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { type Listening, listenOn } from '../../support/listen.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'
import { certificateSnapshot, listenerTls } from '../../support/tls.ts'

/**
 * curl that uploads, and an origin that has heard enough. What curl sees of the answer depends on what comes together with it: up to 7.88
 * it loses a response that it reads together with the reset behind it, and waits for ever if it has broken off and nothing comes.
 */

const run = promisify(execFile)

const UPLOAD_BYTES = 8 * 1024 * 1024

/** Past it curl gives up: it takes a tenth of a second, or has lost the response. */
const PATIENCE_SECONDS = '10'

let folder: TemporaryFolder
let http1: Listening
let http2: Listening
let proxy: InstrumentedProxy

const refuse = ((_request: unknown, response: { writeHead(status: number): { end(text: string): void } }) =>
  response.writeHead(413).end('too large')) as RequestListener

beforeAll(async () => {
  folder = await temporaryFolder()
  const authority = await createAuthority()
  await writeFile(folder.file('ca.pem'), authority.certificate)
  await writeFile(folder.file('upload'), Buffer.alloc(UPLOAD_BYTES, 'up'))
  http1 = await listenOn(createHttp1(refuse))
  http2 = await listenOn(createHttp2(refuse as unknown as Parameters<typeof createHttp2>[1]))
  proxy = await startInstrumentedProxy({
    listeners: [
      {},
      { tls: listenerTls({ certificates: [certificateSnapshot(await authority.issue())], alpn: ['h2', 'http/1.1'] }) },
    ],
    upstreams: { http1: [http1.address], http2: { endpoints: [http2.address], protocol: 'h2c' } },
    routes: [{ match: { path: { kind: 'prefix', path: '/http2' } }, to: 'http2' }, { to: 'http1' }],
  })
})

afterAll(async () => {
  await proxy?.stop()
  await http1?.close()
  await http2?.close()
  await folder?.[Symbol.asyncDispose]()
})

const versions = ['--http1.1', '--http2', '--http2-prior-knowledge']

it.each([
  // Over HTTP/2, content that is less than was told makes a request malformed: with an origin that is slow to end, that comes first.
  ...versions.map(version => ({ version, path: '/http1', what: 'whose length it tells', fields: [] })),
  ...['/http1', '/http2'].flatMap(path =>
    versions.map(version => ({
      version,
      path,
      what: 'of unknown length',
      fields: ['-H', 'transfer-encoding: chunked'],
    })),
  ),
])('curl $version gets the answer to an upload $what that the origin of $path does not read', async each => {
  const inClear = each.version === '--http2-prior-knowledge'
  const url = inClear ? `http://localhost:${proxy.portOf(0)}` : `https://localhost:${proxy.portOf(1)}`
  const args = ['-sS', '-m', PATIENCE_SECONDS, '--cacert', folder.file('ca.pem'), '-w', '|%{response_code}']
  const upload = [...each.fields, '--data-binary', `@${folder.file('upload')}`]
  const { stdout } = await run('curl', [...args, each.version, ...upload, `${url}${each.path}`])
  expect(stdout).toBe('too large|413')
})
