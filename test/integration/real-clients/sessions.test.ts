import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAuthority } from '../../support/certificates.ts'
import { freePort } from '../../support/free-port.ts'
import { get } from '../../support/heads.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { type Listening, listenOn } from '../../support/listen.ts'
import { type NginxProcess, nginxProcess } from '../../support/nginx-process.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'
import { certificateSnapshot, listenerTls, upstreamTls } from '../../support/tls.ts'

/** Sessions of openssl and with nginx: they are taken up again, and bring nobody in who would not come in without them. */

const run = promisify(execFile)

const VERSIONS = ['1_2', '1_3'] as const

let folder: TemporaryFolder
let origin: Listening
let nginx: NginxProcess
let proxy: InstrumentedProxy

beforeAll(async () => {
  folder = await temporaryFolder()
  const authority = await createAuthority()
  const stranger = await createAuthority('Somebody else')
  const files = {
    ca: authority.certificate,
    good: await authority.issueClient('friend'),
    bad: await stranger.issueClient('stranger'),
    other: await authority.issue({ names: ['other.test'] }),
  }
  await writeFile(folder.file('ca.pem'), files.ca)
  for (const name of ['good', 'bad', 'other'] as const) {
    await writeFile(folder.file(`${name}.pem`), files[name].chain)
    await writeFile(folder.file(`${name}-key.pem`), files[name].key)
  }
  const ports = { '1_2': await freePort(), '1_3': await freePort() }
  const servers = VERSIONS.map(
    version => `server { listen 127.0.0.1:${ports[version]} ssl; ssl_protocols TLSv${version.replace('_', '.')};
      ssl_certificate other.pem; ssl_certificate_key other-key.pem; return 200 nginx; }`,
  )
  nginx = await nginxProcess(folder, servers.join('\n'), ports['1_3'])
  origin = await listenOn(createServer((_, response) => response.end('origin')))
  const certificates = [certificateSnapshot(await authority.issue())]
  const to = (version: (typeof VERSIONS)[number], serverName: string) => ({
    endpoints: [{ kind: 'tcp', host: '127.0.0.1', port: ports[version] } as const],
    tls: upstreamTls({ ca: files.ca, serverName }),
  })
  proxy = await startInstrumentedProxy({
    workers: 2,
    listeners: [
      { tls: listenerTls({ certificates }) },
      { tls: listenerTls({ certificates, clientAuth: { mode: 'require', ca: files.ca } }) },
    ],
    upstreams: {
      plain: [origin.address],
      wrong1_2: to('1_2', 'localhost'),
      wrong1_3: to('1_3', 'localhost'),
      right1_2: to('1_2', 'other.test'),
      right1_3: to('1_3', 'other.test'),
    },
    routes: [
      ...VERSIONS.flatMap(version => [`wrong${version}`, `right${version}`]).map(name => ({
        match: { path: { kind: 'prefix', path: `/${name}/` } as const },
        to: name,
      })),
      { to: 'plain' },
    ],
  })
})

afterAll(async () => {
  await proxy?.stop()
  await nginx?.[Symbol.asyncDispose]()
  await origin?.close()
  await folder?.[Symbol.asyncDispose]()
})

/** One request by `openssl s_client`: New or Reused, and the status of the response; empty where there was none. */
async function ask(listener: number, version: string, path: string, ...more: string[]): Promise<string[]> {
  const to = [
    '-connect',
    `localhost:${proxy.portOf(listener)}`,
    '-servername',
    'localhost',
    '-CAfile',
    folder.file('ca.pem'),
  ]
  const args = ['s_client', ...to, `-tls${version}`, '-ign_eof', ...more]
  // Where the handshake fails so does the command, and what it has said until then counts.
  const command = run('openssl', args)
  command.child.stdin?.on('error', () => {})
  command.child.stdin?.end(get(path, 'Connection: close'))
  const { stdout } = await command.catch((error: { stdout: string }) => error)
  return [/^(?:New|Reused)(?=, TLS)/m.exec(stdout)?.[0] ?? '', /HTTP\/1\.1 (\d+)/.exec(stdout)?.[1] ?? '']
}

const certificate = (name: string) => ['-cert', folder.file(`${name}.pem`), '-key', folder.file(`${name}-key.pem`)]

describe.each(VERSIONS)('with TLS %s', version => {
  const kept = (name: string) => folder.file(`${name}${version}.session`)

  it('openssl takes its session up again, one after the other, whichever worker accepts', async () => {
    expect(await ask(0, version, '/', '-sess_out', kept('own'))).toEqual(['New', '200'])
    for (let index = 0; index < 6; index += 1) {
      const again = await ask(0, version, '/', '-sess_in', kept('own'), '-sess_out', kept('own'))
      expect(again).toEqual(['Reused', '200'])
    }
  })

  it('a session of a listener that asks for no certificate is nothing to one that does', async () => {
    await ask(0, version, '/', '-sess_out', kept('open'))
    expect((await ask(1, version, '/', '-sess_in', kept('open')))[1]).toBe('')
  })

  it('a client is known by its session, and one that was refused is refused with its session, too', async () => {
    expect(await ask(1, version, '/', ...certificate('good'), '-sess_out', kept('good'))).toEqual(['New', '200'])
    expect(await ask(1, version, '/', '-sess_in', kept('good'))).toEqual(['Reused', '200'])
    expect((await ask(1, version, '/', ...certificate('bad'), '-sess_out', kept('bad')))[1]).toBe('')
    expect((await ask(1, version, '/', ...certificate('bad'), '-sess_in', kept('bad')))[1]).toBe('')
  })

  it('nginx with a certificate for another name is refused as often as it is asked', async () => {
    for (let index = 0; index < 4; index += 1) {
      expect((await ask(0, version, `/wrong${version}/`))[1]).toBe('502')
      expect((await ask(0, version, `/right${version}/`))[1]).toBe('200')
    }
  })
})
