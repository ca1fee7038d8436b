import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { chunk, get, head, lastChunk, ok } from '../../support/heads.ts'
import { openStage, type Stage } from '../../support/stage.ts'
import { valuesOf } from '../../support/strict-head.ts'

const CHUNKED_POST = head('POST / HTTP/1.1', 'Host: a.example', 'Transfer-Encoding: chunked', 'Trailer: X-Sum')
const CHUNKED_OK = head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Trailer: X-Sum')

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterEach(() => stage.rest())
afterAll(() => stage[Symbol.asyncDispose]())

describe('trailer sections', () => {
  it('of a request reach the origin', async () => {
    stage.play(async connection => {
      const { content, fields, trailers } = await connection.expectRequest()
      const announced = valuesOf(fields, 'trailer')
      await connection.send(ok(JSON.stringify({ content: content.toString(), announced, trailers })))
    })
    const client = await stage.client()
    await client.send(CHUNKED_POST)
    await client.send(chunk('abc') + chunk('def') + lastChunk('X-Sum: 42', 'X-Sum: 43'))
    expect(JSON.parse((await client.readResponse()).content.toString())).toEqual({
      content: 'abcdef',
      announced: ['X-Sum'],
      trailers: [
        ['X-Sum', '42'],
        ['X-Sum', '43'],
      ],
    })
  })

  it('of a response reach the client, and both connections serve on', async () => {
    stage.play(async connection => {
      for (;;) {
        const request = await connection.expectRequest()
        expect(valuesOf(request.fields, 'te')).toEqual(['trailers'])
        await connection.send(CHUNKED_OK + chunk('abc') + lastChunk('X-Sum: 42', 'Server-Timing: db;dur=53'))
      }
    })
    const client = await stage.client()
    for (let index = 0; index < 3; index += 1) {
      await client.send(get('/', 'TE: trailers', 'Connection: TE'))
      const response = await client.readResponse()
      expect(response.content.toString()).toBe('abc')
      expect(response.trailers).toEqual([
        ['X-Sum', '42'],
        ['Server-Timing', 'db;dur=53'],
      ])
    }
    expect(stage.connections.length).toBe(1)
  })

  it('go both ways in one exchange, sent byte by byte', async () => {
    const everywhere = (text: string) => Array.from(text, (_, at) => at)
    stage.play(async connection => {
      const request = await connection.expectRequest()
      const [name, value] = request.trailers[0]!
      const answer = CHUNKED_OK + chunk(request.content.toString()) + lastChunk(`${name}: echo of ${value}`)
      await connection.sendSplit(answer, everywhere(answer))
    })
    const client = await stage.client()
    const request = CHUNKED_POST + chunk('abc') + lastChunk('X-Sum: 42')
    await client.sendSplit(request, everywhere(request))
    const response = await client.readResponse()
    expect(response.content.toString()).toBe('abc')
    expect(response.trailers).toEqual([['X-Sum', 'echo of 42']])
  })

  it('lose what may not stand in them (RFC 9110, 6.5.1)', async () => {
    stage.play(async connection => {
      const { trailers } = await connection.expectRequest()
      const forbidden = ['Set-Cookie: a=b', 'Content-Type: x', 'Cache-Control: no-store', 'Connection: close']
      await connection.send(CHUNKED_OK + chunk(JSON.stringify(trailers)) + lastChunk(...forbidden, 'X-Good: 1'))
    })
    const client = await stage.client()
    const forbidden = ['Host: b.example', 'Authorization: x', 'Via: x', 'X-Forwarded-For: 1.2.3.4']
    await client.send(CHUNKED_POST + chunk('abc') + lastChunk(...forbidden, 'X-Good: 1'))
    const response = await client.readResponse()
    expect(response.content.toString()).toBe('[["X-Good","1"]]')
    expect(response.trailers).toEqual([['X-Good', '1']])
  })

  it('do not reach an HTTP/1.0 client', async () => {
    stage.play(async connection => {
      await connection.expectRequest()
      await connection.send(CHUNKED_OK + chunk('abc') + lastChunk('X-Sum: 42'))
    })
    const client = await stage.client()
    await client.send(head('GET / HTTP/1.0'))
    const response = await client.readResponse({ clientVersion: '1.0' })
    expect(response.content.toString()).toBe('abc')
    expect(client.received.includes('X-Sum: 42')).toBe(false)
  })

  it('that are empty leave nothing behind', async () => {
    stage.play(async connection => {
      await connection.expectRequest()
      await connection.send(CHUNKED_OK + chunk('abc') + lastChunk())
      await connection.expectRequest()
      await connection.send(ok('second'))
    })
    const client = await stage.client()
    await client.send(get() + get())
    expect((await client.readResponse()).trailers).toEqual([])
    expect((await client.readResponse()).content.toString()).toBe('second')
  })
})
