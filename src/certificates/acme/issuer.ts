import { isDeepStrictEqual } from 'node:util'
import type { Timekeeper } from '../../../engine/net/timekeeper.ts'
import type { CertificateFacts } from '../facts.ts'
import { readCertificate } from '../read-certificate.ts'
import type { AcmeSettings } from '../tls-files.ts'
import { AcmeError } from './acme-error.ts'
import { lockStore, type StoreLock } from './lock.ts'
import type { IssuedCertificate } from './order.ts'
import { certificatePath, storeCertificate, storedFiles } from './store.ts'

/**
 * Sees to it that each certificate that is to be issued is there, and renewed ahead of its end. One order at a time, and one
 * issuer at a time for a store, whichever process it is in.
 *
 *     resting ──time to renew, or none there──▶ due ──lock──▶ ordering ──issued──▶ resting
 *        ▲                                       ▲               │
 *        │                                       └── a while ────┘ not issued: longer with each time, or as long as asked for
 *        └── somebody else has issued it meanwhile
 */

/** Of the time between a certificate's renewal and its end: spreads what began together. */
const JITTER = 0.1
/** A certificate that lives shorter than `renewBeforeMs` would have it is renewed in the last third of its life. */
const SHARE_OF_LIFE = 1 / 3

/** After the first failure, and four times as long after each further one. */
const BACKOFF_MS = 60_000
const BACKOFF_FACTOR = 4
const BACKOFF_MS_MAX = 12 * 60 * 60 * 1000
const BACKOFF_JITTER = 0.2
/** Somebody else holds the store. */
const LOCKED_MS = 5000
/** The longest time between two looks at the store: the clock may be set, and others may renew. */
const LOOK_MS_MAX = 6 * 60 * 60 * 1000

export interface AcmeStatus {
  readonly hosts: readonly string[]
  readonly directory: string
  readonly challenge: AcmeSettings['challenge']
  /** `none`: nothing was issued yet, and handshakes are refused until then. */
  readonly state: 'valid' | 'none'
  readonly isOrdering: boolean
  /** When it is renewed, or tried again, milliseconds since the epoch; 0 while it is being ordered. */
  readonly nextAtMs: number
  /** In a row. */
  readonly failures: number
  /** Of the last try; empty where it was issued. */
  readonly error: string
}

export interface IssuerOptions {
  readonly time: Timekeeper
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number
  /** From 0 to 1. */
  readonly random: () => number
  /** @throws {AcmeError} */
  readonly order: (settings: AcmeSettings) => Promise<IssuedCertificate>
  /** A store may have a certificate that it had not before. */
  readonly onIssued: () => void
  readonly log: (level: 'info' | 'warn' | 'error', fields: Record<string, unknown>, sentence: string) => void
}

interface Job {
  settings: AcmeSettings
  failures: number
  error: string
  nextAtMs: number
  isOrdering: boolean
  hasCertificate: boolean
  cancel: () => void
}

export class Issuer {
  readonly #options: IssuerOptions
  /** By where the certificate is. */
  #jobs: ReadonlyMap<string, Job> = new Map()
  /** Orders so far have ended. */
  #orders: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(options: IssuerOptions) {
    this.#options = options
  }

  get status(): readonly AcmeStatus[] {
    return [...this.#jobs.values()].map(({ settings, failures, error, nextAtMs, isOrdering, hasCertificate }) => ({
      hosts: settings.hosts,
      directory: settings.directory,
      challenge: settings.challenge,
      state: hasCertificate ? 'valid' : 'none',
      isOrdering,
      nextAtMs: isOrdering ? 0 : nextAtMs,
      failures,
      error,
    }))
  }

  /** These are to be issued from now on, and no others. What is as it was goes on as it does. */
  follow(all: readonly AcmeSettings[]): void {
    if (this.#isClosed) return
    const jobs = new Map<string, Job>()
    for (const settings of all) {
      const path = certificatePath(settings)
      const known = this.#jobs.get(path)
      const job = jobs.get(path) ?? known ?? newJob(settings)
      // What was in the way may be mended.
      if (!isDeepStrictEqual(job.settings, settings)) job.failures = 0
      job.settings = settings
      jobs.set(path, job)
    }
    for (const [path, job] of this.#jobs) if (!jobs.has(path)) job.cancel()
    this.#jobs = jobs
    for (const job of jobs.values()) this.#plan(job)
  }

  /** Nothing is ordered any more, and what comes of an order that is under way counts for nothing here. */
  close(): void {
    this.#isClosed = true
    for (const job of this.#jobs.values()) job.cancel()
  }

  /** Sets the time of the next step by what the store has. */
  #plan(job: Job): void {
    const facts = this.#stored(job)
    const nowMs = this.#options.nowMs()
    if (facts !== null && this.#renewalAt(facts, job.settings) > nowMs) {
      job.failures = 0
      job.error = ''
      this.#set(job, this.#renewalAt(facts, job.settings))
    } else if (job.failures === 0) {
      this.#set(job, nowMs)
    } else {
      this.#set(job, job.nextAtMs)
    }
  }

  #set(job: Job, atMs: number): void {
    job.nextAtMs = atMs
    job.cancel()
    if (this.#isClosed || job.isOrdering) return
    const waitMs = Math.min(LOOK_MS_MAX, Math.max(0, Math.ceil(atMs - this.#options.nowMs())))
    job.cancel = this.#options.time.after(waitMs, () => this.#onTime(job))
  }

  #onTime(job: Job): void {
    if (job.nextAtMs > this.#options.nowMs()) {
      this.#plan(job)
      this.#options.onIssued()
      return
    }
    this.#orders = this.#orders.then(() => this.#step(job))
  }

  async #step(job: Job): Promise<void> {
    if (this.#isClosed || !this.#isWanted(job) || job.isOrdering) return
    const facts = this.#stored(job)
    if (facts !== null && this.#renewalAt(facts, job.settings) > this.#options.nowMs()) {
      // Whoever shares the store has seen to it.
      this.#plan(job)
      this.#options.onIssued()
      return
    }
    let lock: StoreLock | null
    try {
      lock = lockStore(job.settings.store)
    } catch (error) {
      this.#onFailure(job, new AcmeError(`the store ${job.settings.store} cannot be used: ${(error as Error).message}`))
      return
    }
    if (lock === null) {
      this.#set(job, this.#options.nowMs() + LOCKED_MS)
      return
    }
    try {
      await this.#order(job)
    } finally {
      lock.release()
    }
  }

  async #order(job: Job): Promise<void> {
    const { order, log, onIssued } = this.#options
    const { settings } = job
    const { hosts, directory } = settings
    job.isOrdering = true
    log('info', { hosts, directory }, `certificate for ${namesOf(settings)}: ordered from ${new URL(directory).host}`)
    try {
      const { chain, key } = await order(settings)
      assertFit(settings, chain, key)
      storeCertificate(settings, chain, key)
    } catch (error) {
      job.isOrdering = false
      this.#onFailure(job, error instanceof AcmeError ? error : AcmeError.of(error, 0))
      return
    }
    job.isOrdering = false
    job.failures = 0
    job.error = ''
    log('info', { hosts, directory }, `certificate for ${namesOf(settings)}: issued`)
    if (this.#isWanted(job)) this.#plan(job)
    onIssued()
  }

  #onFailure(job: Job, error: AcmeError): void {
    const { nowMs, random, log } = this.#options
    const { hosts, directory } = job.settings
    const backoffMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS * BACKOFF_FACTOR ** job.failures)
    const jitter = 1 + BACKOFF_JITTER * (2 * random() - 1)
    const waitMs = Math.max(backoffMs * jitter, error.retryAfterMs)
    job.failures += 1
    job.error = error.message
    if (!this.#isWanted(job)) return
    const again = `tried again in ${Math.ceil(waitMs / 60_000)} min`
    const sentence = `certificate for ${namesOf(job.settings)}: not issued: ${error.message}; ${again}`
    log('error', { hosts, directory, failures: job.failures }, sentence)
    this.#set(job, nowMs() + waitMs)
  }

  #isWanted(job: Job): boolean {
    return !this.#isClosed && this.#jobs.get(certificatePath(job.settings)) === job
  }

  /** What the store has for it; `null` for nothing that can be used. */
  #stored(job: Job): CertificateFacts | null {
    const files = storedFiles(job.settings)
    const { certificate, facts } = files === null ? { certificate: null, facts: null } : readCertificate(files)
    job.hasCertificate = certificate !== null
    return certificate === null ? null : facts
  }

  /** The same for a certificate each time: it is a share of what the certificate itself says. */
  #renewalAt({ notBeforeMs, notAfterMs, fingerprint }: CertificateFacts, { renewBeforeMs }: AcmeSettings): number {
    const aheadMs = Math.min(renewBeforeMs, (notAfterMs - notBeforeMs) * SHARE_OF_LIFE)
    const share = Number.parseInt(fingerprint.slice(0, 8), 16) / 2 ** 32
    return notAfterMs - aheadMs * (1 + JITTER * share)
  }
}

function newJob(settings: AcmeSettings): Job {
  return { settings, failures: 0, error: '', nextAtMs: 0, isOrdering: false, hasCertificate: false, cancel: () => {} }
}

function namesOf({ hosts }: AcmeSettings): string {
  return hosts.join(', ')
}

/** @throws {AcmeError} for what is not what was asked for: it would be ordered over and over again. */
function assertFit({ hosts }: AcmeSettings, chain: string, key: string): void {
  const { certificate, problems } = readCertificate({ certificate: chain, key, passphrase: '', ocsp: '' })
  const [problem] = problems.filter(({ severity }) => severity === 'error')
  if (certificate === null)
    throw new AcmeError(`what was issued cannot be used: ${problem?.message ?? 'it has no key'}`)
  const missing = hosts.filter(host => !certificate.names.includes(host))
  if (missing.length > 0) throw new AcmeError(`what was issued is not for ${missing.join(', ')}`)
}
