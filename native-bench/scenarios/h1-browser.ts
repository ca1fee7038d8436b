import { BROWSER_FIELDS } from '../frame/http-request.ts'
import { httpScenario } from '../frame/http-scenario.ts'
import type { Scenario } from '../frame/scenario.ts'
import { SMALL } from '../origins/content.ts'

export const scenario: Scenario = httpScenario({
  name: 'h1-browser',
  title: 'HTTP/1.1, browser-like head',
  summary: 'GET with 15 field lines, as a browser sends them; 100 bytes come back.',
  content: SMALL,
  fields: BROWSER_FIELDS,
})
