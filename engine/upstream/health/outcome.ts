/** How a try on an endpoint ended, as health sees it. */

/** A response below 500. */
export const GOOD = 0
/** A response of 500 to 599 that the origin is to blame for itself. */
export const SERVER_ERROR = 1
/** 502, 503 or 504. */
export const GATEWAY_ERROR = 2
/** No connection: refused, unreachable, too late. */
export const NOT_CONNECTED = 3
/** The connection broke before the response was whole. */
export const BROKEN = 4
/** The response did not come in time, or stopped. */
export const LATE = 5
/** The response cannot be read. */
export const MALFORMED = 6

export type Outcome =
  | typeof GOOD
  | typeof SERVER_ERROR
  | typeof GATEWAY_ERROR
  | typeof NOT_CONNECTED
  | typeof BROKEN
  | typeof LATE
  | typeof MALFORMED

const WORDS: readonly string[] = [
  'good response',
  '5xx response',
  'gateway error',
  'connection failed',
  'connection broken',
  'response too late',
  'response malformed',
]

export function outcomeText(outcome: Outcome): string {
  return WORDS[outcome] as string
}

/** @hotpath */
export function outcomeOfStatus(status: number): Outcome {
  if (status < 500) return GOOD
  return status >= 502 && status <= 504 ? GATEWAY_ERROR : SERVER_ERROR
}

/** No response that could be used. */
export function isFailure(outcome: Outcome): boolean {
  return outcome >= NOT_CONNECTED
}
