import { httpScenario } from '../frame/http-scenario.ts'
import { PIPELINING } from '../frame/pipelining.ts'
import type { Scenario } from '../frame/scenario.ts'
import { SMALL } from '../origins/content.ts'

export const scenario: Scenario = httpScenario({
  name: 'pipelined-bare',
  title: 'Pipelined upstream, bare head',
  summary: 'As h1-bare, with up to 8 requests at once on one connection to the origin; nginx has no such thing.',
  content: SMALL,
  ...PIPELINING,
})
