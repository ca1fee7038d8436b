/**
 * Keeps names fresh in the background: each is looked up when its TTL is over, and whoever watches it hears of it when the
 * set of addresses has changed. Control plane: it runs in the supervisor.
 *
 * Nothing that fails takes anything away. A name that does not resolve any more, be it that servers are silent or that they
 * say it does not exist, keeps its last good answer: an address that is dead is found out by health checks and by requests,
 * and a zone that is broken must not take a service down that works. A service whose record denies it (target `.`) is told
 * as it is: somebody has said so on purpose.
 *
 *              ┌──────────── TTL over (a little before, at random) ◀────────┐
 *     watch ─▶ look-up ─▶ good: onChange if it differs, onRecovered if it had failed
 *              ▲      └─▶ failed: onError if it had not failed before
 *              └── 1 s, 2 s, 4 s ... 30 s ◀─┘
 */

import { ResolveError } from '../net/resolve-error.ts'
import type { Answer, ResolverOptions, ServiceAnswer } from '../net/resolver.ts'
import { Resolver } from '../net/resolver.ts'
import { SYSTEM_TIME, type Timekeeper } from '../net/timekeeper.ts'
import type { ResolverSnapshot, ServiceName } from '../snapshot.ts'

/** The pause after the first failure; each one after another failure is twice as long. */
const PAUSE_MS = 1000

/** The longest pause; `ttlMaxMs` is a bound too. */
const PAUSE_MS_MAX = 30_000

/** The share of a TTL, or of a pause, that is left out at random, so that not all names are asked for at once. */
const JITTER = 0.1

/** No name is asked for more often, whatever its TTL says. */
const INTERVAL_MS_MIN = 50

/** Who watches a name. What it throws is a mistake of ours: it ends the process, like every uncaught exception. */
export interface NameOwner<A extends Answer | ServiceAnswer> {
  /** The first answer, and every one that differs from the one before in more than its TTL. */
  onChange(answer: A): void
  /** The first failure of all, or after a good answer; those that follow are not told. The last good answer goes on. */
  onError(error: ResolveError): void
  /** The first good answer after a failure that was told; after `onChange`, where that is called too. */
  onRecovered(): void
}

/** What `watchHost` and `watchService` give. */
export interface WatchedName {
  /** Its owner hears no more. */
  close(): void
}

export interface NameWatchOptions extends ResolverOptions {
  /** As `Math.random`. */
  readonly random?: () => number
}

/** The names of all upstreams. One can be watched by many owners; those with the same settings share its look-ups. */
export class NameWatch {
  readonly #options: NameWatchOptions
  readonly #pace: Pace
  /** By their settings. */
  readonly #resolvers = new Map<string, Resolver>()
  readonly #names = new Set<WatchedName & Pending>()
  #closed = false

  constructor(options: NameWatchOptions = {}) {
    this.#options = options
    this.#pace = { time: options.time ?? SYSTEM_TIME, random: options.random ?? Math.random }
  }

  /**
   * Looks the addresses of a host up, at once and again and again. The owner is not called before this has returned.
   * Throws `TypeError` for a DNS server that is not an IP address.
   */
  watchHost(host: string, settings: ResolverSnapshot, owner: NameOwner<Answer>): WatchedName {
    const resolver = this.#resolver(settings)
    return this.#watch(host, settings, owner, fresh => resolver.addresses(host, { fresh }))
  }

  /** The same for the hosts of a service. */
  watchService(name: ServiceName, settings: ResolverSnapshot, owner: NameOwner<ServiceAnswer>): WatchedName {
    const resolver = this.#resolver(settings)
    return this.#watch(name.service, settings, owner, fresh => resolver.service(name, { fresh }))
  }

  /**
   * For the start: resolves when each name that is watched by now has been answered or has failed, at the latest after
   * `deadlineMs`. By then its owner has been told one or the other; what comes later is told later. Never rejects.
   */
  async resolveAll(deadlineMs: number): Promise<void> {
    const names = [...this.#names]
    await new Promise<void>(resolve => {
      const forget = this.#pace.time.after(deadlineMs, resolve)
      Promise.all(names.map(name => name.first)).then(() => {
        forget()
        resolve()
      })
    })
    for (const name of names) name.expectNoMore()
  }

  /** Ends everything; no timer and no socket stays behind, and no owner is called any more. */
  close(): void {
    this.#closed = true
    for (const name of this.#names) name.close()
    for (const resolver of this.#resolvers.values()) resolver.close()
  }

  #watch<A extends Answer | ServiceAnswer>(
    name: string,
    settings: ResolverSnapshot,
    owner: NameOwner<A>,
    ask: (fresh: boolean) => Promise<A>,
  ): WatchedName {
    if (this.#closed) throw new Error(`${name}: names are not watched any more`)
    const pauseMsMax = Math.min(PAUSE_MS_MAX, settings.ttlMaxMs)
    const watched = new Watched(name, pauseMsMax, owner, ask, this.#pace, () => this.#names.delete(watched))
    this.#names.add(watched)
    return watched
  }

  #resolver(settings: ResolverSnapshot): Resolver {
    const { addresses, ttlMinMs, ttlMaxMs, timeoutMs } = settings
    const key = JSON.stringify([addresses, ttlMinMs, ttlMaxMs, timeoutMs])
    const existing = this.#resolvers.get(key)
    if (existing !== undefined) return existing
    const resolver = new Resolver(settings, this.#options)
    this.#resolvers.set(key, resolver)
    return resolver
  }
}

/** When things are done: the same for all names. */
interface Pace {
  readonly time: Timekeeper
  readonly random: () => number
}

interface Pending {
  /** Resolves with the first outcome, or when it is closed. */
  readonly first: Promise<void>
  /** Without an outcome so far, it counts as failed. */
  expectNoMore(): void
}

class Watched<A extends Answer | ServiceAnswer> implements WatchedName, Pending {
  readonly first: Promise<void>
  readonly #name: string
  readonly #pauseMsMax: number
  readonly #owner: NameOwner<A>
  readonly #ask: (fresh: boolean) => Promise<A>
  readonly #pace: Pace
  readonly #onClose: () => void
  #settleFirst: (() => void) | null
  #forget: (() => void) | null = null
  /** The last good answer, as text. */
  #known = ''
  #failures = 0
  /** The owner knows that it has failed. */
  #told = false
  #closed = false

  constructor(
    name: string,
    pauseMsMax: number,
    owner: NameOwner<A>,
    ask: (fresh: boolean) => Promise<A>,
    pace: Pace,
    onClose: () => void,
  ) {
    this.#name = name
    this.#pauseMsMax = pauseMsMax
    this.#owner = owner
    this.#ask = ask
    this.#pace = pace
    this.#onClose = onClose
    const { promise, resolve } = Promise.withResolvers<void>()
    this.first = promise
    this.#settleFirst = resolve
    this.#look(false)
  }

  expectNoMore(): void {
    if (!this.#closed && this.#settleFirst !== null) this.#tell(new ResolveError(this.#name, 'ETIMEDOUT'))
  }

  close(): void {
    this.#closed = true
    this.#forget?.()
    this.#settleFirst?.()
    this.#onClose()
  }

  #look(fresh: boolean): void {
    this.#ask(fresh).then(
      answer => this.#answered(answer),
      (error: unknown) => this.#failed(ResolveError.of(this.#name, error)),
    )
  }

  #answered(answer: A): void {
    if (this.#closed) return
    this.#failures = 0
    this.#schedule(answer.ttlMs)
    const text = JSON.stringify({ ...answer, ttlMs: 0 })
    const hasChanged = text !== this.#known
    const hasRecovered = this.#told
    this.#known = text
    this.#told = false
    this.#settle()
    if (hasChanged) this.#owner.onChange(answer)
    if (hasRecovered && !this.#closed) this.#owner.onRecovered()
  }

  #failed(error: ResolveError): void {
    if (this.#closed) return
    this.#schedule(Math.min(this.#pauseMsMax, PAUSE_MS * 2 ** this.#failures))
    this.#failures += 1
    this.#settle()
    this.#tell(error)
  }

  #tell(error: ResolveError): void {
    if (this.#told) return
    this.#told = true
    this.#owner.onError(error)
  }

  /** Whoever waits for the first outcome goes on when the owner has heard of it, a turn later. */
  #settle(): void {
    this.#settleFirst?.()
    this.#settleFirst = null
  }

  #schedule(delayMs: number): void {
    if (delayMs === Number.POSITIVE_INFINITY) return
    const { time, random } = this.#pace
    const earlier = delayMs * (1 - JITTER * random())
    this.#forget = time.after(Math.max(INTERVAL_MS_MIN, earlier), () => this.#look(true))
  }
}
