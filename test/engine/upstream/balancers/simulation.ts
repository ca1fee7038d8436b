import { stampOf } from '../../../../engine/shared/clock.ts'
import type { Balancer } from '../../../../engine/upstream/balancers/balancer.ts'
import type { Dice } from '../../../../engine/upstream/balancers/dice.ts'
import type { Scene } from './scene.ts'

export interface Simulation {
  readonly scene: Scene
  /** One for each worker; clients are spread over them. */
  readonly balancers: readonly Balancer[]
  /** Each sends its next request when the last is answered. */
  readonly clients: number
  readonly requests: number
  readonly dice: Dice
  /** How long a member takes, on average; single requests take longer or shorter at random. */
  readonly meanUsOf: (place: number) => number
  readonly keyOf?: (client: number) => string
  /** After each decision, with the request counted. */
  readonly onBegin?: (place: number) => void
}

export interface Outcome {
  /** Requests that each member had. */
  readonly counts: readonly number[]
  readonly meanUs: number
}

interface Request {
  readonly endsUs: number
  readonly tookUs: number
  readonly place: number
  readonly client: number
}

/** Requests as they would come and go, event by event, without the time that it would take. */
export function simulate(settings: Simulation): Outcome {
  const { scene, balancers, clients, requests, dice, meanUsOf, keyOf, onBegin } = settings
  const startedMs = performance.now()
  const counts = new Array<number>(scene.members.count).fill(0)
  const queue = new Queue()
  let sumUs = 0

  const begin = (client: number, nowUs: number): void => {
    const worker = client % balancers.length
    const place = balancers[worker]!.pick(keyOf?.(client) ?? '', null, startedMs + nowUs / 1000)
    counts[place]! += 1
    scene.add(place, 1, worker)
    onBegin?.(place)
    const tookUs = -Math.log(1 - dice.roll()) * meanUsOf(place)
    queue.add({ endsUs: nowUs + tookUs, tookUs, place, client })
  }

  for (let client = 0; client < clients; client += 1) begin(client, client)
  for (let ended = 0; ended < requests; ended += 1) {
    const { endsUs, tookUs, place, client } = queue.take()
    sumUs += tookUs
    scene.add(place, -1, client % balancers.length)
    scene.answered(place, tookUs, stampOf(startedMs + endsUs / 1000))
    begin(client, endsUs)
  }
  return { counts, meanUs: sumUs / requests }
}

/** Requests under way, as a heap: who ends first is at its top. */
class Queue {
  readonly #heap: Request[] = []

  add(request: Request): void {
    const heap = this.#heap
    heap.push(request)
    let at = heap.length - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (heap[parent]!.endsUs <= request.endsUs) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = request
  }

  take(): Request {
    const heap = this.#heap
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return first
    let at = 0
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && heap[child + 1]!.endsUs < heap[child]!.endsUs) child += 1
      if (heap[child]!.endsUs >= last.endsUs) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}
