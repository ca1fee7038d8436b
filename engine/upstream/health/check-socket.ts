/** Where checks connect to, and what the errors of their connections are called. */
import { connect, type Socket } from 'node:net'
import type { CheckPlan } from './check-probe.ts'

/** For `connect` of `node:net` and `node:tls`. */
export function targetOf({ address }: CheckPlan): { host: string; port: number } | { path: string } {
  return address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port }
}

/** A connection that is being opened. What it begins with goes ahead of whatever else is written to it. */
export function openSocket(plan: CheckPlan): Socket {
  const socket = connect(targetOf(plan))
  if (plan.opening.length > 0) socket.write(plan.opening)
  return socket
}

/** Every socket hears its errors from its first moment on; those that come once the outcome is known say nothing more. */
export function ignore(): void {}

export const CLOSED_EARLY = 'connection closed before the answer was complete'

/**
 * Names an error: as the system does (`ECONNREFUSED`), or as TLS and the HTTP parser do. Node gives a connection that
 * ended too early the code of a reset that no system call has seen.
 */
export function reasonOf(error: NodeJS.ErrnoException): string {
  const { code, syscall, message } = error
  if (code === 'ECONNRESET' && syscall === undefined) return CLOSED_EARLY
  if (code === 'HPE_HEADER_OVERFLOW') return 'response head or trailer section too long'
  if (code?.startsWith('HPE_')) return `malformed response (${code})`
  return code ?? message
}
