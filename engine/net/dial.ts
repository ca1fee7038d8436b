/** Opens a connection to an endpoint, within a deadline. Names have been resolved long before. */
import type { Address } from '../snapshot.ts'
import { Connection, type ConnectionOwner, type NetContext } from './connection.ts'
import { connectPipe, connectTcp, errorName, openPipe, openTcp, type StreamHandle } from './handles.ts'
import { Timer, type TimerTarget } from './timer-wheel.ts'

export interface DialOwner extends ConnectionOwner {
  onConnect(connection: Connection): void
  /** The address did not take us: the system's error, or `ETIMEDOUT` past the deadline. */
  onConnectError(error: string): void
}

export class Dial implements TimerTarget {
  readonly #context: NetContext
  readonly #owner: DialOwner
  readonly #timer: Timer
  #handle: StreamHandle | null = null
  #done = false

  constructor(context: NetContext, address: Address, timeoutMs: number, owner: DialOwner) {
    this.#context = context
    this.#owner = owner
    this.#timer = new Timer(this)
    context.wheel.refresh()
    context.wheel.set(this.#timer, timeoutMs)
    if (address.kind === 'unix') this.#tryPath(address.path)
    else this.#tryHost(address.host, address.port)
  }

  /** Gives up; the owner hears no more. */
  cancel(): void {
    if (this.#done) return
    this.#end()
    this.#handle?.close()
  }

  onDeadline(): void {
    this.#fail('ETIMEDOUT')
  }

  #tryHost(host: string, port: number): void {
    const handle = openTcp()
    this.#handle = handle
    this.#started(connectTcp(handle, host, port, status => this.#connected(handle, status)))
  }

  #tryPath(path: string): void {
    const handle = openPipe()
    this.#handle = handle
    this.#started(connectPipe(handle, path, status => this.#connected(handle, status)))
  }

  /** An error before anything was tried is told from a clean stack, as every other outcome is. */
  #started(status: number): void {
    const handle = this.#handle
    if (status !== 0 && handle !== null) process.nextTick(() => this.#connected(handle, status))
  }

  #connected(handle: StreamHandle, status: number): void {
    if (this.#done || handle !== this.#handle) return
    if (status !== 0) {
      this.#fail(errorName(status))
      return
    }
    this.#end()
    handle.setNoDelay?.(true)
    const connection = new Connection(this.#context, handle)
    connection.owner = this.#owner
    try {
      this.#owner.onConnect(connection)
    } catch (error) {
      this.#context.onFault(error)
      connection.destroy()
    }
  }

  #fail(error: string): void {
    if (this.#done) return
    this.#end()
    this.#handle?.close()
    try {
      this.#owner.onConnectError(error)
    } catch (fault) {
      this.#context.onFault(fault)
    }
  }

  #end(): void {
    this.#done = true
    this.#context.wheel.clear(this.#timer)
  }
}
