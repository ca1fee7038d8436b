import type { Scenario } from '../frame/scenario.ts'
import { CONNECTIONS, PLAIN } from '../frame/scenario.ts'
import { stationScenario } from '../frame/station-scenario.ts'
import type { Work } from '../load/plan.ts'

const work: Work = { kind: 'websocket', payloadBytes: 64 }

export const scenario: Scenario = stationScenario({
  name: 'websocket-echo',
  title: 'WebSocket, echo',
  summary: `${CONNECTIONS} WebSockets, messages of 64 bytes there and back, one on its way in each.`,
  unit: 'message',
  variant: { ...PLAIN, needs: ['http1', 'websocket'] },
  work,
  // The load compares every echo with what it sent.
  verify: async ({ port }, station) => {
    await station.run({ port, connections: 1, seconds: 0.05, rate: null, work })
  },
  saturate:
    (_, station) =>
    ({ port }, seconds) =>
      station.run({ port, connections: CONNECTIONS, seconds, rate: null, work }),
})
