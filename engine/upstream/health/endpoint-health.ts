/**
 * What tries tell of the endpoints of one upstream, in one worker: passive health, circuits and the tallies that the
 * supervisor compares. Whoever brings about a change lets all workers know (the upstream's epoch), and tells of it.
 */
import { PASSIVE_STATE, PASSIVE_UP } from '../../shared/endpoint-cells.ts'
import type { StatePage, StateRow } from '../../shared/state-page.ts'
import type { UpstreamSnapshot } from '../../snapshot.ts'
import type { Endpoint } from '../endpoint.ts'
import { announceChange } from './announce.ts'
import { type CircuitChange, PASSES } from './circuit.ts'
import { GOOD, isFailure, type Outcome, outcomeText } from './outcome.ts'
import { PassiveHealth } from './passive-health.ts'

export type HealthChange = 'ejected' | 'up' | 'circuit_open' | 'circuit_closed'

/** Hears of what this worker has brought about; `endpoint` is empty for the circuit of the whole upstream. */
export type HealthListener = (upstream: string, endpoint: string, change: HealthChange, reason: string) => void

/** How a try got in, as bits: as the probe of an ejected endpoint, as one of the tries of a half-open circuit. */
export const AS_PROBE = 1
export const AS_TRIAL = 2

export class EndpointHealth {
  readonly #upstream: UpstreamSnapshot
  readonly #slot: number
  readonly #page: StatePage
  readonly #row: StateRow
  readonly #passive: PassiveHealth | null
  readonly #listener: HealthListener
  /** How the last `enter` let a try in. */
  entry = 0

  constructor(upstream: UpstreamSnapshot, slot: number, page: StatePage, row: StateRow, listener: HealthListener) {
    this.#upstream = upstream
    this.#slot = slot
    this.#page = page
    this.#row = row
    this.#passive = upstream.passive === null ? null : new PassiveHealth(upstream.passive, page.endpointCells)
    this.#listener = listener
  }

  setEndpoints(endpoints: readonly Endpoint[]): void {
    this.#passive?.setEndpoints(endpoints)
  }

  /** Lets a try into an endpoint that is to show whether it is back. False when others have been let in before it. */
  enter(endpoint: Endpoint, stamp: number): boolean {
    let entry = 0
    const isUp = this.#page.endpointCells[endpoint.cells + PASSIVE_STATE] === PASSIVE_UP
    if (this.#passive !== null && !isUp) {
      if (!this.#passive.enter(endpoint, stamp)) return false
      entry |= AS_PROBE
    }
    const { circuit } = endpoint
    if (circuit !== null && circuit.state(stamp) !== PASSES) {
      if (!circuit.enter(stamp)) {
        this.leave(endpoint, entry, stamp)
        return false
      }
      entry |= AS_TRIAL
    }
    this.entry = entry
    announceChange(this.#page, this.#slot)
    return true
  }

  /** A try that was let in has come to nothing that says anything of the endpoint: its client has gone. */
  leave(endpoint: Endpoint, entry: number, stamp: number): void {
    if (entry === 0) return
    if (entry & AS_PROBE) this.#passive?.leave(endpoint, stamp)
    if (entry & AS_TRIAL) endpoint.circuit?.leave()
    announceChange(this.#page, this.#slot)
  }

  /**
   * A try has ended that began at `beganAt`. `counts` is set for an outcome that a retry is made for, which counts like a
   * failure. `firstByteUs` is -1 where no response came. @hotpath
   */
  observe(
    endpoint: Endpoint,
    outcome: Outcome,
    entry: number,
    counts: boolean,
    firstByteUs: number,
    stamp: number,
    beganAt: number = stamp,
  ): void {
    const { tries, goodTries } = this.#row
    const { column, circuit } = endpoint
    tries[column] = (tries[column] as number) + 1
    if (outcome === GOOD) goodTries[column] = (goodTries[column] as number) + 1
    if (this.#passive !== null) {
      const change = this.#passive.observe(
        endpoint,
        outcome,
        (entry & AS_PROBE) !== 0,
        counts || isFailure(outcome),
        beganAt,
        stamp,
      )
      if (change !== '') this.#tell(endpoint.name, change, this.#passive.reason)
    }
    if (circuit === null) return
    const change = circuit.observe((entry & AS_TRIAL) !== 0, outcome !== GOOD, firstByteUs, stamp)
    if (change !== '') this.circuitChanged(endpoint.name, change, outcome)
  }

  /** The circuit of an endpoint, or (with an empty name) of the upstream, has changed. */
  circuitChanged(endpoint: string, change: CircuitChange, outcome: Outcome): void {
    const { openMs } = this.#upstream.circuitBreaker as NonNullable<UpstreamSnapshot['circuitBreaker']>
    if (change === 'open') {
      const last = outcome === GOOD ? 'response too slow' : outcomeText(outcome)
      this.#tell(endpoint, 'circuit_open', `the last: ${last}; for ${openMs / 1000} s`)
    } else {
      this.#tell(endpoint, 'circuit_closed', '')
    }
  }

  #tell(endpoint: string, change: HealthChange, reason: string): void {
    announceChange(this.#page, this.#slot)
    this.#listener(this.#upstream.name, endpoint, change, reason)
  }
}
