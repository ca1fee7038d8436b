/**
 * The check of one endpoint, made again and again by the supervisor. It is part of the control plane, and uses Node's own
 * clients; they are imported with the first check, because `node:http` alone brings 15 MB that only those need who check
 * by HTTP.
 *
 *                start()                 due                     ended
 *     idle ─────────────────▶ waiting ─────────▶ checking ─────────────────▶ waiting ...
 *                                ▲                  │
 *                                └──────────────────┘ failed while this process stood still: again at once, not counted; for
 *                                                     want of a descriptor or a port: not counted either
 *     stop() from any of them: nothing is left, no timer and no socket, and nothing is told any more
 */
import { isShortage } from '../../net/shortage.ts'
import type { ActiveCheckSnapshot, Address } from '../../snapshot.ts'
import { type AttemptEnd, CheckAttempt, type CheckClock, SYSTEM_CLOCK } from './check-attempt.ts'
import { type CheckedUpstream, type CheckPlan, failure, type OpenProbe, planCheck } from './check-probe.ts'
import { CheckVerdict } from './check-verdict.ts'

/** What a check has found. */
export interface CheckResult {
  readonly passed: boolean
  /** What was answered, or why it failed: `status 200`, `status 503`, `timeout after 2s`, `ECONNREFUSED`. */
  readonly reason: string
  /** When it ended, in milliseconds since 1970. */
  readonly atMs: number
  readonly durationUs: number
}

/** Called when an endpoint has become healthy or unhealthy, with the reason of the check that made it so. */
export type CheckChange = (healthy: boolean, reason: string) => void

/** What a check takes from the outside: other than the system's for tests. */
export interface CheckEnvironment {
  readonly clock: CheckClock
  /** From 0 to less than 1. */
  readonly random: () => number
  /** Imports what makes checks of a type. */
  readonly load: (settings: ActiveCheckSnapshot) => Promise<OpenProbe>
}

/** First checks are spread over so many milliseconds, or over an interval that is shorter. */
const SPREAD_MS = 100

/** Failures in a row that are not counted because the event loop stood still. Then they count. */
const REPEATS_MAX = 3

const SYSTEM: CheckEnvironment = { clock: SYSTEM_CLOCK, random: Math.random, load: loadProbe }

const IDLE = 0
const RUNNING = 1
const STOPPED = 2

export class ActiveCheck {
  readonly #plan: CheckPlan
  readonly #verdict: CheckVerdict
  readonly #onChange: CheckChange
  readonly #environment: CheckEnvironment
  #state = IDLE
  #open: OpenProbe | null = null
  #stopWaiting: (() => void) | null = null
  #attempt: CheckAttempt | null = null
  #startedAtMs = 0
  #repeats = 0
  #lastResult: CheckResult | null = null
  /** Told of every check that counted, before `onChange`; `null` for nobody. */
  onResult: ((result: CheckResult) => void) | null = null

  /**
   * @param address An IP address and port, or a unix socket. The check's own port, if it has one, takes the place of the
   *   endpoint's; unix sockets have none.
   * @param host What `Host` says unless the settings say otherwise, and with its port left out the name that a
   *   certificate must be for.
   * @param upstream How requests to the endpoint are encrypted, for checks over HTTPS, and what their connections begin with.
   * @throws SyntaxError where `settings.content` is no regular expression; RangeError where `settings.send` or
   *   `settings.expect` have characters past U+00FF: each stands for one byte.
   */
  constructor(
    settings: ActiveCheckSnapshot,
    address: Address,
    host: string,
    onChange: CheckChange,
    upstream?: CheckedUpstream,
    environment: CheckEnvironment = SYSTEM,
  ) {
    this.#plan = planCheck(settings, address, host, upstream)
    this.#verdict = new CheckVerdict(settings.start, settings.healthyThreshold, settings.unhealthyThreshold)
    this.#onChange = onChange
    this.#environment = environment
  }

  get healthy(): boolean {
    return this.#verdict.healthy
  }

  /** Of the last check that was counted; `null` before the first has ended. */
  get lastResult(): CheckResult | null {
    return this.#lastResult
  }

  /** Begins with a check at once (within 100 ms at random, so that not all endpoints are checked together). Once only. */
  start(): void {
    if (this.#state !== IDLE) return
    this.#state = RUNNING
    const spreadMs = Math.min(SPREAD_MS, this.#plan.settings.intervalMs)
    this.#wait(spreadMs * this.#environment.random())
  }

  /** Ends all of it, a check under way too. A stopped check is not started again. */
  stop(): void {
    this.#state = STOPPED
    this.#stopWaiting?.()
    this.#stopWaiting = null
    this.#attempt?.cancel()
    this.#attempt = null
  }

  #wait(milliseconds: number): void {
    this.#stopWaiting = this.#environment.clock.after(milliseconds, () => this.#check())
  }

  #check(): void {
    this.#stopWaiting = null
    const { clock } = this.#environment
    this.#startedAtMs = clock.nowMs()
    if (this.#open === null) void this.#load()
    else this.#attempt = new CheckAttempt(this.#open, this.#plan, clock, end => this.#onEnd(end))
  }

  async #load(): Promise<void> {
    let reason = ''
    try {
      this.#open = await this.#environment.load(this.#plan.settings)
    } catch (error) {
      reason = (error as Error).message
    }
    if (this.#state === STOPPED) return
    if (this.#open === null) this.#onEnd({ outcome: failure(reason), durationUs: 0, stalled: false })
    else this.#check()
  }

  #onEnd({ outcome, durationUs, stalled }: AttemptEnd): void {
    this.#attempt = null
    const { passed, reason } = outcome
    if (!passed && isShortage(reason, this.#plan.address)) {
      this.#wait(this.#untilNextMs())
      return
    }
    if (!passed && stalled && this.#repeats < REPEATS_MAX) {
      this.#repeats += 1
      this.#wait(0)
      return
    }
    this.#repeats = 0
    this.#lastResult = { passed, reason, atMs: Date.now(), durationUs }
    const hasChanged = this.#verdict.take(passed)
    this.#wait(this.#untilNextMs())
    // Last, because the owner may stop the check from there.
    this.onResult?.(this.#lastResult)
    if (hasChanged && this.#state === RUNNING) this.#onChange(passed, reason)
  }

  /** An interval after the start of the last check, or at once where that took longer. */
  #untilNextMs(): number {
    const { intervalMs, jitter } = this.#plan.settings
    const { clock, random } = this.#environment
    const pauseMs = intervalMs * (1 + jitter * (2 * random() - 1))
    return Math.max(0, this.#startedAtMs + pauseMs - clock.nowMs())
  }
}

async function loadProbe({ type, protocol }: ActiveCheckSnapshot): Promise<OpenProbe> {
  switch (type) {
    case 'http':
      return protocol === 'h2' || protocol === 'h2c'
        ? (await import('./check-http2.ts')).openHttp2Probe
        : (await import('./check-http.ts')).openHttpProbe
    case 'https':
      return (await import('./check-https.ts')).openHttpsProbe
    case 'tcp':
      return (await import('./check-tcp.ts')).openTcpProbe
    case 'udp':
      return (await import('./check-udp.ts')).openUdpProbe
    case 'grpc':
      return (await import('./check-grpc.ts')).openGrpcProbe
  }
}
