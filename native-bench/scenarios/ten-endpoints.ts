import { ENDPOINTS_MAX } from '../frame/endpoints.ts'
import { httpScenario } from '../frame/http-scenario.ts'
import { PLAIN, type Scenario } from '../frame/scenario.ts'
import { SMALL } from '../origins/content.ts'

export const scenario: Scenario = httpScenario({
  name: 'ten-endpoints',
  title: 'Ten endpoints by least connections, against one',
  summary: 'As h1-bare, with ten endpoints and least connections: "× itself, plain" is what choosing among them costs.',
  content: SMALL,
  variants: [
    PLAIN,
    { name: 'ten endpoints', setup: { endpoints: ENDPOINTS_MAX }, needs: ['http1', 'least-connections'] },
  ],
  peers: ['sluice', 'nginx', 'haproxy'],
})
