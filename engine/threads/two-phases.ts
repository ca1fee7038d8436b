/**
 * The two phases in which all workers take another generation over: first each makes it ready, or says why it cannot; when all
 * are, each serves by it.
 */
import { ListenError } from '../net/listen-error.ts'
import type { Address, UpstreamSnapshot } from '../snapshot.ts'
import type { UpstreamPlacement } from '../upstream/placement.ts'
import type { Answer, GenerationPlan, Order } from './messages.ts'
import { ReloadError } from './reload-error.ts'
import { isOpen, withAddresses } from './sockets.ts'
import type { WorkerThread } from './worker-thread.ts'

/** Milliseconds that a worker gets to answer. Past it: `ReloadError` in the first phase; in the second nobody waits for it. */
const ANSWER_MS_MAX = 10_000

/** Routes in one message, or upstreams and endpoints: it takes about a millisecond to write, and to read. */
const SENT_AT_ONCE = 250

/**
 * Gives the plan with the ports that the system has chosen, when all are ready. Rejects with the first that is not; from then
 * on no worker is told more of it.
 */
export async function prepareAll(threads: readonly WorkerThread[], plan: GenerationPlan): Promise<GenerationPlan> {
  const ended = new AbortController()
  const ask = (thread: WorkerThread, asked: GenerationPlan) => prepare(thread, asked, ended.signal)
  const [first, ...others] = threads
  try {
    if (first === undefined || !plan.sockets.some(({ address }) => isOpen(address))) {
      await Promise.all(threads.map(thread => ask(thread, plan)))
      return plan
    }
    // As at the start: one learns the ports, the others join it there.
    const complete = { ...plan, sockets: withAddresses(plan.sockets, await ask(first, plan)) }
    await Promise.all(others.map(thread => ask(thread, complete)))
    return complete
  } finally {
    ended.abort()
  }
}

async function prepare(
  thread: WorkerThread,
  plan: GenerationPlan,
  ended: AbortSignal,
): Promise<readonly (Address | null)[]> {
  const { index } = thread
  const answer = await withinTime(order(thread, plan, ended))
  if (answer === 'late') {
    throw new ReloadError('timeout', `worker ${index} has not answered within ${ANSWER_MS_MAX / 1000} s`, index)
  }
  if (answer?.kind === 'listening') return answer.addresses
  if (answer?.kind !== 'refused') {
    throw new ReloadError('died', `worker ${index} has died before it was ready`, index)
  }
  const { listener, code, message } = answer
  if (listener !== '') throw new ListenError(listener, code, message)
  throw new ReloadError('refused', `worker ${index} cannot take it over: ${message}`, index)
}

/**
 * One message after the other, so that the worker serves in between. None once it has `ended`: what came behind the word that
 * it is given up would be taken for a part of the next.
 */
async function order(thread: WorkerThread, plan: GenerationPlan, ended: AbortSignal): Promise<Answer | null> {
  const { snapshot } = plan
  const routes = pieces(snapshot.routes, () => 1)
  const upstreams = pieces(snapshot.upstreams, ({ endpoints }) => 1 + endpoints.length)
  const lastRoutes = routes.pop() ?? []
  const lastUpstreams = upstreams.pop() ?? []
  const placements = [...plan.upstreams]
  const orders: Order[] = [
    ...upstreams.map(some => orderOf(some, placements.splice(0, some.length))),
    ...routes.map((some): Order => ({ kind: 'routes', routes: some })),
  ]
  for (const before of orders) {
    const answer = await thread.order(before)
    if (answer === null || ended.aborted) return null
  }
  const rest = { ...snapshot, routes: lastRoutes, upstreams: lastUpstreams }
  return await thread.order({ kind: 'prepare', plan: { ...plan, snapshot: rest, upstreams: placements } })
}

function orderOf(upstreams: readonly UpstreamSnapshot[], placements: readonly UpstreamPlacement[]): Order {
  return { kind: 'upstreams', upstreams, placements }
}

/** In their order, each piece of about what may be sent at once; one that weighs more has a piece to itself. */
function pieces<T>(all: readonly T[], weightOf: (one: T) => number): T[][] {
  const found: T[][] = []
  let room = 0
  for (const one of all) {
    const weight = weightOf(one)
    if (weight > room) {
      found.push([])
      room = SENT_AT_ONCE
    }
    found.at(-1)?.push(one)
    room -= weight
  }
  return found
}

/**
 * All serve by what they have made ready: resolves when they do. One that takes too long to say so is not waited for, since
 * nothing can be taken back any more; `onAll` is called when the last of them has said so, or is gone.
 */
export async function commitAll(
  threads: readonly WorkerThread[],
  generation: number,
  moved: readonly UpstreamPlacement[],
  onAll: () => void,
): Promise<void> {
  const all = Promise.all(threads.map(thread => thread.order({ kind: 'commit', generation, moved })))
  await withinTime(all.then(onAll))
}

async function withinTime<T>(answer: Promise<T>): Promise<T | 'late'> {
  const { promise, resolve } = Promise.withResolvers<'late'>()
  const timer = setTimeout(resolve, ANSWER_MS_MAX, 'late')
  try {
    return await Promise.race([answer, promise])
  } finally {
    clearTimeout(timer)
  }
}
