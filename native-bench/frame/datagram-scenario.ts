/** The shape of a scenario whose work is datagrams there and back, from many ports of the load to an echo. */
import type { Work } from '../load/plan.ts'
import type { Scenario } from './scenario.ts'
import { stationScenario } from './station-scenario.ts'

export interface DatagramScenarioOptions {
  readonly name: string
  readonly title: string
  readonly summary: string
  /** See `ProxySetup.responses`. */
  readonly responses: number | null
}

/** Ports of the load, one datagram on its way from each: as many as fit into a socket's buffer at once, so that none is lost. */
export const DATAGRAM_PORTS = 128

export const DATAGRAM_BYTES = 100

/** Each measurement has new ones, and the flows of those before it stay until they have been idle for long enough. */
const FLOWS_MAX = 8192

const work: Work = { kind: 'datagram', payloadBytes: DATAGRAM_BYTES }

export function datagramScenario({ name, title, summary, responses }: DatagramScenarioOptions): Scenario {
  return stationScenario({
    name,
    title,
    summary,
    unit: 'datagram',
    variant: { name: '', setup: { listens: 'udp', responses }, needs: ['udp'] },
    connections: DATAGRAM_PORTS,
    connectionsHeld: FLOWS_MAX,
    work,
    // The load compares every echo with what it sent.
    verify: async ({ port }, station) => {
      await station.run({ port, connections: 1, seconds: 0.05, rate: null, work })
    },
    saturate:
      (_, station) =>
      ({ port }, seconds) =>
        station.run({ port, connections: DATAGRAM_PORTS, seconds, rate: null, work }),
  })
}
