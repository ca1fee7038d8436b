/** A request that waits for room at an endpoint. */
import type { Waiter } from '../upstream/waiting-queue.ts'
import type { ErrorCode } from './errors.ts'
import type { Forward } from './forward.ts'

export class Waiting implements Waiter {
  readonly #forward: Forward
  /** What the client is told when there is no endpoint left whose room it could wait for. */
  readonly #code: ErrorCode

  constructor(forward: Forward, code: ErrorCode) {
    this.#forward = forward
    this.#code = code
  }

  get isChoosy(): boolean {
    return this.#forward.tried !== null
  }

  onRoom(): boolean {
    // After an exception the client's connection is gone, and with it the request.
    let isOver = true
    this.#forward.exchange.guard(() => {
      isOver = this.#take()
    })
    return isOver
  }

  #take(): boolean {
    const forward = this.#forward
    const { room } = forward.upstream
    let lack = forward.sendHeld()
    if (lack === 'full' && room.isWorthWaiting) return false
    // What others kept may have been given up between the two looks.
    if (lack === 'full') lack = forward.sendHeld()
    forward.waitingOver()
    if (lack === 'full') forward.exchange.fail('upstream_full')
    else if (lack === 'none') forward.failWithout(this.#code)
    return true
  }

  onWaitTimeout(): void {
    const forward = this.#forward
    const code = forward.upstream.room.isPatient ? 'upstream_queue_timeout' : 'upstream_full'
    forward.exchange.guard(() => {
      forward.waitingOver()
      forward.exchange.fail(code)
    })
  }
}
