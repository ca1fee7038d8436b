import type { Scenario } from '../frame/scenario.ts'
import { uploadScenario } from '../frame/upload-scenario.ts'

export const scenario: Scenario = uploadScenario({
  name: 'h1-upload-64k',
  title: 'HTTP/1.1, uploads of 64 KiB',
  contentBytes: 64 * 1024,
})
