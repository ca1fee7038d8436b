/** What the connections of a generation's listeners are encrypted by. */
import { ListenError } from '../net/listen-error.ts'
import { loadTls } from '../net/tls/load.ts'
import { ServerTls } from '../net/tls/server-tls.ts'
import type { TicketKeys } from '../net/tls/ticket-keys.ts'
import type { ListenerSnapshot, Snapshot, TcpListenerSnapshot } from '../snapshot.ts'
import { streamListeners } from './all-listeners.ts'

/** Whether any connection of either side is encrypted, or may be. */
export function encrypts(snapshot: Omit<Snapshot, 'generation' | 'routes' | 'errorPages'>): boolean {
  const { upstreams } = snapshot
  return streamListeners(snapshot).some(({ tls }) => tls !== null) || upstreams.some(({ tls }) => tls !== null)
}

/** To be waited for before anything is made of the snapshot. */
export async function prepareTls(snapshot: Snapshot): Promise<void> {
  if (encrypts(snapshot)) await loadTls()
}

/** `before` is what the listener had; `null` for none. Throws `ListenError` where OpenSSL can make nothing of it. */
export function openTls(
  { name, tls }: ListenerSnapshot | TcpListenerSnapshot,
  ticketKeys: TicketKeys,
  before: ServerTls | null,
): ServerTls | null {
  if (tls === null) return null
  try {
    return new ServerTls({ listener: name, settings: tls, ticketKeys, before })
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    throw new ListenError(
      name,
      code ?? 'EINVAL',
      `listener ${name}: its certificates or keys cannot be used: ${message}`,
    )
  }
}
