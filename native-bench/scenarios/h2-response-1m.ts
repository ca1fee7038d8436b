import { http2Scenario } from '../frame/http2-scenario.ts'
import type { Scenario } from '../frame/scenario.ts'
import { LARGE } from '../origins/content.ts'

export const scenario: Scenario = http2Scenario({
  name: 'h2-response-1m',
  title: 'HTTP/2 over TLS, responses of 1 MiB',
  content: LARGE,
  isSecure: true,
  connections: 16,
  streams: 1,
})
