/** Which socket each listener of a generation has: one of the generation before it, wherever the address is the same. */
import type { Address, ListenerSnapshot, Snapshot } from '../snapshot.ts'
import { type SocketPlan, workerOf } from './messages.ts'
import { isSame } from './same.ts'

interface Listening {
  readonly snapshot: Snapshot
  readonly sockets: readonly SocketPlan[]
}

/** Sockets that are new get numbers from `next()`. */
export function planSockets(
  snapshot: Snapshot,
  before: Listening | null,
  workers: number,
  next: () => number,
): SocketPlan[] {
  const left = new Map(before?.sockets.map((plan, index) => [plan, before.snapshot.listeners[index]]))
  const take = (fits: (was: ListenerSnapshot, plan: SocketPlan) => boolean): SocketPlan | null => {
    for (const [plan, was] of left) {
      if (was === undefined || !fits(was, plan)) continue
      left.delete(plan)
      return plan
    }
    return null
  }
  // Those that have kept their names come first: port 0 is a socket of its own for each.
  const own = snapshot.listeners.map(({ name, address }) =>
    take(was => was.name === name && isSame(was.address, address)),
  )
  return snapshot.listeners.map(
    ({ address }, index) =>
      own[index] ??
      take((was, plan) => !isOpen(address) && (isSame(was.address, address) || isSame(plan.address, address))) ?? {
        socket: next(),
        worker: workerOf(address, index, workers),
        address,
      },
  )
}

/** The system chooses the port. */
export function isOpen(address: Address): boolean {
  return address.kind === 'tcp' && address.port === 0
}

/** With the ports that the system has chosen. */
export function withAddresses(sockets: readonly SocketPlan[], addresses: readonly (Address | null)[]): SocketPlan[] {
  return sockets.map((plan, index) => {
    const bound = addresses[index]
    if (bound?.kind !== 'tcp' || plan.address.kind !== 'tcp') return plan
    return { ...plan, address: { ...plan.address, port: bound.port } }
  })
}

/** A plain bind would find the address taken by ourselves: another listener has the port, on this address or on all. */
export function isOurs(address: Address, sockets: readonly SocketPlan[]): boolean {
  return sockets.some(
    plan => plan.address.kind === 'tcp' && address.kind === 'tcp' && plan.address.port === address.port,
  )
}
