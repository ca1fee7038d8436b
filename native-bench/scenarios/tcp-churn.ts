import { httpScenario } from '../frame/http-scenario.ts'
import { type Scenario, TCP } from '../frame/scenario.ts'
import { SMALL } from '../origins/content.ts'

export const scenario: Scenario = httpScenario({
  name: 'tcp-churn',
  title: 'TCP, a new connection per request',
  summary:
    'A connection is opened, passed through, asked for 100 bytes, and closed by the origin: two sockets for each.',
  content: SMALL,
  closes: true,
  variants: [TCP],
})
