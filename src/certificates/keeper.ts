import type { Timekeeper } from '../../engine/net/timekeeper.ts'
import type { Snapshot } from '../../engine/snapshot.ts'
import { isSame } from '../../engine/threads/same.ts'
import { ExpiryWarnings } from './expiry.ts'
import { type Filled, fillInTls, type PlacedCertificate, type PlacedProblem, watchedFiles } from './fill-in.ts'
import { describeProblem, isPassing } from './problems.ts'
import type { TlsFiles } from './tls-files.ts'

/**
 * Keeps what runs up with the files of its certificates: has those that have changed taken over, and says what is wrong with
 * those that cannot be.
 *
 *     resting ──a file changes──▶ looking ──as it was, or taken over──▶ resting
 *                 ▲                  │
 *                 └──a moment later──┴── half written, or a key that does not fit (yet): told when it stays so
 */

/** Certificate and key are two files: for that long, one may wait for the other without a word. */
const PATIENCE_MS = 5000
const RETRY_MS = 250
/** Between two tries to put in force what was refused. */
const REFUSED_RETRY_MS = 60_000

/** Between two looks at how long certificates last. */
const EXPIRY_LOOK_MS = 60 * 60 * 1000

/** What there is of a configuration in force. */
export interface TlsInForce {
  readonly snapshot: Snapshot
  readonly tls: TlsFiles
  readonly certificates: readonly PlacedCertificate[]
}

export interface KeeperOwner {
  /** What is in force while `change` runs stays so until that is through: no other configuration is taken over meanwhile. */
  alone<T>(change: (inForce: TlsInForce) => Promise<T>): Promise<T>
  /** Has it served from now on. Called within `alone`. Gives the number of the generation. */
  takeOver(filled: Filled): Promise<number>
  log(level: 'info' | 'warn' | 'error', fields: Record<string, unknown>, sentence: string): void
}

/** Whoever tells of changed files. */
export interface FileWatcher {
  follow(files: readonly string[], sinceMs: number): void
  close(): void
}

export interface KeeperOptions {
  readonly owner: KeeperOwner
  readonly time: Timekeeper
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number
  readonly watch: (onChange: () => void) => FileWatcher
}

export class CertificateKeeper {
  readonly #options: KeeperOptions
  readonly #watcher: FileWatcher
  readonly #warnings = new ExpiryWarnings()
  #problems: readonly PlacedProblem[] = []
  /** Why what was read could not be put in force; empty where it could. */
  #refusal = ''
  /** Lines that were logged, and still hold. */
  #told = new Set<string>()
  /** When something was wrong first that may mend itself; 0 for never. */
  #waitsSinceMs = 0
  #cancelRetry: () => void = () => {}
  #cancelExpiry: () => void = () => {}
  #isClosed = false
  /** The look that runs, and whether there is to be another. */
  #looking: Promise<void> | null = null
  #isDue = false

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#watcher = options.watch(() => void this.look())
  }

  /** What keeps certificates from being exchanged, or was left as it was; one line each. */
  get problems(): readonly string[] {
    const lines = this.#problems.filter(isError).map(describePlaced)
    return this.#refusal === '' ? lines : [...lines, this.#refusal]
  }

  /** A configuration is in force. `sinceMs`, since the epoch, is when its files were read at the earliest. */
  follow({ tls, certificates }: TlsInForce, sinceMs: number): void {
    if (this.#isClosed) return
    this.#problems = []
    this.#refusal = ''
    this.#told.clear()
    this.#waitsSinceMs = 0
    this.#watcher.follow(watchedFiles(tls), sinceMs)
    this.#warn(certificates)
  }

  close(): void {
    this.#isClosed = true
    this.#cancelRetry()
    this.#cancelExpiry()
    this.#watcher.close()
  }

  /** Reads the files anew, and has what is new taken over. Never twice at once; resolves when the last that is due is through. */
  look(): Promise<void> {
    this.#isDue = true
    this.#looking ??= this.#lookUntilDone().finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  async #lookUntilDone(): Promise<void> {
    while (this.#isDue && !this.#isClosed) {
      this.#isDue = false
      await this.#options.owner.alone(inForce => this.#lookOnce(inForce))
    }
  }

  async #lookOnce(inForce: TlsInForce): Promise<void> {
    if (this.#isClosed) return
    const filled = fillInTls(inForce.snapshot, inForce.tls, inForce.certificates)
    await this.#takeOver(inForce, filled)
    if (this.#waitsFor(filled.problems)) return
    this.#waitsSinceMs = 0
    this.#tell(filled.problems)
    if (this.#refusal !== '') this.#lookIn(REFUSED_RETRY_MS)
  }

  async #takeOver(inForce: TlsInForce, filled: Filled): Promise<void> {
    const { owner } = this.#options
    const refusal = this.#refusal
    this.#refusal = ''
    if (isSame(inForce.snapshot, filled.snapshot)) return
    try {
      const generation = await owner.takeOver(filled)
      this.#tellNew(inForce.certificates, filled.certificates, generation)
      this.#warn(filled.certificates)
    } catch (error) {
      if (this.#isClosed) return
      const reason = error instanceof Error ? error.message : String(error)
      this.#refusal = `changed certificates could not be put in force: ${reason}`
      if (this.#refusal !== refusal) owner.log('error', { reason }, `${this.#refusal}; those before go on`)
    }
  }

  /** Whether everything that is wrong may be right in a moment. */
  #waitsFor(problems: readonly PlacedProblem[]): boolean {
    const { time } = this.#options
    this.#cancelRetry()
    if (!problems.some(problem => isPassing(problem) && !this.#told.has(describePlaced(problem)))) return false
    if (this.#waitsSinceMs === 0) this.#waitsSinceMs = time.nowMs()
    if (time.nowMs() - this.#waitsSinceMs >= PATIENCE_MS) return false
    this.#lookIn(RETRY_MS)
    return true
  }

  #lookIn(delayMs: number): void {
    this.#cancelRetry = this.#options.time.after(delayMs, () => void this.look())
  }

  #tell(problems: readonly PlacedProblem[]): void {
    const { owner } = this.#options
    const lines = new Map(problems.map(problem => [describePlaced(problem), problem]))
    for (const [line, { severity, file, place }] of lines) {
      if (this.#told.has(line)) continue
      const goesOn = severity === 'error' ? '; what was there before goes on' : ''
      owner.log(severity === 'error' ? 'error' : 'warn', { file, [place.side]: place.name }, `${line}${goesOn}`)
    }
    if (this.#problems.some(isError) && !problems.some(isError)) {
      owner.log('info', {}, 'all files of certificates can be used again')
    }
    this.#told = new Set(lines.keys())
    this.#problems = problems
  }

  #tellNew(before: readonly PlacedCertificate[], after: readonly PlacedCertificate[], generation: number): void {
    const { owner } = this.#options
    const known = new Set(before.map(fingerprintAt))
    const changed = after.filter(certificate => !known.has(fingerprintAt(certificate)))
    for (const { place, file, facts } of changed) {
      const until = new Date(facts.notAfterMs).toISOString()
      const fields = { [place.side]: place.name, names: facts.names, file, notAfter: until, generation }
      owner.log('info', fields, `${placeText(place)}: new certificate for ${namesText(facts.names)}, until ${until}`)
    }
    if (changed.length > 0) return
    owner.log('info', { generation }, `generation ${generation}: files that belong to certificates have changed`)
  }

  #warn(certificates: readonly PlacedCertificate[]): void {
    const { owner, time, nowMs } = this.#options
    this.#cancelExpiry()
    for (const { certificate, isOver, daysLeft } of this.#warnings.due(certificates, nowMs())) {
      const { place, file, facts } = certificate
      const until = new Date(facts.notAfterMs).toISOString()
      const fields = { [place.side]: place.name, names: facts.names, file, notAfter: until, daysLeft }
      const about = `${placeText(place)}: the certificate for ${namesText(facts.names)}`
      if (isOver) owner.log('error', fields, `${about} has ended, on ${until}`)
      else
        owner.log(
          'warn',
          fields,
          `${about} ends ${daysLeft === 0 ? 'within a day' : `in ${inDays(daysLeft)}`}, on ${until}`,
        )
    }
    if (this.#isClosed || certificates.length === 0) return
    const ends = certificates.map(({ facts }) => facts.notAfterMs - nowMs()).filter(leftMs => leftMs > 0)
    const nextMs = Math.min(EXPIRY_LOOK_MS, ...ends)
    this.#cancelExpiry = time.after(nextMs, () => this.#warn(certificates))
  }
}

function isError({ severity }: PlacedProblem): boolean {
  return severity === 'error'
}

function inDays(days: number): string {
  return days === 1 ? '1 day' : `${days} days`
}

function fingerprintAt({ place, facts }: PlacedCertificate): string {
  return `${place.side} ${place.name} ${facts.fingerprint}`
}

function placeText({ side, name }: PlacedProblem['place']): string {
  return `${side} ${name}`
}

function describePlaced(problem: PlacedProblem): string {
  return `${placeText(problem.place)}: ${describeProblem(problem)}`
}

/** Some of many. */
function namesText(names: readonly string[]): string {
  if (names.length === 0) return 'no name'
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`
}
