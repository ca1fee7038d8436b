/**
 * Finds the addresses of names and the hosts of services (RFC 2782), and remembers them for as long as their TTL says.
 * Control plane: it runs in the supervisor, and no request ever waits for it.
 *
 * With servers of its own, those and nobody else are asked. Without, it answers as the system would: `/etc/hosts` first,
 * then the system's DNS servers (asked here, because only so is a TTL known), and what those do not know is left to
 * `getaddrinfo`, which knows search domains and whatever else the machine is set up for. So a name is asked for as it
 * stands before any search domain is tried.
 *
 *     IP literal ─▶ itself     cached ─▶ its answer     under way ─▶ joined
 *     hosts file ─▶ DNS: A and AAAA at once ─▶ getaddrinfo ─▶ ResolveError
 *     (system's only)                          (system's only)
 */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { ResolverSnapshot, ServiceName } from '../snapshot.ts'
import { canonicalName, HostsFile } from './hosts-file.ts'
import { Lookups } from './lookups.ts'
import { NameServers, type Question } from './name-servers.ts'
import { ResolveError } from './resolve-error.ts'
import { SYSTEM_TIME, type Timekeeper } from './timekeeper.ts'

/**
 * What has no TTL (the hosts file, `getaddrinfo`, a service without hosts), and what is known in part only because a
 * server has failed, counts for so long, within the bounds.
 */
const UNKNOWN_TTL_MS = 5000

/** The addresses of a host. */
export interface Answer {
  /** IP literals, each once, IPv4 first, in a fixed order: the same set is the same array. Never empty. */
  readonly addresses: readonly string[]
  /** Milliseconds for which it still counts; `Infinity` for an IP literal. */
  readonly ttlMs: number
}

export interface ServiceTarget {
  /** In lower case, without a dot at its end. */
  readonly host: string
  readonly port: number
  /** 0 to 65535. Hosts with the lowest are to be used, others when those cannot be. */
  readonly priority: number
  /** 0 to 65535. The share among those of the same priority; 0 for next to nothing. */
  readonly weight: number
  /** The host's, as in `Answer`. */
  readonly addresses: readonly string[]
}

/** The hosts of a service. */
export interface ServiceAnswer {
  /** By priority, host, port: the same set is the same array. Empty only where the record denies the service (`.`). */
  readonly targets: readonly ServiceTarget[]
  /** Milliseconds for which it still counts: the shortest of its hosts'. Node does not tell the record's own. */
  readonly ttlMs: number
}

export interface LookupOptions {
  /** Ends the wait of this caller, with `ECANCELLED`; the look-up goes on for others. */
  readonly signal?: AbortSignal
  /** Asks even though a cached answer still counts. A look-up under way is joined all the same. */
  readonly fresh?: boolean
}

/** What the machine gives, for who wants it otherwise. */
export interface ResolverOptions {
  readonly time?: Timekeeper
  /** `/etc/hosts` */
  readonly hostsPath?: string
  /** In place of those that the system asks, e.g. `10.0.0.53:53`. */
  readonly systemServers?: readonly string[]
}

/** A part of an answer: what one family, or one host of a service, comes to. */
interface Part extends Answer {
  readonly error: ResolveError | null
}

interface TimedAddress {
  readonly address: string
  /** In seconds. */
  readonly ttl: number
}

export class Resolver {
  readonly #settings: ResolverSnapshot
  readonly #time: Timekeeper
  readonly #servers: NameServers
  /** `null` where servers of its own are asked. */
  readonly #hostsFile: HostsFile | null
  readonly #hosts: Lookups<Answer>
  readonly #services: Lookups<ServiceAnswer>
  readonly #systemLookups = new Map<string, Promise<string[]>>()
  readonly #closing = new AbortController()

  /** Throws `TypeError` for a server that is not an IP address. Nothing is asked, and nothing opened, before a look-up. */
  constructor(settings: ResolverSnapshot, options: ResolverOptions = {}) {
    const { time = SYSTEM_TIME, hostsPath = '/etc/hosts', systemServers = null } = options
    const isSystem = settings.addresses.length === 0
    this.#settings = settings
    this.#time = time
    this.#hostsFile = isSystem ? new HostsFile(hostsPath) : null
    // The system's are given half of the time, so that there is some left for `getaddrinfo`.
    const budgetMs = isSystem ? settings.timeoutMs / 2 : settings.timeoutMs
    this.#servers = new NameServers(isSystem ? systemServers : settings.addresses, budgetMs, time)
    this.#hosts = new Lookups(time)
    this.#services = new Lookups(time)
  }

  /**
   * All addresses of a host, IPv4 and IPv6. If one family cannot be had for now (a server fails, or is silent for longer
   * than `timeoutMs`), its last good addresses go on, and the other's are the answer if it has none.
   * Rejects with `ResolveError`, at the latest after `timeoutMs`.
   */
  addresses(host: string, { signal, fresh = false }: LookupOptions = {}): Promise<Answer> {
    if (isIP(host) !== 0) return Promise.resolve({ addresses: [host], ttlMs: Number.POSITIVE_INFINITY })
    const name = canonicalName(host)
    if (name === '') return Promise.reject(new ResolveError(host, 'EBADNAME'))
    return this.#await(host, signal, () => this.#hosts.find(name, fresh, () => this.#lookUpHost(name)))
  }

  /**
   * The hosts of a service with their addresses. A host that does not resolve is left out, unless it did before and a
   * server has failed: then its last good addresses go on. Rejects with `ResolveError` when there is no such service, or
   * none of its hosts resolves; at the latest after `timeoutMs`.
   */
  service({ service }: ServiceName, { signal, fresh = false }: LookupOptions = {}): Promise<ServiceAnswer> {
    const name = canonicalName(service)
    if (name === '') return Promise.reject(new ResolveError(service, 'EBADNAME'))
    return this.#await(service, signal, () => this.#services.find(name, fresh, () => this.#lookUpService(name, fresh)))
  }

  /**
   * Ends every look-up under way with `ECANCELLED`, and every later one; no socket and no timer stays behind. Only what
   * `getaddrinfo` does ends when the system likes, and nobody hears of it.
   */
  close(): void {
    this.#closing.abort()
    this.#servers.close()
  }

  async #await<A>(name: string, signal: AbortSignal | undefined, find: () => Promise<A>): Promise<A> {
    const { signal: closing } = this.#closing
    const signals = signal === undefined ? closing : AbortSignal.any([signal, closing])
    if (signals.aborted) throw new ResolveError(name, 'ECANCELLED')
    return this.#within(name, Number.POSITIVE_INFINITY, find(), signals)
  }

  /** Settles as `promise` does, but with `ETIMEDOUT` after `limitMs`, and with `ECANCELLED` by the signal. */
  #within<T>(name: string, limitMs: number, promise: Promise<T>, signal = this.#closing.signal): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancelled = () => end(() => reject(new ResolveError(name, 'ECANCELLED')))
      const late = () => end(() => reject(new ResolveError(name, 'ETIMEDOUT')))
      const forget = limitMs === Number.POSITIVE_INFINITY ? null : this.#time.after(limitMs, late)
      const end = (settle: () => void) => {
        forget?.()
        signal.removeEventListener('abort', cancelled)
        settle()
      }
      signal.addEventListener('abort', cancelled)
      promise.then(
        value => end(() => resolve(value)),
        (error: unknown) => end(() => reject(ResolveError.of(name, error))),
      )
    })
  }

  async #lookUpHost(name: string): Promise<Answer> {
    const endMs = this.#time.nowMs() + this.#settings.timeoutMs
    const listed = (await this.#hostsFile?.find(name)) ?? []
    if (listed.length > 0) return this.#undated(listed)
    const failure = await this.#lookUpAddresses(name, endMs)
    if (!(failure instanceof ResolveError)) return failure
    if (this.#hostsFile === null || failure.code === 'EBADNAME') throw failure
    if (this.#closing.signal.aborted) throw failure
    try {
      return this.#undated(await this.#within(name, this.#leftMs(endMs), this.#systemLookup(name)))
    } catch (error) {
      throw failure.isDefinite ? error : failure
    }
  }

  /** By DNS. Never rejects. */
  async #lookUpAddresses(name: string, endMs: number): Promise<Answer | ResolveError> {
    // Names of this machine are nothing to ask the network for (RFC 6761, section 6.3).
    if (this.#hostsFile !== null && /(?:^|\.)localhost$/.test(name)) return new ResolveError(name, 'ENOTFOUND')
    const [ipv4, ipv6] = await Promise.all([
      this.#family(name, endMs, channel => channel.resolve4(name, { ttl: true })),
      this.#family(name, endMs, channel => channel.resolve6(name, { ttl: true })),
    ])
    if (ipv4.error === null || ipv6.error === null) return this.#joined(name, ipv4, ipv6)
    return ipv4.error.isDefinite ? ipv6.error : ipv4.error
  }

  /** Never rejects. */
  async #family(name: string, endMs: number, question: Question<TimedAddress[]>): Promise<Part> {
    try {
      const found = await this.#ask(name, endMs, question)
      if (found.length === 0) throw new ResolveError(name, 'ENODATA')
      const ttlMs = Math.min(...found.map(({ ttl }) => ttl)) * 1000
      return { error: null, addresses: found.map(({ address }) => address), ttlMs }
    } catch (error) {
      const failure = ResolveError.of(name, error)
      return { error: failure, addresses: [], ttlMs: failure.isDefinite ? Number.POSITIVE_INFINITY : UNKNOWN_TTL_MS }
    }
  }

  /** What is left of the time, but for half of it where `getaddrinfo` may have to be asked afterwards. */
  #ask<T>(name: string, endMs: number, question: Question<T>): Promise<T> {
    const limitMs = this.#hostsFile === null ? this.#leftMs(endMs) : this.#leftMs(endMs) / 2
    return this.#within(name, limitMs, this.#servers.ask(name, question, limitMs))
  }

  /** At least one of them has addresses. The last good ones of one that has failed go on. */
  #joined(name: string, ipv4: Part, ipv6: Part): Answer {
    const last = this.#hosts.last(name)?.addresses ?? []
    const lost = (family: Part) => family.error !== null && !family.error.isDefinite
    const kept = last.filter(address => lost(isIP(address) === 4 ? ipv4 : ipv6))
    const addresses = inOrder([...ipv4.addresses, ...ipv6.addresses, ...kept])
    return { addresses, ttlMs: this.#bounded(Math.min(ipv4.ttlMs, ipv6.ttlMs)) }
  }

  /** `getaddrinfo` takes as long as the system likes and cannot be stopped: it is asked once at a time for a name. */
  #systemLookup(name: string): Promise<string[]> {
    const underWay = this.#systemLookups.get(name)
    if (underWay !== undefined) return underWay
    const started = lookup(name, { all: true, order: 'verbatim' })
      .then(found => found.map(({ address }) => address))
      .finally(() => this.#systemLookups.delete(name))
    this.#systemLookups.set(name, started)
    return started
  }

  async #lookUpService(name: string, fresh: boolean): Promise<ServiceAnswer> {
    const endMs = this.#time.nowMs() + this.#settings.timeoutMs
    const records = await this.#ask(name, endMs, channel => channel.resolveSrv(name))
    const named = records
      .map(({ name: host, ...record }) => ({ ...record, host: canonicalName(host) }))
      .filter(record => record.host !== '' && record.port !== 0)
    if (records.length > 0 && named.length === 0) return { targets: [], ttlMs: this.#bounded(UNKNOWN_TTL_MS) }
    const hosts = [...new Set(named.map(record => record.host))]
    const found = await Promise.all(hosts.map(host => this.#target(host, endMs, fresh)))
    const targets = named.flatMap(({ host, port, priority, weight }) => {
      const addresses = found[hosts.indexOf(host)]?.addresses ?? []
      return addresses.length === 0 ? [] : [{ host, port, priority, weight, addresses }]
    })
    const failure = found.find(({ error }) => error !== null)?.error
    if (targets.length === 0) throw new ResolveError(name, failure?.code ?? 'ENODATA', failure?.message)
    const ttlMs = Math.min(...found.map(part => part.ttlMs))
    return { targets: targets.toSorted(byPlace), ttlMs: Number.isFinite(ttlMs) ? ttlMs : this.#bounded(UNKNOWN_TTL_MS) }
  }

  /** Never rejects. */
  async #target(host: string, endMs: number, fresh: boolean): Promise<Part> {
    try {
      return { error: null, ...(await this.#within(host, this.#leftMs(endMs), this.addresses(host, { fresh }))) }
    } catch (error) {
      const failure = ResolveError.of(host, error)
      if (failure.isDefinite) return { error: failure, addresses: [], ttlMs: Number.POSITIVE_INFINITY }
      const addresses = this.#hosts.last(host)?.addresses ?? []
      return { error: failure, addresses, ttlMs: this.#bounded(UNKNOWN_TTL_MS) }
    }
  }

  #leftMs(endMs: number): number {
    return Math.max(0, endMs - this.#time.nowMs())
  }

  #undated(addresses: readonly string[]): Answer {
    return { addresses: inOrder(addresses), ttlMs: this.#bounded(UNKNOWN_TTL_MS) }
  }

  #bounded(ttlMs: number): number {
    return Math.min(this.#settings.ttlMaxMs, Math.max(this.#settings.ttlMinMs, ttlMs))
  }
}

/** IPv4 first, so that a host with both begins with what every machine can reach. */
function inOrder(addresses: readonly string[]): string[] {
  return [...new Set(addresses)].toSorted((a, b) => isIP(a) - isIP(b) || compare(a, b))
}

function byPlace(a: ServiceTarget, b: ServiceTarget): number {
  return a.priority - b.priority || compare(a.host, b.host) || a.port - b.port || a.weight - b.weight
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
