import type { Address, PoolSnapshot } from '../../engine/snapshot.ts'
import { type SameThreadProxy, startSameThreadProxy } from '../support/proxy.ts'

/** A listener of the proxy with an origin of its own behind it, so that lanes run side by side and never mix. */
export interface Lane<Origin> {
  readonly index: number
  readonly port: number
  readonly origin: Origin
}

export interface Lanes<Origin> extends AsyncDisposable {
  readonly proxy: SameThreadProxy
  readonly lanes: readonly Lane<Origin>[]
  close(): Promise<void>
}

interface Peer {
  readonly address: Address
  close(): Promise<void>
}

/** One proxy with `count` listeners; requests that come on a listener go to its own origin. */
export async function startLanes<Origin extends Peer>(
  count: number,
  makeOrigin: (index: number) => Promise<Origin>,
  pool: Partial<PoolSnapshot> = {},
): Promise<Lanes<Origin>> {
  const indices = Array.from({ length: count }, (_, index) => index)
  const origins = await Promise.all(indices.map(makeOrigin))
  const proxy = await startSameThreadProxy({
    // The cases are those of HTTP/1.1: the preface of HTTP/2 is one of them, as something that nobody asked for.
    listeners: indices.map(() => ({ http2: null })),
    upstreams: Object.fromEntries(
      origins.map((origin, index) => [`origin${index}`, { endpoints: [origin.address], pool }]),
    ),
    routes: indices.map(index => ({ match: { listeners: [index] }, to: `origin${index}` })),
  })
  const lanes = origins.map((origin, index) => ({ index, port: proxy.portOf(index), origin }))
  const close = async () => {
    await proxy.stop()
    await Promise.all(origins.map(origin => origin.close()))
  }
  return { proxy, lanes, close, [Symbol.asyncDispose]: close }
}

/** Gives each job to the next free lane; within a lane one after the other. */
export async function runInLanes<Origin, Job>(
  lanes: readonly Lane<Origin>[],
  jobs: Iterable<Job>,
  run: (lane: Lane<Origin>, job: Job) => Promise<void>,
): Promise<void> {
  const queue = jobs[Symbol.iterator]()
  await Promise.all(
    lanes.map(async lane => {
      for (let next = queue.next(); !next.done; next = queue.next()) await run(lane, next.value)
    }),
  )
}
