/** The status of a call, as `grpc-status` tells it, and what it has to do with that of HTTP. */
import { GATEWAY_ERROR, GOOD, type Outcome, SERVER_ERROR } from '../../upstream/health/outcome.ts'
import { ERRORS, type ErrorCode } from '../errors.ts'

export const OK = 0
export const UNKNOWN = 2
export const DEADLINE_EXCEEDED = 4
export const PERMISSION_DENIED = 7
export const RESOURCE_EXHAUSTED = 8
export const UNIMPLEMENTED = 12
export const INTERNAL = 13
export const UNAVAILABLE = 14
export const DATA_LOSS = 15
export const UNAUTHENTICATED = 16

/** No status has come. */
export const NO_STATUS = -1

const OF_HTTP: ReadonlyMap<number, number> = new Map([
  [400, INTERNAL],
  [401, UNAUTHENTICATED],
  [403, PERMISSION_DENIED],
  [404, UNIMPLEMENTED],
  [413, RESOURCE_EXHAUSTED],
  [414, RESOURCE_EXHAUSTED],
  [429, UNAVAILABLE],
  [431, RESOURCE_EXHAUSTED],
  [502, UNAVAILABLE],
  [503, UNAVAILABLE],
  [504, UNAVAILABLE],
])

/**
 * What a client of gRPC would make of a status of HTTP, as its documents have it ("HTTP to gRPC Status Code Mapping"); and
 * where something of the request is too large, what its limits are called.
 */
export function statusOfHttp(status: number): number {
  return OF_HTTP.get(status) ?? UNKNOWN
}

/** What was in time for the connection, and not for the answer. */
const LATE: ReadonlySet<ErrorCode> = new Set([
  'exchange_timeout',
  'grpc_deadline',
  'upstream_response_timeout',
  'upstream_idle_timeout',
])

/** What clients are told of an error of the proxy's own. */
export function statusOfError(code: ErrorCode): number {
  return LATE.has(code) ? DEADLINE_EXCEEDED : statusOfHttp(ERRORS[code].status)
}

/**
 * What the endpoint's health learns from the status of a call. `hasDeadline`: the client has named one, so that its passing
 * says nothing of the endpoint. Nor does a method that does not exist: clients could have an endpoint ejected by asking for one.
 */
export function outcomeOfCall(status: number, hasDeadline: boolean): Outcome {
  switch (status) {
    case UNAVAILABLE:
      return GATEWAY_ERROR
    case DEADLINE_EXCEEDED:
      return hasDeadline ? GOOD : GATEWAY_ERROR
    case UNKNOWN:
    case INTERNAL:
    case DATA_LOSS:
      return SERVER_ERROR
    default:
      return GOOD
  }
}

/** The value of `grpc-status`; `NO_STATUS` where it is none. */
export function readStatus(value: string): number {
  return /^\d{1,3}$/.test(value) ? Number(value) : NO_STATUS
}
