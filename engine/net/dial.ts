/** Opens connections to endpoints, within a deadline, trying each address of a name in turn. */
import { type LookupAddress, lookup } from 'node:dns'
import { isIP } from 'node:net'
import type { Address } from '../snapshot.ts'
import { Connection, type ConnectionOwner, type NetContext } from './connection.ts'
import { connectPipe, connectTcp, errorName, openPipe, openTcp, type StreamHandle } from './handles.ts'
import { Timer, type TimerTarget } from './timer-wheel.ts'

export interface DialOwner extends ConnectionOwner {
  onConnect(connection: Connection): void
  /** No address took us: the last one's error, `ETIMEDOUT` past the deadline, or the name's, e.g. `ENOTFOUND`. */
  onConnectError(error: string): void
}

export class Dial implements TimerTarget {
  readonly #context: NetContext
  readonly #owner: DialOwner
  readonly #address: Address
  readonly #timer: Timer
  #handle: StreamHandle | null = null
  #hosts: string[] = []
  #done = false

  constructor(context: NetContext, address: Address, timeoutMs: number, owner: DialOwner) {
    this.#context = context
    this.#owner = owner
    this.#address = address
    this.#timer = new Timer(this)
    context.wheel.refresh()
    context.wheel.set(this.#timer, timeoutMs)
    if (address.kind === 'unix') this.#tryPath(address.path)
    else if (isIP(address.host) !== 0) this.#tryHost(address.host)
    else lookup(address.host, { all: true, order: 'verbatim' }, (error, found) => this.#resolved(error, found))
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

  #resolved(error: NodeJS.ErrnoException | null, found: LookupAddress[]): void {
    if (this.#done) return
    if (error !== null) {
      this.#fail(error.code ?? 'ENOTFOUND')
      return
    }
    this.#hosts = found.map(entry => entry.address)
    const first = this.#hosts.shift()
    if (first === undefined) this.#fail('ENOTFOUND')
    else this.#tryHost(first)
  }

  #tryHost(host: string): void {
    const handle = openTcp()
    this.#handle = handle
    const port = (this.#address as { port: number }).port
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
      handle.close()
      this.#handle = null
      const next = this.#hosts.shift()
      if (next === undefined) this.#fail(errorName(status))
      else this.#tryHost(next)
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
