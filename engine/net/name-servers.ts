/**
 * DNS servers that stand in for each other. A question goes to the one that answered last; when that one says that it
 * fails, the next is asked at once, and when it stays silent, the next is asked beside it. c-ares, left alone with several
 * servers, takes a failure (SERVFAIL, REFUSED) for the answer and has deadlines that add up to more than ours; so each
 * server has a channel of its own here, on which c-ares sends again what may have got lost.
 */
import { Resolver as Channel } from 'node:dns/promises'
import { isIP } from 'node:net'
import { ResolveError } from './resolve-error.ts'
import type { Timekeeper } from './timekeeper.ts'

/** How often a channel sends a question, with pauses that double, before it says that the server is silent. */
const SENDINGS = 3

/** The pauses of a channel in units of the first: 1 + 2 + 4. */
const PAUSES = 2 ** SENDINGS - 1

/** The longest time that passes before the next server is asked beside a silent one. */
const PATIENCE_MS_MAX = 1000

/** Questions under way at once; more of them wait. Far more would overflow the socket buffers of a server, or ours. */
const QUESTIONS_MAX = 128

/** `10.0.0.53`, `10.0.0.53:5353`, `[::1]`, `[::1]:53`. */
const SERVER = /^(?:\[([^\]]+)\]|([^:]+))(?::([0-9]{1,5}))?$/

function isServerAddress(text: string): boolean {
  const [, ipv6, ipv4, port] = SERVER.exec(text) ?? []
  const isHost = ipv6 === undefined ? isIP(ipv4 ?? '') === 4 : isIP(ipv6) === 6
  return isHost && (port === undefined || (Number(port) >= 1 && Number(port) <= 65_535))
}

/** Asks one server, e.g. `channel => channel.resolveSrv('_http._tcp.api.internal')`. */
export type Question<T> = (channel: Channel) => Promise<T>

export class NameServers {
  readonly #isSystem: boolean
  readonly #time: Timekeeper
  /** Of a channel: the first pause. */
  readonly #pauseMs: number
  readonly #channels = new Map<string, Channel>()
  #servers: readonly string[]
  /** The server that answered last. */
  #preferred = ''
  #free = QUESTIONS_MAX
  readonly #waiting: (() => void)[] = []
  #closed = false

  /**
   * `servers`: `null` for the system's. `budgetMs`: what a question is given as a rule.
   * Throws `TypeError` for a server that is not an IP address.
   */
  constructor(servers: readonly string[] | null, budgetMs: number, time: Timekeeper) {
    for (const server of servers ?? []) if (!isServerAddress(server)) throw badServer(server)
    this.#isSystem = servers === null
    this.#servers = servers ?? new Channel().getServers()
    this.#pauseMs = Math.ceil(budgetMs / PAUSES)
    this.#time = time
  }

  /**
   * Rejects with `ResolveError`: what a server has answered (e.g. no such name), or how the last one to fail has failed.
   * When it gets its turn after `limitMs`, it is not asked any more.
   */
  async ask<T>(name: string, question: Question<T>, limitMs: number): Promise<T> {
    const endMs = this.#time.nowMs() + limitMs
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>(resolve => this.#waiting.push(resolve))
    try {
      if (this.#closed) throw new ResolveError(name, 'ECANCELLED')
      return await this.#inquire(name, question, endMs - this.#time.nowMs())
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free += 1
      else next()
    }
  }

  /** Ends what is under way, and its sockets, with `ECANCELLED`. */
  close(): void {
    this.#closed = true
    for (const channel of this.#channels.values()) channel.cancel()
  }

  async #inquire<T>(name: string, question: Question<T>, leftMs: number): Promise<T> {
    if (leftMs <= 0) throw new ResolveError(name, 'ETIMEDOUT')
    const servers = this.#inOrder()
    const inquiry = new Inquiry(name, servers, async server => question(this.#channel(server)), leftMs, this.#time)
    try {
      return await inquiry.answer
    } catch (error) {
      // The machine may have got other servers meanwhile.
      if (this.#isSystem && !ResolveError.of(name, error).isDefinite) this.#servers = new Channel().getServers()
      throw error
    } finally {
      this.#preferred = inquiry.answeredBy ?? this.#preferred
    }
  }

  #inOrder(): string[] {
    const others = this.#servers.filter(server => server !== this.#preferred)
    return others.length === this.#servers.length ? others : [this.#preferred, ...others]
  }

  #channel(server: string): Channel {
    const existing = this.#channels.get(server)
    if (existing !== undefined) return existing
    const channel = new Channel({ timeout: this.#pauseMs, tries: SENDINGS })
    channel.setServers([server])
    this.#channels.set(server, channel)
    return channel
  }
}

function badServer(server: string): TypeError {
  return new TypeError(`${server}: a DNS server is named by its IP address, e.g. 10.0.0.53, 10.0.0.53:5353 or [::1]:53`)
}

/** One question on its way through the servers. */
class Inquiry<T> {
  readonly answer: Promise<T>
  answeredBy: string | null = null
  readonly #name: string
  readonly #servers: string[]
  readonly #askServer: (server: string) => Promise<T>
  readonly #time: Timekeeper
  readonly #patienceMs: number
  readonly #endBudget: () => void
  #endPatience: () => void = () => undefined
  readonly #resolve: (answer: T) => void
  readonly #reject: (error: ResolveError) => void
  #asking = 0
  #done = false

  constructor(
    name: string,
    servers: string[],
    askServer: (server: string) => Promise<T>,
    budgetMs: number,
    time: Timekeeper,
  ) {
    this.#name = name
    this.#servers = servers
    this.#askServer = askServer
    this.#time = time
    this.#patienceMs = Math.min(PATIENCE_MS_MAX, budgetMs / (2 * servers.length))
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.answer = promise
    this.#resolve = resolve
    this.#reject = reject
    this.#endBudget = time.after(budgetMs, () => this.#fail(new ResolveError(name, 'ETIMEDOUT')))
    this.#askNext(new ResolveError(name, 'ECONNREFUSED'))
  }

  /** `failure` is what counts when there is nobody left to ask. */
  #askNext(failure: ResolveError | null): void {
    this.#endPatience()
    const server = this.#servers.shift()
    if (server === undefined) {
      if (this.#asking === 0 && failure !== null) this.#fail(failure)
      return
    }
    this.#asking += 1
    this.#endPatience = this.#time.after(this.#patienceMs, () => this.#askNext(null))
    this.#askServer(server).then(
      answer => this.#answered(server, () => this.#resolve(answer)),
      (error: unknown) => this.#refused(server, ResolveError.of(this.#name, error)),
    )
  }

  #refused(server: string, error: ResolveError): void {
    if (this.#done) return
    if (error.isDefinite) {
      this.#answered(server, () => this.#reject(error))
      return
    }
    if (error.code === 'ECANCELLED') {
      this.#fail(error)
      return
    }
    this.#asking -= 1
    // A silent one is asked again as long as there is time; one that has failed would fail again.
    if (error.code === 'ETIMEDOUT') this.#servers.push(server)
    this.#askNext(error)
  }

  #answered(server: string, settle: () => void): void {
    if (this.#done) return
    this.#end()
    this.answeredBy = server
    settle()
  }

  #fail(error: ResolveError): void {
    if (this.#done) return
    this.#end()
    this.#reject(error)
  }

  #end(): void {
    this.#done = true
    this.#endBudget()
    this.#endPatience()
  }
}
