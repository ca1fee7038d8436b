import { ENDPOINT_CELLS } from '../../../../engine/shared/endpoint-cells.ts'
import { StatePage } from '../../../../engine/shared/state-page.ts'
import { isFailure, NOT_CONNECTED, type Outcome } from '../../../../engine/upstream/health/outcome.ts'
import { type PassiveChange, PassiveHealth } from '../../../../engine/upstream/health/passive-health.ts'
import { type TestPassiveHealth, upstreamSnapshot } from '../../../support/snapshot.ts'

export const EJECT_MS = 1_000
export const START = 1_000_000
export const DAY_MS = 86_400_000

export interface Endpoint {
  readonly cells: number
}

export interface Scene {
  readonly endpoints: readonly Endpoint[]
  /** One for each worker. */
  readonly workers: readonly PassiveHealth[]
  readonly page: StatePage
  cell(endpoint: Endpoint, index: number): number
  set(endpoint: Endpoint, index: number, value: number): void
}

export function scene(settings: TestPassiveHealth = {}, count = 4, workers = 2): Scene {
  const { passive } = upstreamSnapshot('a', {
    endpoints: [],
    passive: { ejectMs: EJECT_MS, ejectMaxMs: 10 * EJECT_MS, ...settings },
  })
  const page = StatePage.create(workers, count)
  const endpoints = Array.from({ length: count }, (_, column) => ({ cells: column * ENDPOINT_CELLS }))
  return {
    endpoints,
    page,
    workers: page.rows.map(() => {
      const health = new PassiveHealth(passive!, page.endpointCells)
      health.setEndpoints(endpoints)
      return health
    }),
    cell: ({ cells }, index) => page.endpointCells[cells + index]!,
    set: ({ cells }, index, value) => {
      page.endpointCells[cells + index] = value
    },
  }
}

export interface Told {
  readonly probe?: boolean
  readonly counts?: boolean
  readonly beganAt?: number
  readonly stamp?: number
}

export function tell(health: PassiveHealth, endpoint: Endpoint, outcome: Outcome, told: Told = {}): PassiveChange {
  const { probe = false, counts = isFailure(outcome), stamp = START, beganAt = stamp } = told
  return health.observe(endpoint, outcome, probe, counts, beganAt, stamp)
}

export function tellAll(
  health: PassiveHealth,
  endpoint: Endpoint,
  outcomes: readonly Outcome[],
  told: Told = {},
): string {
  return outcomes
    .map(outcome => tell(health, endpoint, outcome, told))
    .join(' ')
    .trim()
}

/** Ejects an endpoint by what no share bounds. */
export function eject({ workers: [health] }: Scene, endpoint: Endpoint, stamp = START): void {
  const told = tellAll(health!, endpoint, Array<Outcome>(3).fill(NOT_CONNECTED), { stamp })
  if (told !== 'ejected') throw new Error(`three failures made "${told}"`)
}
