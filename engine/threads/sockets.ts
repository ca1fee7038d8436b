/** Which socket each listener of a generation has: one of the generation before it, wherever the address is the same. */
import type { Address, Snapshot } from '../snapshot.ts'
import { type AnyListener, allListeners, isUdp } from './all-listeners.ts'
import { type SocketPlan, workerOf } from './messages.ts'
import { isSame } from './same.ts'

interface Listening {
  readonly snapshot: Snapshot
  readonly sockets: readonly SocketPlan[]
}

/** What a socket that is new has of its own. */
export type NewSocket = Pick<SocketPlan, 'socket' | 'limits'>

export function planSockets(
  snapshot: Snapshot,
  before: Listening | null,
  workers: number,
  make: () => NewSocket,
): SocketPlan[] {
  const earlier = before === null ? [] : allListeners(before.snapshot)
  const left = new Map(before?.sockets.map((plan, index) => [plan, earlier[index]]))
  const take = (fits: (was: AnyListener, plan: SocketPlan) => boolean): SocketPlan | null => {
    for (const [plan, was] of left) {
      if (was === undefined || !fits(was, plan)) continue
      left.delete(plan)
      return plan
    }
    return null
  }
  const listeners = allListeners(snapshot).map(({ name, address }, index) => ({
    name,
    address,
    transport: isUdp(snapshot, index) ? ('udp' as const) : ('tcp' as const),
  }))
  // Those that have kept their names come first: port 0 is a socket of its own for each.
  const own = listeners.map(({ name, address, transport }) =>
    take((was, plan) => plan.transport === transport && was.name === name && isSame(was.address, address)),
  )
  return listeners.map(
    ({ address, transport }, index) =>
      own[index] ??
      take(
        (was, plan) =>
          plan.transport === transport &&
          !isOpen(address) &&
          (isSame(was.address, address) || isSame(plan.address, address)),
      ) ?? {
        ...make(),
        transport,
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
export function isOurs({ address, transport }: SocketPlan, sockets: readonly SocketPlan[]): boolean {
  return sockets.some(
    plan =>
      plan.transport === transport &&
      plan.address.kind === 'tcp' &&
      address.kind === 'tcp' &&
      plan.address.port === address.port,
  )
}
