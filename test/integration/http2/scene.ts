/** A proxy in this thread before an origin of HTTP/1.1 that does what a test says, for tests that speak frames. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Http2Snapshot } from '../../../engine/snapshot.ts'
import { listenOn } from '../../support/listen.ts'
import { type SameThreadProxy, startSameThreadProxy } from '../../support/proxy.ts'
import { HTTP2, type TestListener, type TestProxyOptions } from '../../support/snapshot.ts'

export type Answer = (request: IncomingMessage, response: ServerResponse) => void

export interface Scene extends AsyncDisposable {
  readonly proxy: SameThreadProxy
  readonly port: number
  /** What the origin does with requests; the default answers with method and target when they are whole. */
  answer: Answer
  /** Requests that the origin has begun to read. */
  requests: number
  /** Of them, those whose connection ended before they were whole, or answered. */
  aborted: number
}

export interface SceneOptions {
  readonly http2?: Partial<Http2Snapshot>
  readonly listener?: TestListener
  readonly proxy?: Partial<TestProxyOptions>
}

export const echo: Answer = (request, response) => {
  const parts: Buffer[] = []
  request.on('data', part => parts.push(part as Buffer))
  request.on('end', () => response.end(`${request.method} ${request.url} ${Buffer.concat(parts).toString('latin1')}`))
}

export async function openScene({ http2, listener, proxy }: SceneOptions = {}): Promise<Scene> {
  const server = createServer()
  const origin = await listenOn(server)
  const served = await startSameThreadProxy({
    listeners: [{ ...listener, http2: { ...HTTP2, ...http2 } }],
    upstreams: { origin: [origin.address] },
    ...proxy,
  })
  const scene: Scene = {
    proxy: served,
    port: served.port,
    answer: echo,
    requests: 0,
    aborted: 0,
    async [Symbol.asyncDispose]() {
      await served.stop()
      await origin.close()
    },
  }
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    scene.requests += 1
    response.on('close', () => {
      if (!response.writableFinished) scene.aborted += 1
    })
    scene.answer(request, response)
  })
  return scene
}
