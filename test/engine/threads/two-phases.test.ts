import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Answer, GenerationPlan, Order } from '../../../engine/threads/messages.ts'
import { commitAll, prepareAll } from '../../../engine/threads/two-phases.ts'
import type { WorkerThread } from '../../../engine/threads/worker-thread.ts'
import { testSnapshot } from '../../support/snapshot.ts'

afterEach(() => {
  vi.useRealTimers()
})

const open = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const

function planOf(
  routes = 1,
  address: GenerationPlan['sockets'][number]['address'] = { ...open, port: 80 },
): GenerationPlan {
  const to = { kind: 'respond', status: 204, fields: [], content: new Uint8Array() } as const
  const snapshot = testSnapshot({ routes: Array.from({ length: routes }, () => ({ to })) })
  return {
    snapshot,
    sockets: [{ socket: 1, transport: 'tcp', worker: -1, address, limits: new SharedArrayBuffer(0) }],
    upstreams: [],
    ticketSecrets: [],
  }
}

class HandThread {
  readonly index: number
  readonly orders: Order[] = []
  readonly #answer: (order: Order) => Answer | null | Promise<Answer>

  constructor(index: number, answer: (order: Order) => Answer | null | Promise<Answer>) {
    this.index = index
    this.#answer = answer
  }

  async order(order: Order): Promise<Answer | null> {
    this.orders.push(order)
    return await this.#answer(order)
  }
}

const listening = (port = 80) => ({ kind: 'listening', addresses: [{ ...open, port }] }) as const
const prepare = (threads: readonly HandThread[], plan: GenerationPlan) =>
  prepareAll(threads as unknown as readonly WorkerThread[], plan)
const addressesOf = ({ orders }: HandThread) =>
  orders.flatMap(order => (order.kind === 'prepare' ? order.plan.sockets.map(({ address }) => address) : []))

describe('the first phase', () => {
  it('asks all at once, and gives the plan as it is', async () => {
    const threads = [0, 1].map(index => new HandThread(index, () => listening()))
    const plan = planOf()
    expect(await prepare(threads, plan)).toEqual(plan)
    expect(threads.map(addressesOf)).toEqual([[{ ...open, port: 80 }], [{ ...open, port: 80 }]])
  })

  it('has one worker learn the port that the system chooses, and tells it to the others', async () => {
    const threads = [0, 1].map(index => new HandThread(index, () => listening(4711)))
    const { sockets } = await prepare(threads, planOf(1, open))
    expect(sockets.map(({ address }) => address)).toEqual([{ ...open, port: 4711 }])
    expect(threads.map(addressesOf)).toEqual([[open], [{ ...open, port: 4711 }]])
  })

  it('sends many routes in pieces, in their order, each when the one before it was read', async () => {
    const thread = new HandThread(0, ({ kind }) => (kind === 'routes' ? { kind: 'done' } : listening()))
    const plan = planOf(1_100)
    await prepare([thread], plan)
    expect(thread.orders.map(({ kind }) => kind)).toEqual(['routes', 'routes', 'routes', 'routes', 'prepare'])
    const sent = thread.orders.flatMap(order => {
      if (order.kind === 'routes') return order.routes
      return order.kind === 'prepare' ? order.plan.snapshot.routes : []
    })
    expect(sent).toEqual(plan.snapshot.routes)
  })

  it('does so with many upstreams and endpoints, and where they are', async () => {
    const thread = new HandThread(0, ({ kind }) => (kind === 'upstreams' ? { kind: 'done' } : listening()))
    const sizes = [100, 100, 600, 1, 1]
    const snapshot = testSnapshot({
      upstreams: Object.fromEntries(
        sizes.map((size, index) => [`u${index}`, new Array(size).fill({ ...open, port: 1 })]),
      ),
    })
    const upstreams = sizes.map((_, slot) => ({ slot, since: 1, endpoints: [] }))
    await prepare([thread], { ...planOf(), snapshot, upstreams })
    const sent = thread.orders.map(order => {
      if (order.kind === 'upstreams') return [order.upstreams, order.placements] as const
      return order.kind === 'prepare' ? ([order.plan.snapshot.upstreams, order.plan.upstreams] as const) : null
    })
    expect(sent.map(some => some?.[0].length)).toEqual([2, 1, 2])
    expect(sent.flatMap(some => some?.[0] ?? [])).toEqual(snapshot.upstreams)
    expect(sent.flatMap(some => some?.[1] ?? [])).toEqual(upstreams)
  })

  it.each<[string, Answer | null, Record<string, unknown>]>([
    [
      'cannot listen',
      { kind: 'refused', listener: 'web', code: 'EACCES', message: 'no' },
      { name: 'ListenError', listener: 'web', code: 'EACCES', message: 'no' },
    ],
    [
      'refuses',
      { kind: 'refused', listener: '', code: '', message: 'no such thing' },
      { name: 'ReloadError', reason: 'refused', worker: 1, message: 'worker 1 cannot take it over: no such thing' },
    ],
    [
      'dies',
      null,
      { name: 'ReloadError', reason: 'died', worker: 1, message: 'worker 1 has died before it was ready' },
    ],
  ])('ends when a worker %s', async (_, answer, failure) => {
    const threads = [new HandThread(0, () => listening()), new HandThread(1, () => answer)]
    await expect(prepare(threads, planOf())).rejects.toMatchObject(failure)
    const late = new HandThread(1, ({ kind }) => (kind === 'routes' ? null : listening()))
    await expect(prepare([late], planOf(1_000))).rejects.toMatchObject({ reason: 'died' })
  })

  it('ends when a worker says nothing for too long', async () => {
    vi.useFakeTimers()
    const silent = new HandThread(1, () => new Promise<never>(() => undefined))
    const failed = expect(prepare([new HandThread(0, () => listening()), silent], planOf())).rejects.toMatchObject({
      reason: 'timeout',
      worker: 1,
      message: 'worker 1 has not answered within 10 s',
    })
    await vi.advanceTimersByTimeAsync(10_000)
    await failed
    expect(vi.getTimerCount()).toBe(0)
  })

  it('tells a worker that is slower no more of it once another one has refused', async () => {
    const { promise: read, resolve: goOn } = Promise.withResolvers<void>()
    const refusing = new HandThread(0, ({ kind }) =>
      kind === 'routes' ? { kind: 'done' } : { kind: 'refused', listener: '', code: '', message: 'no' },
    )
    const slow = new HandThread(1, async ({ kind }) => {
      await read
      return kind === 'routes' ? { kind: 'done' } : listening()
    })
    await expect(prepare([refusing, slow], planOf(1_000))).rejects.toMatchObject({ reason: 'refused', worker: 0 })
    goOn()
    await new Promise(resolve => setImmediate(resolve))
    expect(slow.orders.map(({ kind }) => kind)).toEqual(['routes'])
  })
})

describe('the second phase', () => {
  const commit = (threads: readonly HandThread[], onAll: () => void) =>
    commitAll(threads as unknown as readonly WorkerThread[], 2, [], onAll)
  const committed = { kind: 'committed', oldest: 2 } as const

  it('is over when all serve by it, or are gone', async () => {
    const threads = [new HandThread(0, () => committed), new HandThread(1, () => null)]
    const onAll = vi.fn()
    await commit(threads, onAll)
    expect(onAll).toHaveBeenCalledOnce()
    expect(threads[1]?.orders).toEqual([{ kind: 'commit', generation: 2, moved: [] }])
  })

  it('does not wait for ever for one that says nothing; what it frees waits for that one', async () => {
    vi.useFakeTimers()
    const { promise, resolve: answer } = Promise.withResolvers<Answer>()
    const onAll = vi.fn()
    const ended = commit([new HandThread(0, () => committed), new HandThread(1, () => promise)], onAll)
    await vi.advanceTimersByTimeAsync(10_000)
    await ended
    expect(onAll).not.toHaveBeenCalled()
    answer(committed)
    await vi.advanceTimersByTimeAsync(0)
    expect(onAll).toHaveBeenCalledOnce()
    expect(vi.getTimerCount()).toBe(0)
  })
})
