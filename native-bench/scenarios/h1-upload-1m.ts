import type { Scenario } from '../frame/scenario.ts'
import { uploadScenario } from '../frame/upload-scenario.ts'

export const scenario: Scenario = uploadScenario({
  name: 'h1-upload-1m',
  title: 'HTTP/1.1, uploads of 1 MiB',
  contentBytes: 1024 * 1024,
})
