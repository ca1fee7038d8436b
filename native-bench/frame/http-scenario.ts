/** The shape of a scenario that is HTTP/1.1 requests to an origin with ready answers. */

import { Station } from '../load/station.ts'
import { Wrk } from '../load/wrk.ts'
import { contentOf, type OriginContent } from '../origins/content.ts'
import { startOrigin } from '../origins/index.ts'
import { withAccessLog } from './access-log.ts'
import type { Contestant } from './contestant.ts'
import { GET, type HttpRequest, verifyContent } from './http-request.ts'
import { LATENCY_MEASURES, latencyPhase } from './latency-phase.ts'
import { idlePhase, loadMeasures, saturationPhase } from './phases.ts'
import { CONNECTIONS, PLAIN, type Scenario, type Variant } from './scenario.ts'

export interface HttpScenarioOptions {
  readonly name: string
  readonly title: string
  readonly summary: string
  /** What is asked for, and comes back. */
  readonly content: OriginContent
  /** Field lines beside `Host`. */
  readonly fields?: readonly string[]
  /** Whether each request has a connection of its own. */
  readonly closes?: boolean
  readonly connections?: number
  readonly variants?: readonly Variant[]
  readonly peers?: readonly string[]
}

export function httpScenario(options: HttpScenarioOptions): Scenario {
  const { name, title, summary, content, connections = CONNECTIONS, variants = [PLAIN], closes = false } = options
  const fields = [...(options.fields ?? []), ...(closes ? ['Connection: close'] : [])]
  const request: HttpRequest = { ...GET, path: content.path, fields }
  return {
    name,
    title,
    summary,
    unit: 'request',
    measures: [...loadMeasures('request'), ...LATENCY_MEASURES],
    variants,
    connections,
    ...(options.peers === undefined ? {} : { peers: options.peers }),
    proxies: 'running',
    prepare: async stage => {
      const origin = await startOrigin(stage)
      const wrk = new Wrk(request, connections, stage)
      const verify = (contestant: Contestant) => verifyContent(request, contestant.port, contentOf(content))
      const saturation = saturationPhase(stage.settings, (contestant, seconds) =>
        withAccessLog(contestant, () => wrk.run(contestant.port, seconds)),
      )
      const latency = latencyPhase({
        settings: stage.settings,
        unit: 'request',
        connections,
        work: { kind: 'http', request, answerBytes: content.bytes, closes },
        station: async () => {
          await origin.stop()
          return Station.start(stage, origin.port)
        },
        verify,
      })
      return { originPort: origin.port, notes: [], verify, phases: [idlePhase(), saturation, latency] }
    },
  }
}
