import { connect } from 'node:http2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAuthority, type TestAuthority } from '../../support/certificates.ts'
import { certificateSnapshot, listenerTls } from '../../support/tls.ts'
import { type Answer, openScene, type Scene } from './scene.ts'

let authority: TestAuthority
let scene: Scene
beforeAll(async () => {
  authority = await createAuthority()
  const certificate = await authority.issue({ names: ['localhost', '127.0.0.1'] })
  const tls = listenerTls({
    certificates: [certificateSnapshot(certificate)],
    alpn: ['h2', 'http/1.1'],
    tickets: false,
  })
  scene = await openScene({ listener: { tls } })
})
afterAll(() => scene[Symbol.asyncDispose]())

const BYTES = 3_000_000
const LATE_BYTES = 100_000

/** What came, and how much was sent. */
const countAndSend: Answer = (request, response) => {
  let count = 0
  request.on('data', part => {
    count += (part as Buffer).length
  })
  request.on('end', () => {
    response.setHeader('x-count', count)
    response.setHeader('x-proto', String(request.headers['x-forwarded-proto']))
    response.end(Buffer.alloc(BYTES, 'x'))
  })
}

describe('HTTP/2 over TLS', () => {
  it('is agreed on by ALPN, and carries content both ways on many streams', async () => {
    scene.answer = countAndSend
    const session = connect(`https://localhost:${scene.port}`, { ca: authority.certificate })
    const exchange = async (bytes: number): Promise<[count: string, proto: string, got: number]> => {
      const request = session.request({ ':method': 'POST' })
      request.end(Buffer.alloc(bytes, 'y'))
      let headers: Record<string, unknown> = {}
      request.on('response', got => {
        headers = { ...got }
      })
      let got = 0
      for await (const part of request) got += (part as Buffer).length
      return [String(headers['x-count']), String(headers['x-proto']), got]
    }
    const sizes = [0, 1, 100_000, 2_000_000, 5]
    const all = await Promise.all(sizes.map(exchange))
    expect(session.alpnProtocol).toBe('h2')
    expect(all).toEqual(sizes.map(size => [String(size), 'https', BYTES]))
    session.destroy()
    expect(scene.proxy.events).toEqual([])
  })

  it('carries trailers behind content that had to wait, all of it at once', async () => {
    scene.answer = (request, response) => {
      response.writeHead(200, { Trailer: 'X-Sum' })
      response.write(Buffer.alloc(LATE_BYTES, 'x'))
      // More than fits beside the content in a write.
      response.addTrailers({ 'X-Sum': String(request.headers['x-id']).padEnd(5000, '.') })
      response.end()
    }
    const ids = Array.from({ length: 80 }, (_, index) => String(index))
    const settings = { initialWindowSize: 2 ** 20 }
    let heads = 0
    const session = connect(`https://localhost:${scene.port}`, { ca: authority.certificate, settings })
    const exchange = async (id: string): Promise<[sum: string, got: number]> => {
      const request = session.request({ 'x-id': id })
      let sum = ''
      request.on('response', () => {
        heads += 1
        if (heads === ids.length) session.setLocalWindowSize(2 ** 30)
      })
      request.on('trailers', trailers => {
        sum = String(trailers['x-sum']).replaceAll('.', '')
      })
      let got = 0
      for await (const part of request) got += (part as Buffer).length
      return [sum, got]
    }
    expect(await Promise.all(ids.map(exchange))).toEqual(ids.map(id => [id, LATE_BYTES]))
    session.destroy()
    expect(scene.proxy.events).toEqual([])
  })
})
