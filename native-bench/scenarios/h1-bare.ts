import { httpScenario } from '../frame/http-scenario.ts'
import type { Scenario } from '../frame/scenario.ts'
import { SMALL } from '../origins/content.ts'

export const scenario: Scenario = httpScenario({
  name: 'h1-bare',
  title: 'HTTP/1.1, bare head',
  summary: 'GET with Host alone, 100 bytes come back: what a request costs at the least.',
  content: SMALL,
})
