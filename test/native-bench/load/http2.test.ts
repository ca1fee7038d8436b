import { createServer, type ServerHttp2Stream } from 'node:http2'
import { describe, expect, it } from 'vitest'
import { exchangeOverHttp2, verifyOverHttp2 } from '../../../native-bench/frame/http2-request.ts'
import { IdleHttp2Connections } from '../../../native-bench/load/idle-http2.ts'
import { contentOf, SMALL } from '../../../native-bench/origins/content.ts'
import { listenOn } from '../../support/listen.ts'

/** Answers every request with the small content; counts its connections. */
async function origin(content = contentOf(SMALL), status = 200) {
  const server = createServer()
  const paths: string[] = []
  let sessions = 0
  server.on('session', () => (sessions += 1))
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    paths.push(String(headers[':path']))
    stream.respond({ ':status': status }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-end': 'yes' }))
    stream.end(content)
  })
  return { ...(await listenOn(server)), paths, sessions: () => sessions }
}

describe('idle connections of HTTP/2', () => {
  it('make one request each and stay open', async () => {
    await using listening = await origin()
    const idle = new IdleHttp2Connections()
    await idle.hold(listening.port, 20)
    expect(listening.sessions()).toBe(20)
    expect(listening.paths).toEqual(Array.from({ length: 20 }, () => '/'))
    await idle.release()
  })

  it('are an error where one gets no answer', async () => {
    await using listening = await origin()
    const { port } = listening
    await listening.close()
    await expect(new IdleHttp2Connections().hold(port, 1)).rejects.toThrow()
  })
})

describe('idle connections of HTTP/2 to an origin that refuses', () => {
  it('are an error', async () => {
    await using listening = await origin(undefined, 503)
    const idle = new IdleHttp2Connections()
    await expect(idle.hold(listening.port, 1)).rejects.toThrow('another status than 200')
    await idle.release()
  })
})

describe('a request of HTTP/2 that is looked at', () => {
  it('has its status, content and trailers', async () => {
    await using listening = await origin()
    const { status, content, trailers } = await exchangeOverHttp2(listening.port, false, { ':path': '/' })
    expect([status, content.length, trailers['x-end']]).toEqual([200, SMALL.bytes, 'yes'])
    await verifyOverHttp2(listening.port, false, SMALL)
  })

  it('fails where the content is another', async () => {
    await using listening = await origin(Buffer.from('something else'))
    await expect(verifyOverHttp2(listening.port, false, SMALL)).rejects.toThrow('14 bytes of content that are not')
  })
})
