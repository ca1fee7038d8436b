import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { chunk, get, head, lastChunk, ok } from '../../support/heads.ts'
import { openStage, type Stage } from '../../support/stage.ts'
import { valuesOf } from '../../support/strict-head.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterEach(() => stage.rest())
afterAll(() => stage[Symbol.asyncDispose]())

/** The origin gives these answers one after the other, whatever is asked, and then ends as it is told. */
function answerWith(answers: readonly string[], then: 'stay' | 'close' | 'reset' = 'stay') {
  stage.play(async connection => {
    for (const answer of answers) {
      await connection.expectRequest()
      await connection.send(answer)
    }
    if (then === 'close') connection.close()
    if (then === 'reset') connection.reset()
  })
}

describe('responses without content', () => {
  const fields = ['Content-Length: 1000', 'ETag: "x"']

  it.each([
    { what: 'to HEAD, with Content-Length', method: 'HEAD', answer: head('HTTP/1.1 200 OK', ...fields), kept: true },
    { what: 'to HEAD, without', method: 'HEAD', answer: head('HTTP/1.1 200 OK', 'ETag: "x"'), kept: false },
    { what: 'of 304, with Content-Length', method: 'GET', answer: head('HTTP/1.1 304 X', ...fields), kept: true },
    { what: 'of 304, without', method: 'GET', answer: head('HTTP/1.1 304 X', 'ETag: "x"'), kept: false },
    { what: 'of 204', method: 'GET', answer: head('HTTP/1.1 204 X', 'ETag: "x"'), kept: false },
  ])('$what end with their head; both connections serve on', async ({ method, answer, kept }) => {
    answerWith([answer, answer, ok('next')])
    const client = await stage.client()
    for (let index = 0; index < 2; index += 1) {
      await client.send(head(`${method} / HTTP/1.1`, 'Host: a.example'))
      const response = await client.readResponse({ method })
      expect(valuesOf(response.fields, 'etag')).toEqual(['"x"'])
      expect(valuesOf(response.fields, 'content-length')).toEqual(kept ? ['1000'] : [])
    }
    await client.send(get())
    expect((await client.readResponse()).content.toString()).toBe('next')
    expect(stage.connections.length).toBe(1)
  })

  it('to HEAD may say Transfer-Encoding; both connections serve on', async () => {
    answerWith([head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'), ok('next')])
    const client = await stage.client()
    await client.send(head('HEAD / HTTP/1.1', 'Host: a.example'))
    expect((await client.readResponse({ method: 'HEAD' })).status).toBe(200)
    await client.send(get())
    expect((await client.readResponse()).content.toString()).toBe('next')
    expect(stage.connections.length).toBe(1)
  })

  it('of length 0 are whole at once', async () => {
    answerWith([ok(''), head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + lastChunk(), ok('next')])
    const client = await stage.client()
    await client.send(get() + get() + get())
    expect((await client.readResponse()).content.length).toBe(0)
    expect((await client.readResponse()).content.length).toBe(0)
    expect((await client.readResponse()).content.toString()).toBe('next')
    expect(stage.connections.length).toBe(1)
  })

  it('and with a reason of their own, or none, keep it', async () => {
    answerWith([
      head('HTTP/1.1 299 Quite all right', 'Content-Length: 0'),
      head('HTTP/1.1 200 ', 'Content-Length: 0'),
      head('HTTP/1.1 503 Später', 'Content-Length: 0'),
    ])
    const client = await stage.client()
    for (const [status, reason] of [
      [299, 'Quite all right'],
      [200, ''],
      [503, 'Später'],
    ]) {
      await client.send(get())
      expect(await client.readResponse()).toMatchObject({ status, reason })
    }
  })
})

describe('an HTTP/1.0 client', () => {
  const asked = head('GET / HTTP/1.0')
  const askedToKeep = head('GET / HTTP/1.0', 'Connection: keep-alive')
  const chunked = head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunk('abc') + chunk('def') + lastChunk()

  it('gets its answer and FIN', async () => {
    answerWith([ok('abc')])
    const client = await stage.client()
    await client.send(asked)
    const response = await client.readResponse({ clientVersion: '1.0' })
    expect(response.content.toString()).toBe('abc')
    expect(valuesOf(response.fields, 'connection')).toEqual(['close'])
    expect(await client.closed).toBe('fin')
  })

  it('keeps its connection where it asks for that and the content has a length', async () => {
    answerWith([ok('abc'), head('HTTP/1.1 204 X'), ok('def')])
    const client = await stage.client()
    for (const content of ['abc', '', 'def']) {
      await client.send(askedToKeep)
      const response = await client.readResponse({ clientVersion: '1.0' })
      expect(response.content.toString()).toBe(content)
      expect(valuesOf(response.fields, 'connection')).toEqual(['keep-alive'])
    }
    expect(stage.connections.length).toBe(1)
  })

  it.each([asked, askedToKeep])('gets chunked content without the chunks, ended by FIN: %j', async request => {
    answerWith([chunked, ok('next')])
    const client = await stage.client()
    await client.send(request)
    const response = await client.readResponse({ clientVersion: '1.0' })
    expect(response.content.toString()).toBe('abcdef')
    expect(response.framing).toBe('close')
    expect(valuesOf(response.fields, 'connection')).toEqual(['close'])
    expect(await client.closed).toBe('fin')
    // The origin's connection has nothing to do with that.
    const other = await stage.client()
    await other.send(get())
    expect((await other.readResponse()).content.toString()).toBe('next')
    expect(stage.connections.length).toBe(1)
  })

  it('is told by RST when chunked content is cut', async () => {
    answerWith([`${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}${chunk('abc')}5\r\nde`], 'close')
    const client = await stage.client()
    await client.send(asked)
    expect(await client.nextResponse({ clientVersion: '1.0' })).toMatchObject({ kind: 'cut', how: 'reset' })
  })

  it('may do without Host; the origin gets one', async () => {
    stage.play(async connection => {
      const request = await connection.expectRequest()
      expect(request.version).toBe('1.1')
      await connection.send(ok(valuesOf(request.fields, 'host').join()))
    })
    const client = await stage.client()
    await client.send(asked)
    const response = await client.readResponse({ clientVersion: '1.0' })
    const { origin } = stage
    expect(response.content.toString()).toBe(origin.kind === 'tcp' ? `${origin.host}:${origin.port}` : '')
  })
})

describe('a response that ends with its connection', () => {
  it('is chunked for an HTTP/1.1 client, whose connection serves on', async () => {
    answerWith([`${head('HTTP/1.1 200 OK', 'Connection: close')}until the end`], 'close')
    const client = await stage.client()
    for (let index = 0; index < 3; index += 1) {
      await client.send(get())
      const response = await client.readResponse()
      expect(response.framing).toBe('chunked')
      expect(response.content.toString()).toBe('until the end')
      expect(valuesOf(response.fields, 'connection')).toEqual([])
    }
    expect(stage.connections.length).toBe(3)
  })

  it('ends with FIN for an HTTP/1.0 client', async () => {
    answerWith([`${head('HTTP/1.0 200 OK')}until the end`], 'close')
    const client = await stage.client()
    await client.send(head('GET / HTTP/1.0', 'Connection: keep-alive'))
    const response = await client.readResponse({ clientVersion: '1.0' })
    expect(response.framing).toBe('close')
    expect(response.content.toString()).toBe('until the end')
    expect(await client.closed).toBe('fin')
  })

  it.each(['1.1', '1.0'] as const)('is cut by RST when it ends with one, for an HTTP/%s client', async version => {
    stage.play(async connection => {
      await connection.expectRequest()
      await connection.send(`${head('HTTP/1.1 200 OK')}until the `)
      await client.readUntil(unread => unread.includes('until the '))
      connection.reset()
    })
    const client = await stage.client()
    await client.send(head(`GET / HTTP/${version}`, 'Host: a.example'))
    const outcome = await client.nextResponse({ clientVersion: version })
    expect(outcome).toMatchObject({ kind: 'cut', status: 200 })
    if (version === '1.0') expect(outcome).toMatchObject({ how: 'reset' })
  })
})

describe('an HTTP/1.0 origin', () => {
  it('keeps its connection where it says so', async () => {
    const answer = `${head('HTTP/1.0 200 OK', 'Connection: keep-alive', 'Content-Length: 3')}abc`
    answerWith([answer, answer, answer])
    const client = await stage.client()
    for (let index = 0; index < 3; index += 1) {
      await client.send(get())
      expect((await client.readResponse()).content.toString()).toBe('abc')
    }
    expect(stage.connections.length).toBe(1)
  })

  it('is asked on a new connection each time where it does not', async () => {
    answerWith([`${head('HTTP/1.0 200 OK', 'Content-Length: 3')}abc`])
    const client = await stage.client()
    for (let index = 0; index < 3; index += 1) {
      await client.send(get())
      expect((await client.readResponse()).content.toString()).toBe('abc')
    }
    expect(stage.connections.length).toBe(3)
  })
})

describe('a response head of 60 KB', () => {
  it('passes whole, come in one piece or in many', async () => {
    const fields = Array.from({ length: 100 }, (_, index) => `X-Field-${index}: ${'0123456789'.repeat(58)}`)
    const answer = ok('content', ...fields)
    stage.play(async connection => {
      await connection.expectRequest()
      await connection.send(answer)
      await connection.expectRequest()
      await connection.sendSplit(
        answer,
        Array.from({ length: 60 }, (_, index) => index * 1_013),
      )
    })
    const client = await stage.client()
    for (let index = 0; index < 2; index += 1) {
      await client.send(get())
      const response = await client.readResponse()
      expect(response.fields.slice(1).map(([name, value]) => `${name}: ${value}`)).toEqual(fields)
      expect(response.content.toString()).toBe('content')
    }
    expect(stage.connections.length).toBe(1)
  })
})

describe('content of any size', () => {
  const sizes = [1, 1_000, 65_535, 65_536, 65_537, 300_000]

  it.each(sizes)('goes both ways unchanged in one connection: %i bytes', async size => {
    const content = Buffer.alloc(size)
    for (let at = 0; at < size; at += 1) content[at] = (at * 7 + (at >> 8)) & 0xff
    stage.play(async connection => {
      for (;;) {
        const request = await connection.expectRequest()
        expect(request.content.equals(content)).toBe(true)
        if (request.target === '/length') {
          await connection.send(head('HTTP/1.1 200 OK', `Content-Length: ${size}`))
          await connection.send(content)
        } else {
          await connection.send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'))
          for (let at = 0; at < size; at += 5_000)
            await connection.send(chunk(content.toString('latin1', at, at + 5_000)))
          await connection.send(lastChunk())
        }
      }
    })
    const client = await stage.client()
    for (const target of ['/length', '/chunked']) {
      void client.send(head(`PUT ${target} HTTP/1.1`, 'Host: a.example', `Content-Length: ${size}`))
      void client.send(content)
      expect((await client.readResponse()).content.equals(content)).toBe(true)
      void client.send(head(`PUT ${target} HTTP/1.1`, 'Host: a.example', 'Transfer-Encoding: chunked'))
      for (let at = 0; at < size; at += 7_000) void client.send(chunk(content.toString('latin1', at, at + 7_000)))
      void client.send(lastChunk())
      expect((await client.readResponse()).content.equals(content)).toBe(true)
    }
    expect(stage.connections.length).toBe(1)
  })
})
