import { describe, expect, it } from 'vitest'
import { TICK_MS, TimerWheel } from '../../../engine/net/timer-wheel.ts'
import { StatePage } from '../../../engine/shared/state-page.ts'
import { QUEUED } from '../../../engine/shared/upstream-cells.ts'
import { announceRoom, type Waiter, WaitingQueue } from '../../../engine/upstream/waiting-queue.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'

/** Queues of several workers at one upstream, and what has become of those who wait in them. */
class Hall {
  readonly page = StatePage.create(2, 1, 1)
  nowMs = 0
  /** Places that are free. */
  room = 0
  readonly log: string[] = []
  readonly wheels = this.page.rows.map(() => new TimerWheel(() => this.nowMs))
  readonly queues: readonly WaitingQueue[]

  constructor(size = 10, timeoutMs = 1_000) {
    this.queues = this.page.rows.map(
      (row, worker) => new WaitingQueue({ size, timeoutMs }, this.wheels[worker]!, this.page, row, 0),
    )
  }

  get queue(): WaitingQueue {
    return this.queues[0]!
  }

  get queued(): number {
    return this.page.upstreamCells[QUEUED]!
  }

  waiter(name: string, isChoosy = false, finds: () => boolean = () => this.room > 0): Waiter {
    return {
      isChoosy,
      onRoom: () => {
        if (!finds()) return false
        this.room -= 1
        this.log.push(name)
        return true
      },
      onWaitTimeout: () => this.log.push(`${name} too late`),
    }
  }

  enter(name: string, worker = 0): Waiter {
    const waiter = this.waiter(name)
    expect(this.queues[worker]!.enter(waiter)).toBe(true)
    return waiter
  }

  pass(milliseconds: number): void {
    this.nowMs += milliseconds
    for (const wheel of this.wheels) wheel.advance()
  }
}

describe('a queue', () => {
  it('serves first who came first, as far as there is room', async () => {
    const hall = new Hall()
    for (const name of 'abc') hall.enter(name)
    await turns()
    expect([hall.log.join(), hall.queue.length, hall.queued]).toEqual(['', 3, 3])
    hall.room = 2
    hall.queue.schedule()
    await turns()
    expect([hall.log.join(), hall.queue.length, hall.queued]).toEqual(['a,b', 1, 1])
  })

  it('looks once whatever is announced in one turn of the loop', async () => {
    const hall = new Hall()
    let looks = 0
    hall.queue.enter(
      hall.waiter('a', false, () => {
        looks += 1
        return false
      }),
    )
    for (let count = 0; count < 10; count += 1) hall.queue.schedule()
    await turns()
    // Once for the turn, once for its own coming, which was announced to all.
    expect(looks).toBeLessThanOrEqual(2)
    hall.pass(2_000)
  })

  it('hears of what other workers give up', async () => {
    const hall = new Hall()
    hall.enter('a')
    await turns()
    hall.room = 1
    announceRoom(hall.page.upstreamCells, 0)
    await waitFor(() => hall.log.length > 0, 'a place')
    expect([hall.log.join(), hall.queued]).toEqual(['a', 0])
  })

  it('lets nobody be held up by one who cannot take what there is', async () => {
    const hall = new Hall()
    hall.queue.enter(hall.waiter('choosy', true, () => false))
    hall.enter('a')
    hall.enter('b')
    hall.room = 2
    hall.queue.schedule()
    await turns()
    expect([hall.log.join(), hall.queue.length]).toEqual(['a,b', 1])
    hall.pass(2_000)
  })

  it('lets those behind wait who want the same as the first', async () => {
    const hall = new Hall()
    let asked = 0
    const full = () => {
      asked += 1
      return false
    }
    for (const name of 'abc') hall.queue.enter(hall.waiter(name, false, full))
    await turns(1)
    expect(asked).toBe(1)
    hall.pass(2_000)
  })

  it('is bounded over all workers', () => {
    const hall = new Hall(3)
    hall.enter('a', 0)
    hall.enter('b', 1)
    hall.enter('c', 1)
    expect(hall.queues.map(queue => queue.enter(hall.waiter('d')))).toEqual([false, false])
    expect(hall.queued).toBe(3)
    expect(hall.queues.map(queue => queue.elsewhere)).toEqual([2, 1])
    hall.pass(2_000)
  })

  it('lets go of those who have waited for too long', async () => {
    const hall = new Hall()
    hall.enter('a')
    hall.pass(600)
    hall.enter('b')
    hall.pass(400 + 2 * TICK_MS)
    expect([hall.log.join(), hall.queued]).toEqual(['a too late', 1])
    hall.room = 1
    hall.queue.schedule()
    await turns()
    expect(hall.log.join()).toBe('a too late,b')
    hall.pass(5_000)
    expect([hall.log.length, hall.wheels[0]!.hanging]).toEqual([2, 0])
  })

  it('lets go of those who leave, once', async () => {
    const hall = new Hall()
    const a = hall.enter('a')
    hall.enter('b')
    hall.queue.leave(a)
    hall.queue.leave(a)
    expect([hall.queue.length, hall.queued]).toEqual([1, 1])
    hall.room = 2
    hall.queue.schedule()
    await turns()
    expect([hall.log.join(), hall.queued, hall.room]).toEqual(['b', 0, 1])
  })

  it("counts those in the row of their worker, so that a dead one's wait no more", () => {
    const hall = new Hall()
    hall.enter('a', 0)
    hall.enter('b', 1)
    hall.page.clearPresent(hall.page.rows[0]!)
    expect([hall.queued, hall.queues[1]!.elsewhere]).toEqual([1, 0])
  })

  it('serves one who leaves another while it is served', async () => {
    const hall = new Hall()
    const b = hall.waiter('b')
    hall.queue.enter({
      isChoosy: false,
      onRoom: () => {
        hall.queue.leave(b)
        return true
      },
      onWaitTimeout: () => undefined,
    })
    hall.queue.enter(b)
    hall.enter('c')
    hall.room = 5
    hall.queue.schedule()
    await turns()
    expect([hall.log.join(), hall.queued]).toEqual(['c', 0])
  })
})
