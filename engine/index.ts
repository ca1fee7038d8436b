/**
 * The data plane as a library: give it a `Snapshot`, it listens and proxies. For configuration files, logs and the
 * command line see the package `sluice` itself.
 */

export { ERRORS, type ErrorCode, type ErrorRow, type ErrorSide } from './exchange/errors.ts'
export type { ExchangeRecord } from './exchange/record.ts'
export type { ExplainRequest, Explanation } from './explain/explanation.ts'
export type { FlowExplanation, FlowQuestion } from './explain/flow-explanation.ts'
export { FLOW_ERRORS, type FlowErrorCode, type FlowErrorRow } from './l4/errors.ts'
export type { FlowRecord } from './l4/flow-record.ts'
export { formatAddress } from './net/address.ts'
export { ListenError } from './net/listen-error.ts'
export type * from './snapshot.ts'
export type {
  BoundListener,
  Changes,
  CircuitState,
  EndpointState,
  EndpointStatus,
  Engine,
  EngineEvent,
  EngineOptions,
  EngineStats,
  NewEndpoint,
  ReloadReport,
  UpstreamControl,
  WorkerHooks,
  WorkerStatus,
} from './threads/api.ts'
export { ReloadError, type ReloadFailure } from './threads/reload-error.ts'
export { startEngine } from './threads/supervisor.ts'
export { ownerData, runWorker, workerIndex } from './threads/worker.ts'
