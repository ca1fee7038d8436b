/**
 * Load at a fixed rate, open loop: each unit has a time when it is due, whatever became of those before it. One that
 * finds no free connection waits in a queue, and its latency counts from when it was due. That is what makes up for
 * coordinated omission: a generator that waits for a slow proxy before it sends would leave out just the slow ones.
 *
 * Between units it spins: a sleep is too coarse (1 ms) to be a clock for tens of µs.
 */
import { build, type Histogram } from 'hdr-histogram-js'
import type { CurvePoint } from '../frame/results.ts'
import type { Lane } from './lane.ts'
import { newLane } from './lanes.ts'
import { type LoadPlan, PERCENTILES, type StationReport } from './plan.ts'

/** How long past its end a run waits for what is still on its way, in ms. What has not come then counts by its age. */
const DRAIN_MS = 1000

/** Connections that are opened at once, and how long all of them may take. */
const OPENING_MAX = 64
const OPEN_TIMEOUT_MS = 10_000

export class LoadRun {
  readonly #plan: LoadPlan
  readonly #lanes: Lane[] = []
  readonly #free: Lane[] = []
  readonly #histogram: Histogram = build({ numberOfSignificantValueDigits: 3, autoResize: true })
  /** When the units were due that no lane was free for, the first at `#queueHead`. */
  readonly #queue: number[] = []
  #queueHead = 0
  #begun = 0
  #done = 0
  #startedAt = 0
  /** When it has stopped to send, where it sends as fast as it can; 0 before. */
  #endedAt = 0
  #failure: string | null = null
  #isOver = false

  constructor(plan: LoadPlan) {
    this.#plan = plan
  }

  /** Throws where a unit was not done as it should be. */
  async run(): Promise<StationReport> {
    try {
      await this.#open()
      await (this.#plan.rate === null ? this.#runClosed() : this.#runOpen(this.#plan.rate))
      return this.#report()
    } finally {
      this.#isOver = true
      for (const lane of this.#lanes) lane.close()
    }
  }

  async #open(): Promise<void> {
    const deadline = performance.now() + OPEN_TIMEOUT_MS
    const owner = {
      done: (lane: Lane) => this.#complete(lane),
      ready: (lane: Lane) => this.#ready(lane),
      failed: (reason: string) => (this.#failure ??= reason),
    }
    for (let opened = 0; opened < this.#plan.connections; ) {
      const batch = Math.min(OPENING_MAX, this.#plan.connections - opened)
      for (let count = 0; count < batch; count += 1) {
        const lane = newLane(this.#plan, owner)
        this.#lanes.push(lane)
        lane.open()
      }
      opened += batch
      while (this.#free.length < opened) {
        this.#check()
        if (performance.now() > deadline) throw new Error(`${opened - this.#free.length} connections do not open`)
        await turn()
      }
    }
  }

  async #runOpen(rate: number): Promise<void> {
    const total = Math.round(rate * this.#plan.seconds)
    const msEach = 1000 / rate
    this.#startedAt = performance.now()
    const end = this.#startedAt + this.#plan.seconds * 1000 + DRAIN_MS
    for (;;) {
      const now = performance.now()
      while (this.#begun < total && this.#startedAt + this.#begun * msEach <= now) {
        this.#begin(this.#startedAt + this.#begun * msEach)
      }
      this.#check()
      if (this.#done === total || now > end) return
      await turn()
    }
  }

  async #runClosed(): Promise<void> {
    this.#startedAt = performance.now()
    const end = this.#startedAt + this.#plan.seconds * 1000
    for (const lane of this.#free.splice(0)) this.#send(lane, performance.now())
    while (performance.now() < end) {
      this.#check()
      await turn()
    }
    await this.#drain()
  }

  /** Nothing follows, and what is on its way comes home: a datagram that came later would be for whoever has its port by then. */
  async #drain(): Promise<void> {
    this.#endedAt = performance.now()
    if (this.#done === 0) return
    while (this.#lanes.some(({ dueAt }) => dueAt > 0) && performance.now() < this.#endedAt + DRAIN_MS) {
      this.#check()
      await turn()
    }
  }

  #begin(dueAt: number): void {
    this.#begun += 1
    const lane = this.#free.pop()
    if (lane === undefined) this.#queue.push(dueAt)
    else this.#send(lane, dueAt)
  }

  #send(lane: Lane, dueAt: number): void {
    lane.dueAt = dueAt
    lane.send()
  }

  #complete(lane: Lane): void {
    if (this.#isOver) return
    const { dueAt } = lane
    lane.dueAt = 0
    if (this.#endedAt > 0) return
    this.#done += 1
    this.#record(performance.now() - dueAt)
  }

  #ready(lane: Lane): void {
    if (this.#isOver || this.#endedAt > 0) return
    if (this.#startedAt > 0 && this.#plan.rate === null) {
      this.#send(lane, performance.now())
      return
    }
    const dueAt = this.#queue[this.#queueHead]
    if (dueAt === undefined) {
      this.#free.push(lane)
      return
    }
    this.#queueHead += 1
    this.#send(lane, dueAt)
  }

  #record(latencyMs: number): void {
    this.#histogram.recordValue(Math.max(1, Math.round(latencyMs * 1000)))
  }

  #check(): void {
    if (this.#failure !== null) throw new Error(this.#failure)
  }

  #report(): StationReport {
    if (this.#done === 0) throw new Error('not one answer came')
    const now = this.#endedAt > 0 ? this.#endedAt : performance.now()
    const seconds = (now - this.#startedAt) / 1000
    const units = this.#done
    let unfinished = 0
    if (this.#plan.rate !== null) {
      const onTheirWay = this.#lanes.map(({ dueAt }) => dueAt).filter(dueAt => dueAt > 0)
      const late = [...this.#queue.slice(this.#queueHead), ...onTheirWay]
      for (const dueAt of late) this.#record(now - dueAt)
      unfinished = late.length
    }
    const curve = PERCENTILES.map((percentile): CurvePoint => {
      const latencyUs =
        percentile === 0 ? this.#histogram.minNonZeroValue : this.#histogram.getValueAtPercentile(percentile)
      return [percentile, latencyUs]
    })
    return { units, seconds, unfinished, curve }
  }
}

function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
