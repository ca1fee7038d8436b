/** What a scenario is. Lives in `scenarios/<name>.ts`; the frame knows none of them by name. */
import type { Contestant } from './contestant.ts'
import type { Capability, ProxySetup } from './peer.ts'
import type { Measure, Row, Sample } from './results.ts'
import type { Stage } from './stage.ts'

export interface Scenario {
  readonly name: string
  readonly title: string
  /** One sentence: the work, and what makes it different. */
  readonly summary: string
  /** What one unit of work is: request, message, connection. */
  readonly unit: string
  /** The first is what ratios are about and what the plot shows. */
  readonly measures: readonly Measure[]
  /** What stands side by side of each peer that can; a peer without any of them is left out. */
  readonly variants: readonly Variant[]
  /** The only peers that it is about; without it all. */
  readonly peers?: readonly string[]
  /** Connections that clients have open at once. */
  readonly connections: number
  /** Whether all proxies run from the beginning, one waiting while the other works, or a phase starts and stops them. */
  readonly proxies: 'running' | 'started-by-phase'
  /** Starts what it needs besides proxies; the stage ends it. */
  prepare(stage: Stage): Promise<Plan>
}

export interface Variant {
  /** Empty for a peer as it is. */
  readonly name: string
  readonly setup?: Partial<
    Pick<ProxySetup, 'workers' | 'pipelining' | 'endpoints' | 'listens' | 'responses' | 'originSpeaks'>
  > & {
    readonly accessLog?: boolean
  }
  readonly needs: readonly Capability[]
}

export interface Plan {
  readonly originPort: number
  /** What a reader of the figures has to know. */
  readonly notes: readonly string[]
  /** Throws, with what is wrong, unless the work is really done through this contestant. */
  verify(contestant: Contestant): Promise<void>
  readonly phases: readonly Phase[]
}

export interface Phase {
  readonly name: string
  readonly rounds: number
  /** How long one measurement takes, about: for the time that is left. */
  readonly secondsEach: number
  /** Whether the load goes to the origin itself as well, as one more contestant. */
  readonly withDirect: boolean
  /**
   * Called once before its first round, with what earlier phases have found; resolves with notes for the scenario. The
   * phase is left out where it rejects.
   */
  begin?(rows: readonly Row[]): Promise<readonly string[]>
  /** Compilers and pools get warm; called for each contestant before the first round. */
  warmUp?(contestant: Contestant): Promise<void>
  /** How long that takes, about; 0 without one. */
  readonly warmUpSeconds: number
  /** Throws where the work was not done: the contestant's row fails with that reason and the run goes on. */
  measure(contestant: Contestant): Promise<Measurement>
}

export type Measurement = Pick<Sample, 'values' | 'curve' | 'threads'> & {
  /** What this measurement has to say about its row. */
  readonly notes?: readonly string[]
}

/** A peer as it is, and nothing beside it. */
export const PLAIN: Variant = { name: '', needs: ['http1'] }

/** A peer that passes connections through without a look at what they carry. */
export const TCP: Variant = { name: '', setup: { listens: 'tcp' }, needs: ['tcp'] }

/** Of most scenarios: enough to keep a proxy busy, few enough to be usual. */
export const CONNECTIONS = 64
