/** What the requests are told that wait for a connection which could not be opened. */
import { isShortage } from '../net/shortage.ts'
import type { Address } from '../snapshot.ts'
import type { SessionError } from './response-receiver.ts'

/** `error` is the system's name for it, as `DialOwner.onConnectError` has it. */
export function connectErrorOf(error: string, address: Address): SessionError {
  if (error === 'ETIMEDOUT') return 'connect_timeout'
  return isShortage(error, address) ? 'connect_shortage' : 'connect_failed'
}
