import { http2Scenario } from '../frame/http2-scenario.ts'
import type { Scenario } from '../frame/scenario.ts'
import { SMALL } from '../origins/content.ts'

export const scenario: Scenario = http2Scenario({
  name: 'h2c-10',
  title: 'HTTP/2 in plain text to HTTP/1.1',
  content: SMALL,
  isSecure: false,
  connections: 16,
  streams: 10,
})
