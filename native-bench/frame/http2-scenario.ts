/** The shape of a scenario of HTTP/2 requests to an origin of HTTP/1.1 with ready answers. */
import { H2load } from '../load/h2load.ts'
import type { OriginContent } from '../origins/content.ts'
import { startOrigin } from '../origins/index.ts'
import { verifyOverHttp2 } from './http2-request.ts'
import { loadScenario } from './load-scenario.ts'
import type { Scenario } from './scenario.ts'

export interface Http2ScenarioOptions {
  readonly name: string
  readonly title: string
  /** What is asked for, and comes back. */
  readonly content: OriginContent
  readonly isSecure: boolean
  readonly connections: number
  /** Requests under way at once on each. */
  readonly streams: number
}

export function http2Scenario(options: Http2ScenarioOptions): Scenario {
  const { name, title, content, isSecure, connections, streams } = options
  const each = streams === 1 ? 'one request' : `${streams} requests`
  const way = isSecure ? 'over TLS 1.3' : 'with prior knowledge'
  return loadScenario({
    name,
    title,
    summary: `GET of ${content.bytes} bytes on ${connections} connections ${way}, ${each} at once on each; to the origin in HTTP/1.1.`,
    setup: { listens: isSecure ? 'tls' : 'h2c' },
    needs: [isSecure ? 'h2' : 'h2c'],
    requests: connections * streams,
    origin: startOrigin,
    verify: ({ port }) => verifyOverHttp2(port, isSecure, content),
    load: stage => {
      const h2load = new H2load({ isSecure, path: content.path, connections, streams }, stage)
      return ({ port }, seconds) => h2load.run(port, seconds)
    },
  })
}
