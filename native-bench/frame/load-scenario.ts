/** The shape of a scenario that is one kind of load, as much of it as goes: what a unit of it costs, and no latencies. */
import type { Contestant } from './contestant.ts'
import { idlePhase, type Load, loadMeasures, saturationPhase } from './phases.ts'
import type { Scenario, Variant } from './scenario.ts'
import type { Stage } from './stage.ts'

export interface LoadScenarioOptions {
  readonly name: string
  readonly title: string
  readonly summary: string
  /** What a proxy has to be, and to be able to do. */
  readonly setup: NonNullable<Variant['setup']>
  readonly needs: Variant['needs']
  /** Requests under way at once: as many connections as a proxy may need to an origin of HTTP/1.1. */
  readonly requests: number
  readonly notes?: readonly string[]
  readonly origin: (stage: Stage) => Promise<{ readonly port: number }>
  /** Throws unless the work is really done. */
  readonly verify: (contestant: Contestant) => Promise<void>
  readonly load: (stage: Stage) => Load
}

export function loadScenario(options: LoadScenarioOptions): Scenario {
  const { name, title, summary, setup, needs, requests, notes = [], origin, verify, load } = options
  return {
    name,
    title,
    summary,
    unit: 'request',
    measures: loadMeasures('request'),
    variants: [{ name: '', setup, needs }],
    connections: requests,
    proxies: 'running',
    prepare: async stage => {
      const { port } = await origin(stage)
      const phases = [idlePhase(), saturationPhase(stage.settings, load(stage))]
      return { originPort: port, notes, verify, phases }
    },
  }
}
