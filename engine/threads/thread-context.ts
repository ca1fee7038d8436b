import type { WorkerContext } from '../exchange/worker-context.ts'
import type { FlowContext } from '../l4/flow-context.ts'

/** What exchanges and flows of one worker share. */
export interface ThreadContext extends WorkerContext, FlowContext {}
