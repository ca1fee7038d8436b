import { httpScenario } from '../frame/http-scenario.ts'
import type { Scenario } from '../frame/scenario.ts'
import { SMALL } from '../origins/content.ts'

export const scenario: Scenario = httpScenario({
  name: 'two-workers',
  title: 'Two workers against one',
  summary: 'As h1-bare: what a second worker adds to the throughput, and to the cost of a request.',
  content: SMALL,
  variants: [
    { name: '', needs: ['http1', 'workers'] },
    { name: '2 workers', setup: { workers: 2 }, needs: ['http1', 'workers'] },
  ],
})
