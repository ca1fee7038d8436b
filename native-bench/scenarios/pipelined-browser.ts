import { BROWSER_FIELDS } from '../frame/http-request.ts'
import { httpScenario } from '../frame/http-scenario.ts'
import { PIPELINING } from '../frame/pipelining.ts'
import type { Scenario } from '../frame/scenario.ts'
import { SMALL } from '../origins/content.ts'

export const scenario: Scenario = httpScenario({
  name: 'pipelined-browser',
  title: 'Pipelined upstream, browser-like head',
  summary: 'As h1-browser, with up to 8 requests at once on one connection to the origin; nginx has no such thing.',
  content: SMALL,
  fields: BROWSER_FIELDS,
  ...PIPELINING,
})
