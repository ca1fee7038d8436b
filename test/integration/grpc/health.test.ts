import { createServer, type ServerHttp2Stream } from 'node:http2'
import { expect, it } from 'vitest'
import { type Listening, listenOn } from '../../support/listen.ts'
import { startTestProxy } from '../../support/proxy.ts'
import { one } from './calls.ts'
import { echoClient } from './echo-service.ts'

/** A server of gRPC that tells of its health, and answers every other call with its number as status. */
async function server(number: number, isServing: () => boolean): Promise<Listening> {
  const http2 = createServer().on('stream', (stream: ServerHttp2Stream, fields) => {
    stream.on('error', () => {})
    stream.resume()
    const isCheck = fields[':path'] === '/grpc.health.v1.Health/Check'
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': isCheck ? '0' : String(number) }))
    stream.end(isCheck ? Buffer.from([0, 0, 0, 0, 2, 8, isServing() ? 1 : 2]) : '')
  })
  return await listenOn(http2)
}

it('an endpoint that does not serve by its own word gets no calls until it does', async () => {
  let isServing = false
  await using a = await server(3, () => isServing)
  await using b = await server(5, () => true)
  await using proxy = await startTestProxy({
    upstreams: {
      calls: {
        endpoints: [a.address, b.address],
        protocol: 'h2c',
        active: { type: 'grpc', service: 'test.Echo', intervalMs: 20, healthyThreshold: 1, unhealthyThreshold: 1 },
      },
    },
  })
  const client = echoClient(proxy.port)
  const statuses = async () => {
    const ends = await Promise.all(Array.from({ length: 6 }, () => one(client, Buffer.alloc(0)).ended))
    return new Set(ends.map(({ status }) => status.code))
  }
  /** Asks until both, or one alone, have answered several calls. */
  const until = async (wanted: number) => {
    for (let turn = 0; turn < 500; turn += 1) {
      const found = await statuses()
      if (found.size === wanted) return found
    }
    throw new Error(`never ${wanted} of them`)
  }
  expect(await until(1)).toEqual(new Set([5]))
  isServing = true
  expect(await until(2)).toEqual(new Set([3, 5]))
  client.close()
})
