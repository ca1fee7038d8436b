import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  DATA,
  dataFrame,
  END_HEADERS,
  END_STREAM,
  GOAWAY,
  HEADERS,
  type Http2Peer,
  headersFrame,
  http2Client,
  requestFields,
  resetFrame,
} from '../../support/http2-peer.ts'
import { waitFor } from '../../support/wait-for.ts'
import { CANCEL, INTERNAL_ERROR, NO_ERROR } from './codes.ts'
import { echo, openScene, type Scene } from './scene.ts'

let scene: Scene
let session: ClientHttp2Session
beforeAll(async () => {
  scene = await openScene()
  session = connect(`http://127.0.0.1:${scene.port}`)
})
const peers: Http2Peer[] = []
afterEach(() => {
  for (const peer of peers.splice(0)) peer.close()
  scene.answer = echo
  expect(scene.proxy.events).toEqual([])
})
afterAll(async () => {
  session.destroy()
  await scene[Symbol.asyncDispose]()
})

async function client(): Promise<Http2Peer> {
  const peer = await http2Client(scene.port)
  peers.push(peer)
  return peer
}

interface Got {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly content: string
  readonly trailers: Readonly<Record<string, unknown>>
  readonly interim: readonly number[]
}

function read(stream: ClientHttp2Stream): Promise<Got> {
  return new Promise((resolve, reject) => {
    const interim: number[] = []
    let headers: Record<string, unknown> = {}
    let trailers: Record<string, unknown> = {}
    let content = ''
    stream.on('headers', ({ ':status': status }) => interim.push(Number(status)))
    stream.on('response', got => {
      headers = { ...got }
    })
    stream.on('trailers', got => {
      trailers = { ...got }
    })
    stream.setEncoding('latin1')
    stream.on('data', part => {
      content += part
    })
    stream.on('error', reject)
    stream.on('end', () => resolve({ status: Number(headers[':status']), headers, content, trailers, interim }))
  })
}

describe('requests over HTTP/2', () => {
  it('come to the origin as those of HTTP/1.1, and what they say of the client is right', async () => {
    scene.answer = (request, response) => response.end(JSON.stringify([request.httpVersion, request.headers]))
    const { content } = await read(session.request({ ':path': '/a?b', cookie: 'a=1', 'x-own': 'yes' }))
    const [version, headers] = JSON.parse(content)
    expect(version).toBe('1.1')
    expect(headers).toMatchObject({
      host: `127.0.0.1:${scene.port}`,
      cookie: 'a=1',
      'x-own': 'yes',
      via: '2 sluice',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
    })
    expect(headers.connection ?? 'keep-alive').toBe('keep-alive')
  })

  it('pass content, with a length and without, and trailers both ways', async () => {
    scene.answer = (request, response) => {
      let content = ''
      request.on('data', part => {
        content += part
      })
      request.on('end', () => {
        response.setHeader('trailer', 'x-sum')
        response.write(`${content} ${request.headers['content-length'] ?? request.headers['transfer-encoding']}`)
        response.addTrailers({ 'x-sum': String(request.trailers['x-check']) })
        response.end()
      })
    }
    const open = session.request({ ':method': 'POST' }, { endStream: false })
    const withTrailers = session.request({ ':method': 'POST' }, { endStream: false })
    open.end('streamed')
    const sized = session.request({ ':method': 'POST', 'content-length': 5 })
    sized.end('sized')
    expect((await read(sized)).content).toBe('sized 5')
    expect((await read(open)).content).toBe('streamed chunked')
    withTrailers.close()
    const peer = await client()
    await peer.send(
      headersFrame(1, requestFields('POST', '/')),
      dataFrame(1, 'x'),
      headersFrame(1, [['x-check', '9']], true),
    )
    expect((await peer.message(1)).trailers?.get('x-sum')).toBe('9')
  })

  it('have interim responses passed on', async () => {
    scene.answer = (_request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      response.end('final')
    }
    const got = await read(session.request({}))
    expect(got.interim).toEqual([103])
    expect(got.content).toBe('final')
  })

  it('may wait for 100 before their content', async () => {
    const request = session.request({ ':method': 'POST', expect: '100-continue' })
    request.on('continue', () => request.end('content'))
    expect((await read(request)).content).toBe('POST / content')
  })

  it('of HEAD, and those answered with 204 or 304, have no content', async () => {
    scene.answer = (request, response) => {
      response.statusCode = Number(request.headers['x-status'] ?? 200)
      response.setHeader('etag', '"x"')
      if (response.statusCode === 200) response.setHeader('content-length', 1000)
      response.end()
    }
    const head = await read(session.request({ ':method': 'HEAD' }))
    expect([head.status, head.headers['content-length'], head.content]).toEqual([200, '1000', ''])
    for (const status of [204, 304]) {
      const { headers, content } = await read(session.request({ 'x-status': String(status) }))
      expect([headers[':status'], headers.etag, content]).toEqual([status, '"x"', ''])
    }
  })

  it('get content as large as it comes, many at once', async () => {
    scene.answer = (request, response) => response.end(Buffer.alloc(Number(request.headers['x-bytes']), 'z'))
    const sizes = Array.from({ length: 30 }, (_, index) => 1 + index * 40_000)
    const got = await Promise.all(sizes.map(size => read(session.request({ 'x-bytes': String(size) }))))
    expect(got.map(({ content }) => content.length)).toEqual(sizes)
  })

  it('are answered in as few frames as there can be: the last one bears the end', async () => {
    scene.answer = (request, response) => {
      response.statusCode = request.url === '/none' ? 204 : 200
      response.end(request.url === '/none' ? undefined : 'content')
    }
    const peer = await client()
    const framesOf = async (stream: number, path: string) => {
      await peer.send(headersFrame(stream, requestFields('GET', path), true))
      await peer.message(stream)
      return peer.received.filter(each => each.stream === stream).map(({ type, flags }) => [type, flags])
    }
    expect(await framesOf(1, '/none')).toEqual([[HEADERS, END_HEADERS | END_STREAM]])
    expect(await framesOf(3, '/some')).toEqual([
      [HEADERS, END_HEADERS],
      [DATA, END_STREAM],
    ])
  })

  it('that are answered before they are whole are let go of without an error', async () => {
    scene.answer = (_request, response) => response.end('early')
    const peer = await client()
    await peer.send(headersFrame(1, requestFields('POST', '/')), dataFrame(1, 'x'))
    expect((await peer.message(1)).content.toString()).toBe('early')
    expect(await peer.resetOf(1)).toBe(NO_ERROR)
  })

  it('that are answered before they are whole may become whole, or be taken back, as often as they like', async () => {
    scene.answer = (_request, response) => response.end('early')
    const peer = await client()
    for (let stream = 1; stream < 1_000; stream += 2) {
      await peer.send(headersFrame(stream, requestFields('POST', '/')), dataFrame(stream, 'x'))
      expect((await peer.message(stream)).content.toString()).toBe('early')
      if (stream % 4 === 1) await peer.send(dataFrame(stream, '', true))
      else await peer.send(resetFrame(stream, CANCEL))
    }
    await peer.settled()
    expect(peer.received.map(({ type }) => type)).not.toContain(GOAWAY)
  })

  it('whose response breaks off are reset, so that nobody takes it for whole', async () => {
    scene.answer = (_request, response) => {
      response.write('half')
      setImmediate(() => response.destroy())
    }
    const peer = await client()
    await peer.send(headersFrame(1, requestFields('GET', '/'), true))
    expect(await peer.resetOf(1)).toBe(INTERNAL_ERROR)
    scene.answer = echo
    await peer.send(headersFrame(3, requestFields('GET', '/'), true))
    expect((await peer.message(3)).content.toString()).toBe('GET / ')
  })

  it('that the client resets are taken back from the origin', async () => {
    scene.answer = () => {}
    const before = { ...scene }
    const request = session.request({})
    request.on('error', () => {})
    await waitFor(() => scene.requests > before.requests)
    request.close(constants.NGHTTP2_CANCEL)
    await waitFor(() => scene.aborted > before.aborted)
  })
})
