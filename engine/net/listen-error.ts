import type { Address } from '../snapshot.ts'
import { formatAddress } from './address.ts'

/** A listener cannot be opened: its port is in use, its host does not resolve, there is no permission. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  /** The system's name for it, e.g. `EADDRINUSE`. */
  readonly code: string
  /** The listener's name. */
  readonly listener: string

  constructor(listener: string, code: string, message: string) {
    super(message)
    this.listener = listener
    this.code = code
  }

  /** Says where and what to do. */
  static of(listener: string, address: Address, error: NodeJS.ErrnoException): ListenError {
    const message = `listener ${listener}: ${formatAddress(address)}: ${explain(address, error)}`
    return new ListenError(listener, error.code ?? 'EUNKNOWN', message)
  }
}

function explain(address: Address, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'the address is in use; stop what listens there or choose another address'
    case 'EACCES':
      return address.kind === 'unix'
        ? 'no permission to make a socket there, or the folder does not exist'
        : 'no permission to listen there; ports below 1024 need privileges'
    case 'EADDRNOTAVAIL':
      return 'this machine does not have that address'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name does not resolve'
    default:
      return error.message
  }
}
