import { httpScenario } from '../frame/http-scenario.ts'
import type { Scenario } from '../frame/scenario.ts'
import { SMALL } from '../origins/content.ts'

export const scenario: Scenario = httpScenario({
  name: 'h1-new-connection',
  title: 'HTTP/1.1, a new connection per request',
  summary: 'GET with Connection: close, 100 bytes come back; a proxy may keep its own connections to the origin.',
  content: SMALL,
  closes: true,
})
