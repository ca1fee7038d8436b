/** What the exchanges of one worker share. */
import type { NetContext } from '../net/connection.ts'
import type { StateRow } from '../shared/state-page.ts'
import type { SharedState } from '../upstream/endpoint.ts'
import type { Challenges } from './challenges.ts'
import type { ExchangeRecord } from './record.ts'
import type { RequestIds } from './request-id.ts'

export interface WorkerContext {
  readonly net: NetContext
  /** This worker's part of `shared`. */
  readonly row: StateRow
  readonly shared: SharedState
  readonly requestIds: RequestIds
  /** What authorities are answered that issue certificates. */
  readonly challenges: Challenges
  readonly onExchange: ((record: ExchangeRecord) => void) | null
}
