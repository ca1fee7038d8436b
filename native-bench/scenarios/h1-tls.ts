import { GET, verifyContent } from '../frame/http-request.ts'
import { loadScenario } from '../frame/load-scenario.ts'
import { CONNECTIONS, type Scenario } from '../frame/scenario.ts'
import { Wrk } from '../load/wrk.ts'
import { contentOf, SMALL } from '../origins/content.ts'
import { startOrigin } from '../origins/index.ts'

export const scenario: Scenario = loadScenario({
  name: 'h1-tls',
  title: 'HTTP/1.1 over TLS',
  summary: 'GET with Host alone over TLS 1.3, 100 bytes come back; to the origin in plain text.',
  setup: { listens: 'tls' },
  needs: ['https'],
  requests: CONNECTIONS,
  origin: startOrigin,
  verify: ({ port }) => verifyContent(GET, port, contentOf(SMALL), true),
  load: stage => {
    const wrk = new Wrk(GET, CONNECTIONS, stage, true)
    return ({ port }, seconds) => wrk.run(port, seconds)
  },
})
