/** `grpc-timeout`: how long the client waits for all of its call. */

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
}

/** Milliseconds that a timer can be set for: 24 days. Past it there might as well be none. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1

/** No deadline. */
export const NO_TIMEOUT = -1

/**
 * Milliseconds, with a fraction; `NO_TIMEOUT` where the value is no timeout (one to eight digits and a unit), which is for the origin to
 * complain of, and where it is too long to matter.
 */
export function readTimeout(value: string): number {
  const match = /^(\d{1,8})([HMSmun])$/.exec(value)
  if (match === null) return NO_TIMEOUT
  const milliseconds = Number(match[1]) * (UNIT_MS[match[2] as string] as number)
  return milliseconds > TIMEOUT_MS_MAX ? NO_TIMEOUT : milliseconds
}
