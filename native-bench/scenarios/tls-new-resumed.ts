import { GET, verifyContent } from '../frame/http-request.ts'
import { loadScenario } from '../frame/load-scenario.ts'
import type { Scenario } from '../frame/scenario.ts'
import { ResumingLoad } from '../load/resuming.ts'
import { contentOf, SMALL } from '../origins/content.ts'
import { startOrigin } from '../origins/index.ts'

/** At once: enough that the load, which costs more than a proxy, has always one to work on. */
const CONNECTIONS = 16

export const scenario: Scenario = loadScenario({
  name: 'tls-new-resumed',
  title: 'A new TLS connection per request, each resuming a session',
  summary: 'GET with Connection: close over TLS 1.3, each time with the ticket of an earlier session.',
  setup: { listens: 'tls' },
  needs: ['https'],
  requests: CONNECTIONS,
  notes: ['the load takes more CPU time for a connection than a proxy: requests per second are its own limit'],
  origin: startOrigin,
  verify: ({ port }) => verifyContent(GET, port, contentOf(SMALL), true),
  load: stage => {
    const load = new ResumingLoad(CONNECTIONS, stage)
    return ({ port }, seconds) => load.run(port, seconds)
  },
})
