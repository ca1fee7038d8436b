/** The shape of a scenario whose origin has to be the station's: uploads, which it reads to the end, WebSockets and datagrams. */

import type { Work } from '../load/plan.ts'
import { Station } from '../load/station.ts'
import type { LoadReport } from '../load/wrk.ts'
import type { Contestant } from './contestant.ts'
import { LATENCY_MEASURES, latencyPhase } from './latency-phase.ts'
import { idlePhase, loadMeasures, saturationPhase } from './phases.ts'
import { CONNECTIONS, PLAIN, type Scenario, type Variant } from './scenario.ts'
import type { Stage } from './stage.ts'

export interface StationScenarioOptions {
  readonly name: string
  readonly title: string
  readonly summary: string
  readonly unit: string
  /** What a peer is to be, and has to be able to do; a proxy of HTTP/1.1 by default. */
  readonly variant?: Variant
  readonly connections?: number
  /** What a proxy needs room for, where that is more: clients of UDP do not say that they go. */
  readonly connectionsHeld?: number
  readonly work: Work
  /** Throws unless one unit of work is really done. */
  verify(contestant: Contestant, station: Station): Promise<void>
  /** As many units as the contestant can do. */
  saturate(stage: Stage, station: Station): (contestant: Contestant, seconds: number) => Promise<LoadReport>
}

export function stationScenario(options: StationScenarioOptions): Scenario {
  const { name, title, summary, unit, work, variant = PLAIN, connections = CONNECTIONS } = options
  const { connectionsHeld = connections } = options
  return {
    name,
    title,
    summary,
    unit,
    measures: [...loadMeasures(unit), ...LATENCY_MEASURES],
    variants: [variant],
    connections: connectionsHeld,
    proxies: 'running',
    prepare: async stage => {
      const station = await Station.start(stage)
      const verify = (contestant: Contestant) => options.verify(contestant, station)
      const saturation = saturationPhase(stage.settings, options.saturate(stage, station))
      const latency = latencyPhase({
        settings: stage.settings,
        unit,
        connections,
        work,
        station: async () => station,
        verify,
      })
      return { originPort: station.port, notes: [], verify, phases: [idlePhase(), saturation, latency] }
    },
  }
}
