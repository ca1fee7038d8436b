import { httpScenario } from '../frame/http-scenario.ts'
import { type Scenario, TCP } from '../frame/scenario.ts'
import { LARGE } from '../origins/content.ts'

export const scenario: Scenario = httpScenario({
  name: 'tcp-download',
  title: 'TCP, bulk from the origin',
  summary: 'Connections that stay open get 1 MiB for each short request, passed through as bytes.',
  content: LARGE,
  variants: [TCP],
})
