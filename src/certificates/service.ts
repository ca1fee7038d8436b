import { SYSTEM_TIME, type Timekeeper } from '../../engine/net/timekeeper.ts'
import type { ChallengesSnapshot } from '../../engine/snapshot.ts'
import { type AcmeStatus, Issuer } from './acme/issuer.ts'
import { orderApart } from './acme/order-apart.ts'
import { makeStore } from './acme/store.ts'
import { daysUntil } from './expiry.ts'
import type { CertificateFacts } from './facts.ts'
import type { PlacedCertificate } from './fill-in.ts'
import { CertificateKeeper, type FileWatcher, type KeeperOwner, type TlsInForce } from './keeper.ts'

/** The certificates of a proxy that runs: kept up with their files, issued where they are to be, and told of. */

export interface CertificateStatus extends CertificateFacts {
  /** Of the listener; empty for one of an upstream. */
  readonly listener: string
  readonly upstream: string
  readonly source: PlacedCertificate['source']
  readonly file: string
  /** Whole days, rounded down; below 0 when it has ended. */
  readonly daysLeft: number
}

export interface CertificateReport {
  readonly certificates: readonly CertificateStatus[]
  /** Why files that have changed were not taken over, a line each. */
  readonly problems: readonly string[]
  readonly acme: readonly AcmeStatus[]
}

export interface ServiceOwner extends KeeperOwner {
  /** Resolves when all workers answer authorities with these. */
  challenge(challenges: ChallengesSnapshot): Promise<void>
}

export interface ServiceOptions {
  readonly owner: ServiceOwner
  readonly watch: (onChange: () => void) => FileWatcher
  readonly time?: Timekeeper
  /** Milliseconds between two questions whether an authority is through, at first. */
  readonly pollMs?: number
}

const POLL_MS = 250

export class CertificateService {
  readonly #keeper: CertificateKeeper
  readonly #issuer: Issuer
  readonly #stop = new AbortController()

  constructor({ owner, watch, time = SYSTEM_TIME, pollMs = POLL_MS }: ServiceOptions) {
    const nowMs = () => Date.now()
    this.#keeper = new CertificateKeeper({ owner, time, nowMs, watch })
    this.#issuer = new Issuer({
      time,
      nowMs,
      random: Math.random,
      order: settings => {
        const present = (challenges: ChallengesSnapshot) => owner.challenge(challenges)
        return orderApart(settings, { present, pollMs }, this.#stop.signal)
      },
      onIssued: () => void this.#keeper.look(),
      log: (level, fields, sentence) => owner.log(level, fields, sentence),
    })
  }

  /** A configuration is in force. `sinceMs`, since the epoch, is when its files were read at the earliest. */
  follow(inForce: TlsInForce, sinceMs: number): void {
    const acme = inForce.tls.listeners.flatMap(listener => (listener.acme === null ? [] : [listener.acme]))
    for (const settings of acme) makeStore(settings)
    this.#keeper.follow(inForce, sinceMs)
    this.#issuer.follow(acme)
  }

  report({ certificates }: TlsInForce, nowMs: number = Date.now()): CertificateReport {
    return {
      certificates: certificates.map(certificate => statusOf(certificate, nowMs)),
      problems: this.#keeper.problems,
      acme: this.#issuer.status,
    }
  }

  /** What is being ordered is given up. */
  close(): void {
    this.#keeper.close()
    this.#issuer.close()
    this.#stop.abort()
  }
}

function statusOf({ place, source, file, facts }: PlacedCertificate, nowMs: number): CertificateStatus {
  const isListeners = place.side === 'listener'
  return {
    listener: isListeners ? place.name : '',
    upstream: isListeners ? '' : place.name,
    source,
    file,
    ...facts,
    daysLeft: daysUntil(facts.notAfterMs, nowMs),
  }
}
