import { get } from './heads.ts'
import { rawClient } from './raw-client.ts'
import { waitFor } from './wait-for.ts'

/** Clients on kept connections, each of which asks again as soon as it has its answer. Never meant to measure. */
export class SteadyLoad implements AsyncDisposable {
  /** By the first letter of the content, or by the status where that is not 200; `cut` where the connection ended. */
  counts: Record<string, number> = {}
  #stopped = false
  /** Requests of an earlier one do not count. */
  #phase = 0
  readonly #clients: Promise<void>[]

  constructor(port: number, connections: number) {
    this.#clients = Array.from({ length: connections }, () => this.#run(port))
  }

  async #run(port: number): Promise<void> {
    while (!this.#stopped) {
      using client = await rawClient(port)
      while (!this.#stopped && client.ended === 'no') {
        const phase = this.#phase
        await client.send(get('/x'))
        const outcome = await client.nextResponse()
        const isGood = outcome.kind === 'whole' && outcome.response.status === 200
        const failure = outcome.kind === 'whole' ? String(outcome.response.status) : 'cut'
        const who = isGood ? outcome.response.content.toString().slice(0, 1) : failure
        if (phase === this.#phase) this.counts[who] = (this.counts[who] ?? 0) + 1
      }
    }
  }

  /** What at least `count` requests come to that are sent from here on. */
  async next(count: number): Promise<Record<string, number>> {
    this.#phase += 1
    this.counts = {}
    const sum = () => Object.values(this.counts).reduce((all, one) => all + one, 0)
    await waitFor(() => sum() >= count, `${count} answers`)
    return this.counts
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#clients)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}
