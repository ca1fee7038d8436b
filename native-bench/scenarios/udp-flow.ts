import { DATAGRAM_PORTS, datagramScenario } from '../frame/datagram-scenario.ts'
import type { Scenario } from '../frame/scenario.ts'

export const scenario: Scenario = datagramScenario({
  name: 'udp-flow',
  title: 'UDP, a flow for each query',
  summary: `As udp-datagram with ${DATAGRAM_PORTS} clients, but one answer ends a flow, as with DNS: each query begins another.`,
  responses: 1,
})
