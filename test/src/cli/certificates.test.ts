import { once } from 'node:events'
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect, type TLSSocket } from 'node:tls'
import { describe, expect, test } from 'vitest'
import type { InstanceStatus } from '../../../src/control/methods.ts'
import {
  createAuthority,
  inDays,
  type TestAuthority,
  type TestCertificate,
  type TestWanted,
} from '../../support/certificates.ts'
import { type Command, Folder } from './command.ts'

/** `sluice start` without `--watch`: files of certificates are watched all the same. */

const CONFIGURATION = `
runtime: { workers: 2 }
listeners:
  web:
    address: 127.0.0.1:0
    tls: { certificates: [{ cert: live/web.pem, key: live/web-key.pem }] }
routes: [{ respond: { body: secure } }]
`

class Scene implements AsyncDisposable {
  readonly #folder: Folder
  readonly #authority: TestAuthority
  readonly command: Command
  #port = 0

  private constructor(folder: Folder, authority: TestAuthority) {
    this.#folder = folder
    this.#authority = authority
    this.command = folder.start('start')
  }

  /** As Kubernetes mounts secrets: the files are links into a folder that is a link itself. */
  static async open(first: TestWanted = {}): Promise<Scene> {
    const folder = await Folder.make({ 'sluice.yaml': CONFIGURATION })
    const authority = await createAuthority()
    put(folder, 'one', await authority.issue(first))
    symlinkSync('one', folder.file('data'))
    mkdirSync(folder.file('live'))
    for (const name of ['web.pem', 'web-key.pem']) symlinkSync(`../data/${name}`, folder.file(`live/${name}`))
    const scene = new Scene(folder, authority)
    scene.#port = Number(new URL(await scene.command.url('web')).port)
    return scene
  }

  issue(...names: readonly string[]): Promise<TestCertificate> {
    return this.#authority.issue({ names: ['localhost', ...names] })
  }

  /** Swaps the folder that everything leads to, at once. */
  swap(name: string, certificate: TestCertificate): void {
    put(this.#folder, name, certificate)
    symlinkSync(name, this.#folder.file('next'))
    renameSync(this.#folder.file('next'), this.#folder.file('data'))
  }

  write(name: string, text: string): void {
    writeFileSync(this.#folder.file(`live/${name}`), text)
  }

  async connect(): Promise<TLSSocket> {
    const ca = this.#authority.certificate
    const socket = connect({ port: this.#port, host: '127.0.0.1', servername: 'localhost', ca })
    await once(socket, 'secureConnect')
    return socket
  }

  async served(): Promise<string | undefined> {
    const socket = await this.connect()
    const certificate = socket.getPeerX509Certificate()?.toString()
    socket.destroy()
    return certificate
  }

  async status(): Promise<InstanceStatus> {
    const { stdout } = await this.#folder.run('status', '--json')
    return JSON.parse(stdout)
  }

  async page(): Promise<string> {
    return (await this.#folder.run('status')).stdout
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.command[Symbol.asyncDispose]()
    await this.#folder[Symbol.asyncDispose]()
  }
}

function put(folder: Folder, name: string, { certificate, key }: TestCertificate): void {
  mkdirSync(folder.file(name), { recursive: true })
  writeFileSync(folder.file(`${name}/web.pem`), certificate)
  writeFileSync(folder.file(`${name}/web-key.pem`), key, { mode: 0o600 })
}

describe('an instance with certificates', () => {
  test('takes new ones over as their files change, keeps connections, and keeps what it has where a file is bad', async () => {
    await using scene = await Scene.open()
    const kept = await scene.connect()

    const swapped = await scene.issue('swapped.test')
    scene.swap('two', swapped)
    await scene.command.message('new certificate for localhost, swapped.test')
    expect(await scene.served()).toBe(swapped.certificate)

    const written = await scene.issue('written.test')
    scene.write('web.pem', written.certificate)
    scene.write('web-key.pem', written.key)
    await scene.command.message('new certificate for localhost, written.test')
    expect(await scene.served()).toBe(written.certificate)

    scene.write('web.pem', 'not a certificate')
    const line = await scene.command.message('what was there before goes on')
    expect(line).toMatchObject({ level: 50, listener: 'web', msg: expect.stringContaining('live/web.pem: it has no') })
    expect(await scene.served()).toBe(written.certificate)

    const status = await scene.status()
    expect(status.certificates).toMatchObject([
      { listener: 'web', names: ['localhost', 'written.test'], issuer: 'Test authority', daysLeft: 29, source: 'file' },
    ])
    expect(status.problems).toEqual([expect.stringContaining('it has no certificate in PEM')])
    expect(JSON.stringify(status)).not.toContain('PRIVATE KEY')

    kept.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    let answer = ''
    for await (const chunk of kept) answer += chunk
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*secure$/)
  })

  test('warns at the start of those that end soon, and has them on the page of its status', async () => {
    await using scene = await Scene.open({ notBefore: inDays(-100), notAfter: inDays(0.5) })
    expect(await scene.command.message('ends within a day')).toMatchObject({ level: 40, listener: 'web', daysLeft: 0 })
    await scene.command.message('control socket')
    expect(await scene.page()).toMatch(
      /certificates +for +issuer +ends +left +key +source\n {2}web +localhost +Test authority/,
    )
  })
})
