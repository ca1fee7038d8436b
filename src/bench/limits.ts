/** The numbers that can be asked for: one row each, for the library and the command line. */

export type LimitName =
  | 'connections'
  | 'threads'
  | 'durationMs'
  | 'requests'
  | 'rate'
  | 'warmUpMs'
  | 'pipelining'
  | 'timeoutMs'

export interface Limit {
  /** How a message calls it. */
  readonly label: string
  readonly minimum: number
  readonly maximum: number
  /** 0 where there is none. */
  readonly default: number
  readonly isWhole: boolean
}

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

export const LIMITS: Readonly<Record<LimitName, Limit>> = {
  connections: { label: 'connections', minimum: 1, maximum: 20_000, default: 50, isWhole: true },
  threads: { label: 'threads', minimum: 1, maximum: 256, default: 0, isWhole: true },
  durationMs: { label: 'the duration in milliseconds', minimum: 1, maximum: DAY_MS, default: 10_000, isWhole: false },
  // One shared 32-bit counter hands them out.
  requests: { label: 'requests', minimum: 1, maximum: 2_000_000_000, default: 0, isWhole: true },
  rate: { label: 'the rate', minimum: 0.001, maximum: 1_000_000, default: 0, isWhole: false },
  warmUpMs: { label: 'the warm-up in milliseconds', minimum: 0, maximum: HOUR_MS, default: 0, isWhole: false },
  pipelining: { label: 'pipelining', minimum: 1, maximum: 1000, default: 1, isWhole: true },
  timeoutMs: { label: 'the timeout in milliseconds', minimum: 1, maximum: HOUR_MS, default: 10_000, isWhole: false },
}

/** How many rounds a comparison of two targets has. */
export const ROUNDS: Limit = { label: 'rounds', minimum: 1, maximum: 1000, default: 5, isWhole: true }

/** E.g. `a whole number from 1 to 20,000`. */
export function describeBounds(limit: LimitName | Limit): string {
  const { minimum, maximum, isWhole } = typeof limit === 'string' ? LIMITS[limit] : limit
  const written = (value: number) => value.toLocaleString('en', { maximumFractionDigits: 3 })
  return `a ${isWhole ? 'whole number' : 'number'} from ${written(minimum)} to ${written(maximum)}`
}
