import { httpScenario } from '../frame/http-scenario.ts'
import type { Scenario } from '../frame/scenario.ts'
import { MIDDLE } from '../origins/content.ts'

export const scenario: Scenario = httpScenario({
  name: 'h1-response-16k',
  title: 'HTTP/1.1, responses of 16 KiB',
  summary: 'GET with Host alone, 16 KiB with a length come back.',
  content: MIDDLE,
})
