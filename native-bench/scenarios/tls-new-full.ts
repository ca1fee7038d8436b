import { GET, verifyContent } from '../frame/http-request.ts'
import { loadScenario } from '../frame/load-scenario.ts'
import { CONNECTIONS, type Scenario } from '../frame/scenario.ts'
import { Wrk } from '../load/wrk.ts'
import { contentOf, SMALL } from '../origins/content.ts'
import { startOrigin } from '../origins/index.ts'

const CLOSING = { ...GET, fields: ['Connection: close'] }

export const scenario: Scenario = loadScenario({
  name: 'tls-new-full',
  title: 'A new TLS connection per request, with a full handshake',
  summary: 'GET with Connection: close over TLS 1.3, each time with a whole handshake (ECDSA, P-256).',
  setup: { listens: 'tls' },
  needs: ['https'],
  requests: CONNECTIONS,
  origin: startOrigin,
  verify: ({ port }) => verifyContent(CLOSING, port, contentOf(SMALL), true),
  load: stage => {
    const wrk = new Wrk(CLOSING, CONNECTIONS, stage, true)
    return ({ port }, seconds) => wrk.run(port, seconds)
  },
})
