/** What the flows of one worker share. */
import type { NetContext } from '../net/connection.ts'
import type { StateRow } from '../shared/state-page.ts'
import type { SharedState } from '../upstream/endpoint.ts'
import type { FlowRecord } from './flow-record.ts'

export interface FlowContext {
  readonly net: NetContext
  /** This worker's part of `shared`. */
  readonly row: StateRow
  readonly shared: SharedState
  readonly onFlow: ((record: FlowRecord) => void) | null
}

/** The generation that a flow belongs to: it lives on as long as the flow does. */
export interface Lifetime {
  enter(): void
  leave(): void
}
