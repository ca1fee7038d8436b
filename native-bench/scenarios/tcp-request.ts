import { httpScenario } from '../frame/http-scenario.ts'
import { type Scenario, TCP } from '../frame/scenario.ts'
import { SMALL } from '../origins/content.ts'

export const scenario: Scenario = httpScenario({
  name: 'tcp-request',
  title: 'TCP, request and response',
  summary: 'As h1-bare, passed through as bytes: 50 bytes there and some 250 back over connections that stay open.',
  content: SMALL,
  variants: [TCP],
})
