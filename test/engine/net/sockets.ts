import { Connection, type ConnectionOwner, type NetContext } from '../../../engine/net/connection.ts'
import type { DialOwner } from '../../../engine/net/dial.ts'
import type { StreamHandle } from '../../../engine/net/handles.ts'
import { Listener, type ListenerOwner } from '../../../engine/net/listener.ts'
import { SlotPool } from '../../../engine/net/slots.ts'
import { TICK_MS, TimerWheel } from '../../../engine/net/timer-wheel.ts'
import type { Address } from '../../../engine/snapshot.ts'

/** What the connections of a test share: a few slots, and a wheel whose time passes when the test says so. */
export class TestNet implements NetContext {
  readonly slots: SlotPool
  readonly wheel: TimerWheel
  readonly faults: unknown[] = []
  #nowMs = 0

  constructor(slotCount = 4) {
    this.slots = new SlotPool(Buffer.alloc(SlotPool.bytesNeeded(slotCount)), 0, slotCount)
    this.wheel = new TimerWheel(() => this.#nowMs)
  }

  onFault(error: unknown): void {
    this.faults.push(error)
  }

  /** Lets time pass on the wheel. */
  pass(milliseconds: number): void {
    for (let left = milliseconds; left > 0; left -= TICK_MS) {
      this.#nowMs += Math.min(left, TICK_MS)
      this.wheel.advance()
    }
  }
}

/** Notes what a connection's owner is told; `hooks` act on it. */
export class Recorder implements DialOwner {
  readonly events: string[] = []
  readonly #chunks: Buffer[] = []
  readonly #net: TestNet
  readonly #hooks: Partial<ConnectionOwner>
  connection: Connection | null = null

  constructor(net: TestNet, hooks: Partial<ConnectionOwner> = {}) {
    this.#net = net
    this.#hooks = hooks
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get text(): string {
    return this.received.toString('latin1')
  }

  onConnect(connection: Connection): void {
    this.connection = connection
    this.events.push('connect')
  }

  onConnectError(error: string): void {
    this.events.push(`connect error ${error}`)
  }

  onRead(connection: Connection, start: number, end: number): void {
    this.#chunks.push(Buffer.from(this.#net.slots.memory.subarray(start, end)))
    this.#hooks.onRead?.(connection, start, end)
  }

  onReadEnd(connection: Connection): void {
    this.events.push('end')
    this.#hooks.onReadEnd?.(connection)
  }

  onDrain(connection: Connection): void {
    this.events.push('drain')
    this.#hooks.onDrain?.(connection)
  }

  onDeadline(connection: Connection): void {
    this.events.push('deadline')
    this.#hooks.onDeadline?.(connection)
  }

  onClose(connection: Connection, error: string): void {
    this.events.push(`close ${error}`)
    this.#hooks.onClose?.(connection, error)
  }
}

export interface AcceptorOptions {
  readonly address?: Address
  readonly connectionsMax?: number
  readonly reusePort?: boolean
  /** The owner of each connection that is accepted; absent: a recorder. */
  readonly owner?: () => Recorder
}

/** A listener of the engine, and the connections that it has accepted; each reads from its first moment. */
export class Acceptor implements ListenerOwner, AsyncDisposable {
  readonly listener: Listener
  readonly connections: Connection[] = []
  readonly recorders: Recorder[] = []
  released = 0
  fulls = 0
  readonly #net: TestNet
  readonly #makeOwner: () => Recorder

  constructor(net: TestNet, options: AcceptorOptions) {
    this.#net = net
    this.#makeOwner = options.owner ?? (() => new Recorder(net))
    this.listener = new Listener(this)
  }

  onAccept(listener: Listener, handle: StreamHandle): Connection {
    const connection = new Connection(this.#net, handle)
    const recorder = this.#makeOwner()
    recorder.connection = connection
    connection.counter = listener
    connection.owner = recorder
    this.connections.push(connection)
    this.recorders.push(recorder)
    connection.resume()
    return connection
  }

  onReleased(): void {
    this.released += 1
  }

  onFull(): void {
    this.fulls += 1
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.listener.close()
    for (const connection of this.listener.connections) connection.destroy()
  }
}

const ANY_PORT: Address = { kind: 'tcp', host: '127.0.0.1', port: 0 }

export async function acceptOn(
  net: TestNet,
  options: AcceptorOptions = {},
): Promise<Acceptor & { readonly address: Address }> {
  const acceptor = new Acceptor(net, options)
  const address = await acceptor.listener.listen(options.address ?? ANY_PORT, options.reusePort ?? false)
  acceptor.listener.serve(options.connectionsMax ?? 100)
  return Object.assign(acceptor, { address })
}

/** Bytes that tell where they were: no piece of them looks like another. */
export function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32BE((at * 2_654_435_761 + seed * 40_503) >>> 0, at)
  return bytes
}
