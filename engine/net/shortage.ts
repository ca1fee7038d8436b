/** What keeps a socket from being opened, or connected, and is no peer's doing. */
import type { Address } from '../snapshot.ts'

/** The system has no descriptor, port or memory left. */
const SHORTAGES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRINUSE', 'EADDRNOTAVAIL'])

/** Whether `error`, met on the way to `address`, says nothing of whoever is there. */
export function isShortage(error: string, address: Address): boolean {
  // No port is left; but of a path it says that those who wait there are not accepted.
  if (error === 'EAGAIN') return address.kind === 'tcp'
  return SHORTAGES.has(error)
}
