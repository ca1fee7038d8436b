/** All scenarios, in the order of reports: one line each. */
import type { Scenario } from '../frame/scenario.ts'

const modules = await Promise.all([
  import('./h1-bare.ts'),
  import('./h1-browser.ts'),
  import('./h1-response-16k.ts'),
  import('./h1-response-1m.ts'),
  import('./h1-upload-64k.ts'),
  import('./h1-upload-1m.ts'),
  import('./h1-new-connection.ts'),
  import('./h1-1000-connections.ts'),
  import('./ten-endpoints.ts'),
  import('./pipelined-bare.ts'),
  import('./pipelined-browser.ts'),
  import('./websocket-echo.ts'),
  import('./h1-tls.ts'),
  import('./tls-new-full.ts'),
  import('./tls-new-resumed.ts'),
  import('./h2-tls-10.ts'),
  import('./h2c-10.ts'),
  import('./h2-response-1m.ts'),
  import('./grpc-unary.ts'),
  import('./tcp-request.ts'),
  import('./tcp-download.ts'),
  import('./tcp-upload.ts'),
  import('./tcp-churn.ts'),
  import('./udp-datagram.ts'),
  import('./udp-flow.ts'),
  import('./idle-connections.ts'),
  import('./idle-h2.ts'),
  import('./start.ts'),
  import('./two-workers.ts'),
  import('./access-log.ts'),
])

export const scenarios: readonly Scenario[] = modules.map(({ scenario }) => scenario)
