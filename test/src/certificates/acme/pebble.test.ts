import type { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { Agent, get as httpGet } from 'node:http'
import { connect, type TLSSocket } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { parseConfiguration } from '../../../../src/config/load.ts'
import { type RunningProxy, startProxy } from '../../../../src/proxy.ts'
import { freePort } from '../../../support/free-port.ts'
import { type Pebble, type PebbleOptions, startPebble } from '../../../support/pebble.ts'
import { type TemporaryFolder, temporaryFolder } from '../../../support/temporary-folder.ts'
import { waitFor } from '../../../support/wait-for.ts'

const ISSUED_WITHIN_MS = 20_000

/** Of an account that the authority has given out beforehand. */
const HMAC_KEY = Buffer.alloc(32, 7).toString('base64url')

/** A proxy with a plain and an encrypted listener, for which an authority issues. */
class Scene implements AsyncDisposable {
  proxy: RunningProxy | null = null
  readonly plainPort: number
  readonly securePort: number
  readonly #folder: TemporaryFolder
  readonly pebble: Pebble
  /** Certificates that live for seconds may have ended when a slow machine looks at them. */
  verifies = true

  private constructor(folder: TemporaryFolder, pebble: Pebble, plainPort: number, securePort: number) {
    this.#folder = folder
    this.pebble = pebble
    this.plainPort = plainPort
    this.securePort = securePort
  }

  static async open(options: PebbleOptions): Promise<Scene> {
    const [httpPort, tlsPort] = await Promise.all([freePort(), freePort()])
    const pebble = await startPebble({ httpPort, tlsPort, externalAccounts: { 'kid-1': HMAC_KEY }, ...options })
    return new Scene(await temporaryFolder(), pebble, httpPort, tlsPort)
  }

  async start(acme: Record<string, unknown>, workers = 1): Promise<RunningProxy> {
    const { directory, ca } = this.pebble
    const account = { key_id: 'kid-1', hmac_key: HMAC_KEY }
    const store = this.#folder.file('store')
    const common = { directory, ca, store, terms_agreed: true, external_account: account }
    const configuration = {
      runtime: { workers },
      listeners: {
        plain: { address: `127.0.0.1:${this.plainPort}`, redirect_to_https: { port: this.securePort } },
        secure: { address: `127.0.0.1:${this.securePort}`, tls: { acme: { ...common, ...acme } } },
      },
      routes: [{ respond: { status: 200, body: 'secure' } }],
    }
    const text = JSON.stringify(configuration)
    this.proxy = await startProxy(parseConfiguration(text, this.#folder.file('sluice.json')), { logs: false })
    return this.proxy
  }

  get acme() {
    const [status] = this.proxy?.certificates().acme ?? []
    if (status === undefined) throw new Error('nothing is issued')
    return status
  }

  /** The certificate that a client gets, once there is one. */
  async issued(name: string): Promise<X509Certificate> {
    await waitFor(
      () => this.proxy?.certificates().certificates.length === 1 || this.#failed(),
      () => `issued: ${JSON.stringify(this.acme)} ${this.pebble.log}`,
      ISSUED_WITHIN_MS,
    )
    return await this.served(name)
  }

  #failed(): false {
    if (this.acme.error !== '') throw new Error(`${this.acme.error}\n${this.pebble.log}`)
    return false
  }

  async served(name: string): Promise<X509Certificate> {
    const socket = await this.connect(name)
    const certificate = socket.getPeerX509Certificate()
    socket.destroy()
    if (certificate === undefined) throw new Error('no certificate')
    return certificate
  }

  async connect(name: string): Promise<TLSSocket> {
    const trust = { ca: await this.pebble.root(), rejectUnauthorized: this.verifies }
    const socket = connect({ port: this.securePort, host: '127.0.0.1', servername: name, ...trust })
    await once(socket, 'secureConnect')
    return socket
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy?.close()
    await this.pebble[Symbol.asyncDispose]()
    await this.#folder[Symbol.asyncDispose]()
  }
}

async function statusOf(port: number, path: string): Promise<number | undefined> {
  const request = httpGet({ port, host: '127.0.0.1', path, agent: new Agent() })
  const [response] = await once(request, 'response')
  response.resume()
  return response.statusCode
}

describe('an authority', () => {
  it('issues by http-01 for several names, to an account that it has given out, over wrong nonces; a restart goes on with what the store has', async () => {
    await using scene = await Scene.open({ nonceRejectPercent: 15 })
    const hosts = ['a.acme.test', 'b.acme.test']
    await scene.start({ hosts, email: 'admin@acme.test' }, 2)
    const certificate = await scene.issued('b.acme.test')
    expect(certificate.subjectAltName).toBe('DNS:a.acme.test, DNS:b.acme.test')
    expect(certificate.publicKey.asymmetricKeyType).toBe('ec')
    expect(scene.acme).toMatchObject({ hosts, state: 'valid', isOrdering: false, failures: 0, error: '' })
    expect(scene.proxy?.certificates().certificates).toMatchObject([
      { listener: 'secure', source: 'acme', names: hosts, daysLeft: 89 },
    ])
    // Behind it, plain requests go where they went, tokens that nobody waits for among them.
    expect(await statusOf(scene.plainPort, '/')).toBe(308)
    expect(await statusOf(scene.plainPort, '/.well-known/acme-challenge/unknown')).toBe(308)

    await scene.proxy?.close()
    await scene.start({ hosts, email: 'admin@acme.test' }, 2)
    expect((await scene.served('a.acme.test')).fingerprint256).toBe(certificate.fingerprint256)
    expect(scene.acme.nextAtMs).toBeGreaterThan(Date.now() + 50 * 24 * 3_600_000)
  })

  it('issues by tls-alpn-01, with RSA where that is asked for, and renews ahead of the end, while connections go on', async () => {
    await using scene = await Scene.open({ validityS: 4 })
    scene.verifies = false
    await scene.start({ hosts: ['c.acme.test', 'd.acme.test'], challenge: 'tls-alpn-01', key_type: 'rsa' }, 2)
    const first = await scene.issued('d.acme.test')
    expect(first.subjectAltName).toBe('DNS:c.acme.test, DNS:d.acme.test')
    expect(first.publicKey.asymmetricKeyType).toBe('rsa')
    const kept = await scene.connect('d.acme.test')
    await waitFor(
      () => scene.proxy?.certificates().certificates.find(({ fingerprint }) => fingerprint !== shortened(first)),
      () => `renewed: ${JSON.stringify(scene.acme)} ${scene.pebble.log}`,
      ISSUED_WITHIN_MS,
    )
    expect((await scene.served('d.acme.test')).fingerprint256).not.toBe(first.fingerprint256)
    kept.write('GET / HTTP/1.1\r\nHost: d.acme.test\r\nConnection: close\r\n\r\n')
    let answer = ''
    for await (const chunk of kept) answer += chunk
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*secure$/)
  })
})

function shortened({ fingerprint256 }: X509Certificate): string {
  return fingerprint256.replaceAll(':', '').toLowerCase()
}
