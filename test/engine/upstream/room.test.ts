import { afterEach, describe, expect, it } from 'vitest'
import type { Http1ClientSession } from '../../../engine/upstream/http1-client-session.ts'
import type { Http1Pool } from '../../../engine/upstream/http1-pool.ts'
import { FULL, QUEUE_FULL, WAITS } from '../../../engine/upstream/room.ts'
import type { Waiter } from '../../../engine/upstream/waiting-queue.ts'
import type { TestUpstream } from '../../support/snapshot.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'
import { Crew, endpointNamed } from './crew.ts'

const crews: Crew[] = []
function crewOf(settings: Omit<TestUpstream, 'endpoints'>, workers = 2): Crew {
  const crew = new Crew({ endpoints: [endpointNamed('a', { connectionsMax: 1 })], ...settings }, workers)
  crews.push(crew)
  return crew
}
afterEach(() => {
  for (const crew of crews.splice(0)) {
    for (const upstream of crew.workers) upstream.close()
    for (const wheel of crew.wheels) wheel.advance()
  }
})

const poolOf = (crew: Crew, worker: number) => crew.endpoint('a', worker).pool as Http1Pool

/** Somebody who takes a session of a worker as soon as there is one. */
class Taker implements Waiter {
  readonly isChoosy = false
  readonly #crew: Crew
  readonly #worker: number
  session: Http1ClientSession | null = null

  constructor(crew: Crew, worker: number) {
    this.#crew = crew
    this.#worker = worker
  }

  onRoom(): boolean {
    this.session = poolOf(this.#crew, this.#worker).acquire(false, null) as Http1ClientSession | null
    return this.session !== null
  }

  onWaitTimeout(): void {}
}

/** A request has begun, or ended, on the endpoint. */
function count(crew: Crew, worker: number, change: number): void {
  crew.page.rows[worker]!.inFlight[0]! += change
}

describe('room', () => {
  it('is not waited for without a queue, where all connections have requests', () => {
    const crew = crewOf({})
    poolOf(crew, 1).acquire(false, null) as Http1ClientSession | null
    count(crew, 1, 1)
    expect(crew.upstream.room.enter(new Taker(crew, 0))).toBe(FULL)
    expect(crew.upstream.room.isAwaited).toBe(false)
  })

  it.each([
    ['without a queue', {}],
    ['with one', { queue: {} }],
  ])(
    'is made by the worker that keeps a connection idle, when somebody in another one waits: %s',
    async (_, settings) => {
      const crew = crewOf(settings)
      const idle = poolOf(crew, 1).acquire(false, null) as Http1ClientSession
      poolOf(crew, 1).giveBack(idle)
      const taker = new Taker(crew, 0)
      expect(crew.upstream.room.enter(taker)).toBe(WAITS)
      await waitFor(() => taker.session !== null, 'a session')
      expect([idle.closed, crew.page.rows.map(({ connections }) => connections[0])]).toEqual([true, [1, 0]])
    },
  )

  it('is made by the worker whose connection becomes idle while somebody in another one waits', async () => {
    const crew = crewOf({ queue: {} })
    const busy = poolOf(crew, 1).acquire(false, null) as Http1ClientSession
    count(crew, 1, 1)
    const taker = new Taker(crew, 0)
    expect(crew.upstream.room.enter(taker)).toBe(WAITS)
    await turns()
    expect(taker.session).toBe(null)
    count(crew, 1, -1)
    poolOf(crew, 1).giveBack(busy)
    expect(busy.closed).toBe(true)
    await waitFor(() => taker.session !== null, 'a session')
  })

  it('is kept in the worker where somebody waits, if nobody does elsewhere', async () => {
    const crew = crewOf({ queue: {} })
    const busy = poolOf(crew, 0).acquire(false, null) as Http1ClientSession
    const taker = new Taker(crew, 0)
    crew.upstream.room.enter(taker)
    poolOf(crew, 0).giveBack(busy)
    await turns()
    expect(taker.session).toBe(busy)
  })

  it('goes both ways where some wait in both: nobody starves', async () => {
    const crew = crewOf({ queue: { size: 1_000 } })
    let session = poolOf(crew, 0).acquire(false, null) as Http1ClientSession
    const takers = [0, 1].map(worker => Array.from({ length: 100 }, () => new Taker(crew, worker)))
    for (const [worker, all] of takers.entries()) for (const taker of all) crew.workers[worker]!.room.enter(taker)
    const served: number[] = []
    for (let round = 0; round < 200; round += 1) {
      const worker = session.endpoint === crew.endpoint('a', 0) ? 0 : 1
      poolOf(crew, worker).giveBack(session)
      const next = await waitFor(() => takers.flat().find(taker => taker.session !== null), 'the next')
      session = next.session!
      next.session = null
      served.push(takers[0]!.includes(next) ? 0 : 1)
    }
    expect(served.filter(worker => worker === 0).length).toBe(100)
    // Both are among the first half, whoever began: that they are not happens once in a hundred million times.
    expect(new Set(served.slice(0, 100)).size).toBe(2)
  })

  it('is waited for by as many as may', () => {
    const crew = crewOf({ queue: { size: 1 } })
    poolOf(crew, 1).acquire(false, null) as Http1ClientSession | null
    const waiting = new Taker(crew, 0)
    expect(crew.upstream.room.enter(waiting)).toBe(WAITS)
    expect(crew.upstream.room.isAwaited).toBe(true)
    expect(crew.workers[1]!.room.enter(new Taker(crew, 1))).toBe(QUEUE_FULL)
    crew.upstream.room.leave(waiting)
    expect(crew.upstream.room.isAwaited).toBe(false)
  })
})
