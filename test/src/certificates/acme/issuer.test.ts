import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AcmeError } from '../../../../src/certificates/acme/acme-error.ts'
import { Issuer } from '../../../../src/certificates/acme/issuer.ts'
import { lockStore } from '../../../../src/certificates/acme/lock.ts'
import type { IssuedCertificate } from '../../../../src/certificates/acme/order.ts'
import { certificatePath, storeCertificate } from '../../../../src/certificates/acme/store.ts'
import type { AcmeSettings } from '../../../../src/certificates/tls-files.ts'
import { createAuthority, type TestAuthority } from '../../../support/certificates.ts'
import { HandTime } from '../../../support/hand-time.ts'
import { type TemporaryFolder, temporaryFolder } from '../../../support/temporary-folder.ts'
import { waitFor } from '../../../support/wait-for.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const MINUTE_MS = 60_000

let folder: TemporaryFolder
let authority: TestAuthority

beforeEach(async () => {
  folder = await temporaryFolder()
  authority = await createAuthority()
})

afterEach(() => folder[Symbol.asyncDispose]())

function settingsFor(...hosts: readonly string[]): AcmeSettings {
  return {
    directory: 'https://acme.test/directory',
    email: '',
    hosts,
    challenge: 'http-01',
    store: folder.file('store'),
    renewBeforeMs: 30 * DAY_MS,
    keyType: 'ecdsa',
    ca: '',
    externalAccount: null,
  }
}

type Outcome = IssuedCertificate | AcmeError

/** An issuer whose authority answers by hand, and whose time passes by hand. */
class Scene implements Disposable {
  readonly time = new HandTime()
  readonly log: string[] = []
  readonly orders: string[] = []
  issued = 0
  readonly issuer: Issuer
  readonly #outcomes: Outcome[] = []
  readonly #startMs = Date.now()
  readonly #handStartMs = this.time.nowMs()

  constructor(random = 0.5) {
    this.issuer = new Issuer({
      time: this.time,
      nowMs: () => this.nowMs,
      random: () => random,
      order: async ({ hosts }) => {
        this.orders.push(hosts.join(' '))
        const outcome = this.#outcomes.shift() ?? new AcmeError('nobody is there')
        if (outcome instanceof AcmeError) throw outcome
        return outcome
      },
      onIssued: () => {
        this.issued += 1
      },
      log: (level, _, sentence) => this.log.push(`${level}: ${sentence}`),
    })
  }

  get nowMs(): number {
    return this.#startMs + this.time.nowMs() - this.#handStartMs
  }

  answer(...outcomes: readonly Outcome[]): void {
    this.#outcomes.push(...outcomes)
  }

  /** For the hosts, from now on, for that many days. */
  async certificate(days: number, ...names: readonly string[]): Promise<IssuedCertificate> {
    const { certificate, key } = await authority.issue({
      names,
      notBefore: new Date(this.nowMs),
      notAfter: new Date(this.nowMs + days * DAY_MS),
    })
    return { chain: certificate, key }
  }

  /** Lets time pass until there is an order, or nothing more to wait for. Gives how long it took. */
  async nextOrder(): Promise<number> {
    const before = this.orders.length
    const startMs = this.nowMs
    for (let round = 0; this.orders.length === before && round < 1000; round++) {
      this.time.advance(this.time.pending[0] ?? 0)
      await new Promise(resolve => setImmediate(resolve))
    }
    await waitFor(() => !this.issuer.status.some(({ isOrdering }) => isOrdering), 'the order has ended')
    return this.nowMs - startMs
  }

  [Symbol.dispose](): void {
    this.issuer.close()
  }
}

describe('a certificate that is to be issued', () => {
  it('is ordered at once where there is none, put into the store for its owner alone, and told of', async () => {
    using scene = new Scene()
    const settings = settingsFor('a.test', 'b.test')
    const certificate = await scene.certificate(90, 'a.test', 'b.test')
    scene.answer(certificate)
    scene.issuer.follow([settings])
    expect(scene.issuer.status).toMatchObject([{ state: 'none', failures: 0, error: '' }])
    expect(await scene.nextOrder()).toBe(0)
    expect(scene.issued).toBe(1)
    expect(readFileSync(certificatePath(settings), 'utf8')).toBe(certificate.key + certificate.chain)
    expect(statSync(certificatePath(settings)).mode & 0o777).toBe(0o600)
    expect(statSync(dirname(certificatePath(settings))).mode & 0o777).toBe(0o700)
    expect(scene.issuer.status).toMatchObject([{ state: 'valid', failures: 0, error: '' }])
    expect(scene.log).toEqual([
      'info: certificate for a.test, b.test: ordered from acme.test',
      'info: certificate for a.test, b.test: issued',
    ])
  })

  it('is not ordered where the store has it, and renewed ahead of its end, at a time of its own', async () => {
    using scene = new Scene()
    const settings = settingsFor('a.test')
    const { chain, key } = await scene.certificate(90, 'a.test')
    storeCertificate(settings, chain, key)
    scene.issuer.follow([settings])
    scene.answer(await scene.certificate(180, 'a.test'))
    const waitedDays = (await scene.nextOrder()) / DAY_MS
    expect(waitedDays).toBeGreaterThan(56.9)
    expect(waitedDays).toBeLessThan(60.1)
    expect(scene.issuer.status).toMatchObject([{ state: 'valid', failures: 0 }])
  })

  it('that lives for days only is renewed in the last third of its life', async () => {
    using scene = new Scene()
    const settings = settingsFor('a.test')
    const { chain, key } = await scene.certificate(6, 'a.test')
    storeCertificate(settings, chain, key)
    scene.issuer.follow([settings])
    const waitedDays = (await scene.nextOrder()) / DAY_MS
    expect(waitedDays).toBeGreaterThan(3.7)
    expect(waitedDays).toBeLessThan(4.1)
  })

  it('is tried again after a minute, four, sixteen, and so on up to half a day, and each time says why', async () => {
    using scene = new Scene()
    scene.answer(...Array.from({ length: 7 }, () => new AcmeError('a.test was not proved by http-01: 404')))
    scene.issuer.follow([settingsFor('a.test')])
    await scene.nextOrder()
    const waits: number[] = []
    for (let failure = 0; failure < 6; failure++) waits.push(Math.round((await scene.nextOrder()) / MINUTE_MS))
    expect(waits).toEqual([1, 4, 16, 64, 256, 720])
    expect(scene.issuer.status).toMatchObject([{ failures: 7, error: 'a.test was not proved by http-01: 404' }])
    expect(scene.log[1]).toBe(
      'error: certificate for a.test: not issued: a.test was not proved by http-01: 404; tried again in 1 min',
    )
    scene.answer(await scene.certificate(90, 'a.test'))
    await scene.nextOrder()
    expect(scene.issuer.status).toMatchObject([{ state: 'valid', failures: 0, error: '' }])
  })

  it('waits by a little more or less than others do', async () => {
    using scene = new Scene(1)
    scene.issuer.follow([settingsFor('a.test')])
    await scene.nextOrder()
    expect(await scene.nextOrder()).toBe(1.2 * MINUTE_MS)
  })

  it('waits as long as the authority asks for', async () => {
    using scene = new Scene()
    scene.answer(new AcmeError('too many certificates already', 3 * 60 * MINUTE_MS))
    scene.issuer.follow([settingsFor('a.test')])
    await scene.nextOrder()
    expect((await scene.nextOrder()) / MINUTE_MS).toBe(180)
  })

  it('goes on waiting through a reload, unless its settings are others', async () => {
    using scene = new Scene()
    const settings = settingsFor('a.test')
    scene.issuer.follow([settings])
    await scene.nextOrder()
    scene.issuer.follow([settings])
    expect(await scene.nextOrder()).toBe(MINUTE_MS)
    scene.issuer.follow([{ ...settings, challenge: 'tls-alpn-01' }])
    expect(await scene.nextOrder()).toBe(0)
  })

  it('is not taken where it is for other names, or does not fit its key', async () => {
    using scene = new Scene()
    const other = await scene.certificate(90, 'b.test')
    const right = await scene.certificate(90, 'a.test')
    scene.answer(other, { ...right, key: other.key })
    const settings = settingsFor('a.test')
    scene.issuer.follow([settings])
    await scene.nextOrder()
    expect(scene.issuer.status).toMatchObject([{ error: 'what was issued is not for a.test' }])
    await scene.nextOrder()
    expect(scene.issuer.status).toMatchObject([
      { error: 'what was issued cannot be used: it does not fit the certificate' },
    ])
    expect(existsSync(certificatePath(settings))).toBe(false)
  })

  it('is ordered one after the other, and once for listeners that share it', async () => {
    using scene = new Scene()
    scene.answer(await scene.certificate(90, 'a.test'), await scene.certificate(90, 'b.test'))
    scene.issuer.follow([settingsFor('a.test'), settingsFor('a.test'), settingsFor('b.test')])
    await scene.nextOrder()
    await waitFor(() => scene.issued === 2, 'both are issued')
    expect(scene.orders).toEqual(['a.test', 'b.test'])
  })

  it('of nobody any more is not ordered', async () => {
    using scene = new Scene()
    scene.issuer.follow([settingsFor('a.test')])
    scene.issuer.follow([])
    await scene.nextOrder()
    expect(scene.orders).toEqual([])
    expect(scene.issuer.status).toEqual([])
  })
})

describe('a store that is shared', () => {
  it('has one issuer at a time; the other one finds what was issued', async () => {
    using scene = new Scene()
    const settings = settingsFor('a.test')
    const lock = lockStore(settings.store)
    scene.issuer.follow([settings])
    for (let round = 0; round < 5; round++) {
      scene.time.advance(5000)
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(scene.orders).toEqual([])
    const { chain, key } = await scene.certificate(90, 'a.test')
    storeCertificate(settings, chain, key)
    lock?.release()
    scene.time.advance(5000)
    await waitFor(() => scene.issued === 1, 'it was found')
    expect(scene.orders).toEqual([])
    expect(scene.issuer.status).toMatchObject([{ state: 'valid' }])
  })

  it('that cannot be written to is told of', async () => {
    using scene = new Scene()
    const settings = settingsFor('a.test')
    writeFileSync(settings.store, 'no folder')
    scene.issuer.follow([settings])
    scene.time.advance(1)
    await waitFor(() => scene.log.length > 0, 'it is told')
    expect(scene.log).toEqual([expect.stringMatching(/^error: .*not issued: the store .* cannot be used: EEXIST/)])
  })
})
