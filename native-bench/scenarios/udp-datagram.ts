import { DATAGRAM_BYTES, DATAGRAM_PORTS, datagramScenario } from '../frame/datagram-scenario.ts'
import type { Scenario } from '../frame/scenario.ts'

export const scenario: Scenario = datagramScenario({
  name: 'udp-datagram',
  title: 'UDP, datagrams there and back',
  summary: `${DATAGRAM_PORTS} clients that stay, each with one datagram of ${DATAGRAM_BYTES} bytes on its way to an echo or back.`,
  responses: null,
})
