/** The listeners of a snapshot in one row, as `SocketPlan`s and bound addresses have them: HTTP first, then TCP, then UDP. */
import type { ListenerSnapshot, Snapshot, TcpListenerSnapshot, UdpListenerSnapshot } from '../snapshot.ts'

export type AnyListener = ListenerSnapshot | TcpListenerSnapshot | UdpListenerSnapshot

type Listeners = Pick<Snapshot, 'listeners' | 'tcpListeners' | 'udpListeners'>

/** Those that accept connections. */
export function streamListeners({ listeners, tcpListeners }: Listeners): (ListenerSnapshot | TcpListenerSnapshot)[] {
  return [...listeners, ...tcpListeners]
}

export function allListeners(snapshot: Listeners): AnyListener[] {
  return [...streamListeners(snapshot), ...snapshot.udpListeners]
}

/** Whether the listener with that place takes datagrams. */
export function isUdp(snapshot: Listeners, index: number): boolean {
  return index >= snapshot.listeners.length + snapshot.tcpListeners.length
}
