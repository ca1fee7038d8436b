import { type Scenario, TCP } from '../frame/scenario.ts'
import { uploadScenario } from '../frame/upload-scenario.ts'

export const scenario: Scenario = uploadScenario({
  name: 'tcp-upload',
  title: 'TCP, bulk to the origin',
  summary:
    'Connections that stay open send 1 MiB each time, passed through as bytes; the origin reads it, then answers.',
  contentBytes: 1024 * 1024,
  variant: TCP,
})
