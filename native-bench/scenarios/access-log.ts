import { httpScenario } from '../frame/http-scenario.ts'
import type { Scenario } from '../frame/scenario.ts'
import { SMALL } from '../origins/content.ts'

export const scenario: Scenario = httpScenario({
  name: 'access-log',
  title: 'Access log, on against off',
  summary: 'As h1-bare, with a line per request to a file and without: "× itself, plain" is what the line costs.',
  content: SMALL,
  variants: [
    { name: '', needs: ['http1', 'access-log'] },
    { name: 'access log', setup: { accessLog: true }, needs: ['http1', 'access-log'] },
  ],
})
