/**
 * An accepting socket of one worker. TCP listeners share their address between workers by SO_REUSEPORT. Linux has no
 * such thing for unix sockets, so those are served by one worker each.
 *
 * At its connection limit a listener parks what the kernel still hands over, unread, as the kernel's own backlog would;
 * a parked connection is served when another one closes. So it does before it serves at all: what comes in while it is not
 * known yet whether it is to stay waits, and is served by `serve` or closed by `close`.
 */
import { lookup } from 'node:dns/promises'
import net from 'node:net'
import type { Address } from '../snapshot.ts'
import type { Connection, ConnectionCounter } from './connection.ts'
import { errorName, type StreamHandle, tryBind } from './handles.ts'
import { tryBindUdp } from './udp-handles.ts'

/** Connections the kernel queues, and as many again that a full listener parks; further ones are refused. */
const BACKLOG = 511

/** Node's own, below `net.Server`. */
interface ListeningHandle extends Pick<StreamHandle, 'setNoDelay'> {
  onconnection: (status: number, client?: StreamHandle) => void
}

export interface ListenerOwner {
  /** Makes a connection of an accepted handle, counted by the listener. */
  onAccept(listener: Listener, handle: StreamHandle): Connection
  onReleased(listener: Listener): void
  /** The limit is reached; told once until a connection has closed again. */
  onFull(listener: Listener): void
}

export class Listener implements ConnectionCounter {
  readonly owner: ListenerOwner
  readonly connections: Set<Connection> = new Set()
  readonly #parked: StreamHandle[] = []
  /** 0 as long as it does not serve. */
  #connectionsMax = 0
  #full = false
  #isServingParked = false
  #server: net.Server | null = null

  constructor(owner: ListenerOwner) {
    this.owner = owner
  }

  /** Serves so many connections at once from now on, those first that wait. */
  serve(connectionsMax: number): void {
    this.#connectionsMax = connectionsMax
    this.#full = false
    this.#serveParked()
  }

  /** One that is not let in is closed before its turn is over: the next one's turn is not within it, however many there are. */
  #serveParked(): void {
    if (this.#isServingParked) return
    this.#isServingParked = true
    try {
      while (this.connections.size < this.#connectionsMax) {
        const parked = this.#parked.shift()
        if (parked === undefined) return
        this.#serve(parked)
      }
    } finally {
      this.#isServingParked = false
    }
  }

  /** Binds, and accepts without serving before `serve`. Rejects with the system's error (`EADDRINUSE`, `EACCES` ...); gives the address it got. */
  async listen(address: Address, reusePort: boolean): Promise<Address> {
    if (address.kind === 'unix') await removeStaleSocket(address.path)
    const server = net.createServer()
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.once('listening', () => {
        server.off('error', reject)
        resolve()
      })
      if (address.kind === 'unix') server.listen({ path: address.path, backlog: BACKLOG })
      else server.listen({ host: address.host, port: address.port, backlog: BACKLOG, reusePort })
    })
    server.on('error', () => undefined)
    const handle = (server as unknown as { _handle: ListeningHandle })._handle
    // Accepted sockets inherit it: a system call less for each.
    handle.setNoDelay?.(true)
    handle.onconnection = (status, client) => {
      // A negative status (no file descriptors left, or a client gone already) costs that one connection.
      if (status === 0 && client !== undefined) this.#accepted(client)
    }
    const bound = server.address()
    if (bound === null || typeof bound === 'string') return address
    return { kind: 'tcp', host: bound.address, port: bound.port }
  }

  #accepted(handle: StreamHandle): void {
    if (this.connections.size < this.#connectionsMax) {
      this.#serve(handle)
      return
    }
    if (!this.#full && this.#connectionsMax > 0) {
      this.#full = true
      this.owner.onFull(this)
    }
    if (this.#parked.length < BACKLOG) this.#parked.push(handle)
    else handle.close()
  }

  #serve(handle: StreamHandle): void {
    const connection = this.owner.onAccept(this, handle)
    if (!connection.closed) this.connections.add(connection)
  }

  onConnectionReplaced(connection: Connection, successor: Connection): void {
    this.connections.delete(connection)
    this.connections.add(successor)
  }

  onConnectionClosed(connection: Connection): void {
    this.connections.delete(connection)
    this.owner.onReleased(this)
    this.#serveParked()
    // The limit may be lower than it was.
    if (this.connections.size < this.#connectionsMax) this.#full = false
  }

  /** Stops accepting; connections that run go on. */
  close(): void {
    this.#server?.close()
    this.#server = null
    for (const handle of this.#parked.splice(0)) handle.close()
  }
}

/** A socket file that a dead process left behind is removed; one that somebody answers on, or another kind of file, stays. */
async function removeStaleSocket(path: string): Promise<void> {
  // Loaded by those few that listen on a path: it would cost every worker 1 MB.
  const { lstat, unlink } = await import('node:fs/promises')
  try {
    if (!(await lstat(path)).isSocket()) return
  } catch {
    return
  }
  const answered = await new Promise<boolean>(resolve => {
    const probe = net.connect({ path })
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'))
  })
  if (!answered) await unlink(path)
}

/**
 * Rejects with `EADDRINUSE` where somebody listens. Sockets that share a port by SO_REUSEPORT would join another
 * process's without a word; a plain bind does not. Nothing listens meanwhile: nobody gets in to be thrown out again.
 */
export async function assertFree(address: Address, transport: 'tcp' | 'udp' = 'tcp'): Promise<void> {
  if (address.kind === 'unix' || address.port === 0) return
  const host = net.isIP(address.host) === 0 ? (await lookup(address.host)).address : address.host
  const status = transport === 'udp' ? tryBindUdp(host, address.port) : tryBind(host, address.port)
  if (status === 0) return
  const code = errorName(status)
  throw Object.assign(new Error(`bind ${code}: ${host}:${address.port}`), { code })
}
