import { httpScenario } from '../frame/http-scenario.ts'
import type { Scenario } from '../frame/scenario.ts'
import { LARGE } from '../origins/content.ts'

export const scenario: Scenario = httpScenario({
  name: 'h1-response-1m',
  title: 'HTTP/1.1, responses of 1 MiB',
  summary: 'GET with Host alone, 1 MiB with a length comes back: what moving bytes costs.',
  content: LARGE,
})
