/**
 * Which endpoint a flow goes to, and which next when that comes to nothing.
 *
 *     enter ──▶ next ──▶ a try ──▶ leave
 *       │       ▲ │        │ comes to nothing: `mayRetry`
 *       │       │ │        │
 *       │       └─┼────────┘
 *       ▼         ▼
 *     refused   nobody: `lack`, and `codeWithout` for the log
 */
import { stampOf } from '../shared/clock.ts'
import { RETRIES_TOTAL } from '../shared/state-page.ts'
import { REFUSED_BY_CIRCUIT, TRIAL } from '../upstream/admission.ts'
import { NORMAL } from '../upstream/concurrency-limit.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import type { Lack, Upstream } from '../upstream/upstream.ts'
import type { FlowErrorCode } from './errors.ts'
import type { FlowContext } from './flow-context.ts'
import { FlowTry } from './flow-try.ts'

export class FlowTries {
  readonly #context: FlowContext
  readonly upstream: Upstream
  /** What balancers spread by: the client's address, without its port. */
  readonly #key: string
  /** What `Admission.enter` gave; 0 before and behind. */
  #admission = 0
  /** Endpoints that the flow has been to in vain; `null` for none. */
  #tried: Set<Endpoint> | null = null
  /** The last one. */
  latest: FlowTry | null = null
  /** Tries beyond the first. */
  retries = 0
  /** Why the last `next` gave `null`. */
  lack: Lack = 'none'

  constructor(context: FlowContext, upstream: Upstream, key: string) {
    this.#context = context
    this.upstream = upstream
    this.#key = key
  }

  /** It has been to some endpoint in vain. */
  get hasTried(): boolean {
    return this.#tried !== null
  }

  /** Before anything else. Empty, or why the upstream takes no flow now; then nothing else is called. `nowMs` is `performance.now()`. */
  enter(nowMs: number): FlowErrorCode | '' {
    const admission = this.upstream.admission.enter(NORMAL, nowMs)
    if (admission < 0) return admission === REFUSED_BY_CIRCUIT ? 'upstream_circuit_open' : 'upstream_overloaded'
    this.#admission = admission
    return ''
  }

  /** Begins a try on an endpoint that has room, and that it has not been to; `null` where there is none: see `lack`. */
  next(nowMs: number): FlowTry | null {
    const { upstream } = this
    let passed: ReadonlySet<Endpoint> | null = this.#tried
    for (;;) {
      const endpoint = upstream.choose(this.#key, passed, nowMs)
      if (endpoint === null) {
        // Another worker may have been quicker to the last place.
        this.lack = passed === this.#tried ? upstream.lack : 'full'
        return null
      }
      if (takesOne(endpoint)) return this.#begin(endpoint, nowMs)
      upstream.unchoose(endpoint)
      passed = new Set(passed).add(endpoint)
    }
  }

  #begin(endpoint: Endpoint, nowMs: number): FlowTry {
    // One try stands for the flow where the circuit of the upstream lets only some in.
    const isTrial = (this.#admission & TRIAL) !== 0
    const flowTry = new FlowTry(this.#context, this.upstream, endpoint, endpoint.permits.max > 0, isTrial, nowMs)
    if (isTrial) this.#admission -= TRIAL
    if (this.latest !== null) this.#countRetry()
    this.latest = flowTry
    return flowTry
  }

  #countRetry(): void {
    this.retries += 1
    const { counters } = this.#context.row
    counters[RETRIES_TOTAL] = (counters[RETRIES_TOTAL] as number) + 1
  }

  /**
   * The latest try has come to nothing before anything was lost, and is over. Whether another endpoint is to be asked: each
   * time that it says so is taken out of the upstream's budget.
   */
  mayRetry(nowMs: number): boolean {
    const { upstream, latest } = this
    if (latest === null) return false
    this.#tried ??= new Set()
    this.#tried.add(latest.endpoint)
    if (this.#tried.size > upstream.settings.retry.attempts || !upstream.hasOther(this.#tried, nowMs)) return false
    return upstream.retryBudget.withdraw(stampOf(nowMs))
  }

  /** Milliseconds until the next try: twice as long each time, and at random between half and all of it. */
  pauseMs(): number {
    const { backoffMs, backoffMaxMs } = this.upstream.settings.retry
    const exponent = (this.#tried?.size ?? 1) - 1
    return Math.min(backoffMaxMs, backoffMs * 2 ** exponent) * (0.5 + Math.random() / 2)
  }

  /** What `mayRetry` has allowed is not made use of. */
  giveRetryBack(): void {
    this.upstream.retryBudget.giveBack()
  }

  /** What the log says where `next` has found nobody to take it, or to wait for. */
  codeWithout(nowMs: number): FlowErrorCode {
    const { upstream } = this
    if (upstream.endpoints.length === 0) {
      return upstream.settings.endpoints.length === 0 ? 'no_endpoint' : 'upstream_unresolved'
    }
    if (this.lack === 'full') return 'upstream_full'
    return upstream.circuitLeftMs(nowMs) < 0 ? 'no_endpoint' : 'upstream_circuit_open'
  }

  /** An endpoint has taken it, after so long: it burdens nobody who waits to be taken. */
  taken(latencyUs: number, nowMs: number): void {
    this.#admission = this.upstream.admission.answered(this.#admission, latencyUs, nowMs)
  }

  /** The flow is over, however it ended. */
  leave(): void {
    if (this.#admission === 0) return
    this.upstream.admission.leave(this.#admission, -1)
    this.#admission = 0
  }
}

/** Takes a permit where the endpoint has a limit: at the limit, what HTTP keeps idle there makes room. */
function takesOne({ permits, pool }: Endpoint): boolean {
  return permits.max === 0 || permits.take() || (pool.closeIdle(1) > 0 && permits.take())
}
