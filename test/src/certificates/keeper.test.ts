import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Snapshot } from '../../../engine/snapshot.ts'
import { fillInTls } from '../../../src/certificates/fill-in.ts'
import { CertificateKeeper, type TlsInForce } from '../../../src/certificates/keeper.ts'
import type { TlsFiles } from '../../../src/certificates/tls-files.ts'
import { createAuthority, inDays, type TestAuthority, type TestCertificate } from '../../support/certificates.ts'
import { HandTime } from '../../support/hand-time.ts'
import { testSnapshot } from '../../support/snapshot.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'

let folder: TemporaryFolder
let authority: TestAuthority

beforeEach(async () => {
  folder = await temporaryFolder()
  authority = await createAuthority()
})

afterEach(() => folder[Symbol.asyncDispose]())

function put(name: string, { certificate, key }: TestCertificate): void {
  writeFileSync(folder.file(`${name}-key.pem`), key)
  writeFileSync(folder.file(`${name}.pem`), certificate)
}

function filesNamed(name: string): TlsFiles['listeners'][number]['certificates'][number] {
  return { certificate: folder.file(`${name}.pem`), key: folder.file(`${name}-key.pem`), passphrase: '', ocsp: '' }
}

function snapshotWithTls(): Snapshot {
  const snapshot = testSnapshot({ listeners: [{}] })
  const tls = {
    certificates: [],
    alpn: [],
    clientAuth: { mode: 'none', ca: '', crl: '', forward: 'none' },
    handshakeMs: 1000,
    handshakesMax: 10,
    tickets: true,
    strictNames: false,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: '',
    curves: '',
  } as const
  return { ...snapshot, listeners: snapshot.listeners.map(listener => ({ ...listener, tls })) }
}

/** A keeper over something that takes all certificates over, watched by hand. */
class Scene implements AsyncDisposable {
  readonly time = new HandTime()
  readonly log: string[] = []
  readonly keeper: CertificateKeeper
  takenOver = 0
  refusal = ''
  watched: readonly string[] = []
  #inForce: TlsInForce

  constructor(...names: readonly string[]) {
    const snapshot = snapshotWithTls()
    const listener = snapshot.listeners[0]?.name ?? ''
    const tls: TlsFiles = {
      listeners: [{ listener, certificates: names.map(filesNamed), clientCa: '', clientCrl: '', acme: null }],
      upstreams: [],
    }
    this.#inForce = { ...fillInTls(snapshot, tls), tls }
    const follow = (files: readonly string[]) => {
      this.watched = files
    }
    this.keeper = new CertificateKeeper({
      owner: {
        alone: async change => await change(this.#inForce),
        takeOver: async ({ snapshot, certificates }) => {
          if (this.refusal !== '') throw new Error(this.refusal)
          this.takenOver += 1
          this.#inForce = { snapshot, certificates, tls }
          return this.takenOver + 1
        },
        log: (level, _fields, sentence) => this.log.push(`${level}: ${sentence.replaceAll(folder.path, '')}`),
      },
      time: this.time,
      nowMs: () => Date.now(),
      watch: () => ({ follow, close: () => {} }),
    })
    this.keeper.follow(this.#inForce, 0)
  }

  get served(): string[] {
    return this.#inForce.snapshot.listeners[0]?.tls?.certificates.map(({ chain }) => chain) ?? []
  }

  /** Lets time pass, and what becomes due end. */
  async pass(milliseconds: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += 250) {
      this.time.advance(250)
      await this.keeper.look()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.keeper.close()
  }
}

describe('the files of certificates', () => {
  it('are watched, all of them', async () => {
    put('a', await authority.issue())
    await using scene = new Scene('a')
    expect(scene.watched).toEqual([folder.file('a.pem'), folder.file('a-key.pem')])
  })

  it('that say what they said change nothing', async () => {
    put('a', await authority.issue())
    await using scene = new Scene('a')
    await scene.keeper.look()
    expect([scene.takenOver, scene.log]).toEqual([0, []])
  })

  it('that have changed are taken over at once, and the log says what there is now', async () => {
    put('a', await authority.issue())
    await using scene = new Scene('a')
    const next = await authority.issue({ names: ['example.com'], notAfter: inDays(60) })
    put('a', next)
    await scene.keeper.look()
    expect(scene.served).toEqual([next.certificate])
    expect(scene.log).toEqual([
      expect.stringMatching(/^info: listener \S+: new certificate for example\.com, until 20/),
    ])
    expect(scene.keeper.problems).toEqual([])
  })

  it('may change one after the other: a certificate waits for its key without a word', async () => {
    const first = await authority.issue()
    put('a', first)
    await using scene = new Scene('a')
    const next = await authority.issue()
    writeFileSync(folder.file('a.pem'), next.certificate)
    await scene.keeper.look()
    await scene.pass(4000)
    expect([scene.served, scene.log, scene.keeper.problems]).toEqual([[first.certificate], [], []])
    writeFileSync(folder.file('a-key.pem'), next.key)
    await scene.pass(250)
    expect(scene.served).toEqual([next.certificate])
    expect(scene.log).toHaveLength(1)
  })

  it('that stay wrong keep what was there, and are told of once, until they are right again', async () => {
    const first = await authority.issue()
    put('a', first)
    await using scene = new Scene('a')
    const next = await authority.issue()
    writeFileSync(folder.file('a.pem'), next.certificate)
    await scene.keeper.look()
    await scene.pass(6000)
    const problem = expect.stringMatching(/key \/a-key\.pem: it does not fit the certificate/)
    expect(scene.log).toEqual([expect.stringMatching(/^error: .*it does not fit.*; what was there before goes on$/)])
    expect(scene.keeper.problems.map(line => line.replace(folder.path, ''))).toEqual([problem])
    await scene.pass(20_000)
    expect(scene.log).toHaveLength(1)
    expect(scene.served).toEqual([first.certificate])
    writeFileSync(folder.file('a-key.pem'), next.key)
    await scene.keeper.look()
    expect(scene.served).toEqual([next.certificate])
    expect(scene.keeper.problems).toEqual([])
    expect(scene.log.at(-1)).toBe('info: all files of certificates can be used again')
  })

  it('that are half written, or gone for a moment, are waited for', async () => {
    put('a', await authority.issue())
    await using scene = new Scene('a')
    const next = await authority.issue()
    rmSync(folder.file('a-key.pem'))
    writeFileSync(folder.file('a.pem'), next.certificate.slice(0, 300))
    await scene.keeper.look()
    writeFileSync(folder.file('new'), next.key)
    renameSync(folder.file('new'), folder.file('a-key.pem'))
    await scene.pass(500)
    writeFileSync(folder.file('a.pem'), next.certificate)
    await scene.pass(250)
    expect(scene.served).toEqual([next.certificate])
    expect(scene.log).toHaveLength(1)
  })

  it('of one certificate do not hold up those of another', async () => {
    put('a', await authority.issue())
    put('b', await authority.issue())
    await using scene = new Scene('a', 'b')
    const [a] = scene.served
    const next = await authority.issue()
    writeFileSync(folder.file('a.pem'), 'garbage')
    put('b', next)
    await scene.keeper.look()
    expect(scene.served).toEqual([a, next.certificate])
    expect(scene.log).toEqual([
      expect.stringContaining('info: listener'),
      expect.stringMatching(/^error: .*certificate \/a\.pem: it has no certificate in PEM/),
    ])
  })
})

describe('a change that cannot be put in force', () => {
  it('is told of once, and shown until it can', async () => {
    put('a', await authority.issue())
    await using scene = new Scene('a')
    scene.refusal = 'worker 1 has not answered'
    put('a', await authority.issue())
    await scene.keeper.look()
    await scene.keeper.look()
    const line = 'changed certificates could not be put in force: worker 1 has not answered'
    expect(scene.keeper.problems).toEqual([line])
    expect(scene.log).toEqual([`error: ${line}; those before go on`])
    scene.refusal = ''
    await scene.keeper.look()
    expect(scene.keeper.problems).toEqual([])
  })
})

describe('the end of a certificate', () => {
  it('is told of at the start, and as time passes', async () => {
    put('a', await authority.issue({ notBefore: inDays(-300), notAfter: inDays(5.5) }))
    await using scene = new Scene('a')
    expect(scene.log).toEqual([
      expect.stringMatching(/^warn: listener \S+: the certificate for localhost ends in 5 days, on /),
    ])
    scene.time.advance(3_600_000)
    expect(scene.log).toHaveLength(1)
  })

  it('that is over is an error', async () => {
    put('a', await authority.issueExpired())
    await using scene = new Scene('a')
    expect(scene.log).toEqual([expect.stringMatching(/^error: .* has ended, on /)])
  })
})
