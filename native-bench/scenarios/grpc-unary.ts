import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exchangeOverHttp2 } from '../frame/http2-request.ts'
import { loadScenario } from '../frame/load-scenario.ts'
import type { Scenario } from '../frame/scenario.ts'
import { H2load } from '../load/h2load.ts'
import { GRPC_PATH, GRPC_TYPE, grpcMessage, startGrpcOrigin } from '../origins/grpc.ts'

const CONNECTIONS = 16
const CALLS = 10
const FIELDS = { 'content-type': GRPC_TYPE, te: 'trailers' } as const

export const scenario: Scenario = loadScenario({
  name: 'grpc-unary',
  title: 'gRPC, unary calls, HTTP/2 to HTTP/2',
  summary: `${CONNECTIONS} connections in plain text, ${CALLS} calls at once on each: a message of 100 bytes there and back, with trailers.`,
  setup: { listens: 'h2c', originSpeaks: 'h2c' },
  needs: ['grpc'],
  requests: CONNECTIONS * CALLS,
  origin: startGrpcOrigin,
  verify: async ({ port }) => {
    const fields = { ':method': 'POST', ':path': GRPC_PATH, ...FIELDS }
    const { status, content, trailers } = await exchangeOverHttp2(port, false, fields, grpcMessage())
    if (status !== 200) throw new Error(`status ${status} instead of 200`)
    if (!content.equals(grpcMessage()))
      throw new Error(`${content.length} bytes that are not the message of the origin`)
    if (trailers['grpc-status'] !== '0') throw new Error(`grpc-status ${trailers['grpc-status'] ?? 'is missing'}`)
  },
  load: stage => {
    const contentFile = join(stage.newFolder('message'), 'message')
    writeFileSync(contentFile, grpcMessage())
    const fields = Object.entries(FIELDS).map(([name, value]) => `${name}: ${value}`)
    const load = { isSecure: false, path: GRPC_PATH, connections: CONNECTIONS, streams: CALLS, fields, contentFile }
    const h2load = new H2load(load, stage)
    return ({ port }, seconds) => h2load.run(port, seconds)
  },
})
