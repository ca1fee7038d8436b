import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { chunk, get, head, lastChunk, ok } from '../../support/heads.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import type { ScriptedConnection } from '../../support/scripted-origin.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { waitFor } from '../../support/wait-for.ts'
import { byName, ladder, openScene, type Player, type Scene } from './scene.ts'

/** Content kept to be sent again by the upstream `small`. */
const KEPT = 1000

const dead = await refusingPort()
let scene: Scene
let a: Player
let b: Player
beforeAll(async () => {
  scene = await openScene('ab', (...origins) => {
    const retry = { budget: 10, statuses: [503] }
    const endpoints = ladder(origins)
    const [second] = ladder(origins.slice(1), { priority: 1 })
    const common = { passive: null, retry }
    return byName(
      {
        plain: { endpoints, ...common },
        small: { endpoints, ...common, retry: { ...retry, contentBytesMax: KEPT } },
        large: { endpoints, ...common, retry: { ...retry, contentBytesMax: 4 * 1024 * 1024 } },
        refused: { endpoints: [{ address: dead.address, name: 'dead' }, second!], ...common },
        paused: { endpoints, ...common, retry: { ...retry, backoffMs: 400, backoffMaxMs: 400 } },
        own: { endpoints, ...common },
        set: { endpoints, ...common },
      },
      { own: { host: { kind: 'upstream' } }, set: { host: { kind: 'set', host: 'set.example' } } },
    )
  })
  ;[a, b] = scene.origins as [Player, Player]
})
afterEach(() => scene.rest())
afterAll(async () => {
  await scene[Symbol.asyncDispose]()
  await dead.close()
})

const put = (target: string, length: number, ...fields: string[]) =>
  head(`PUT ${target} HTTP/1.1`, 'Host: a.example', `Content-Length: ${length}`, ...fields)
const putChunked = (target: string) => head(`PUT ${target} HTTP/1.1`, 'Host: a.example', 'Transfer-Encoding: chunked')

/** Reads a head and `count` bytes behind it, then breaks. */
function resetAfter(count: number) {
  return async (connection: ScriptedConnection) => {
    await connection.expectHead()
    if (count > 0) await connection.expectBytes(count)
    connection.reset()
  }
}

async function headsAt(origin: Player, count = 1) {
  await waitFor(() => origin.connections.length >= count, 'a connection')
}

describe('content that has come whole before its try fails', () => {
  const requests = [
    ['with a length', `${put('/plain/x', 6)}abcdef`, 'abcdef', 0],
    ['of no bytes', put('/plain/x', 0), '', 0],
    ['in chunks', putChunked('/plain/x') + chunk('abc') + chunk('def') + lastChunk(), 'abcdef', 0],
    ['in chunks, with trailers', putChunked('/plain/x') + chunk('abcdef') + lastChunk('X-Sum: 6'), 'abcdef', 1],
    ['of 60,000 bytes', `${put('/plain/x', 60_000)}${'x'.repeat(60_000)}`, 'x'.repeat(60_000), 0],
  ] as const

  it.each(requests)('goes to the next endpoint: %s', async (_, bytes, content, trailers) => {
    a.playEach(connection => connection.reset())
    const client = await scene.client()
    await client.send(bytes)
    expect((await client.readResponse()).content.toString()).toBe('b')
    expect(b.requests.map(request => request.content.toString())).toEqual([content])
    expect(b.requests[0]!.trailers.length).toBe(trailers)
  })

  it.each(requests)('goes there in whatever pieces it came: %s', async (_, bytes, content, trailers) => {
    a.playEach(connection => connection.reset())
    const client = await scene.client()
    const step = Math.ceil(bytes.length / 7)
    await client.sendSplit(
      bytes,
      [1, 2, 3, 4, 5, 6].map(piece => piece * step).filter(at => at < bytes.length),
    )
    expect((await client.readResponse()).content.toString()).toBe('b')
    expect(b.requests[0]!.content.toString()).toBe(content)
    expect(b.requests[0]!.trailers.length).toBe(trailers)
  })

  it('goes on after a response whose status another try is made for', async () => {
    a.playEach(connection => connection.send(head('HTTP/1.1 503 Busy', 'Content-Length: 0')))
    const client = await scene.client()
    await client.send(putChunked('/plain/x') + chunk('abc') + lastChunk('X-Sum: 3'))
    expect((await client.readResponse()).content.toString()).toBe('b')
    expect(b.requests[0]!.content.toString()).toBe('abc')
  })
})

describe('content that still comes when its try fails', () => {
  it.each([
    ['with a length', put('/plain/x', 9), ['abc', 'def', 'ghi']],
    ['in chunks', putChunked('/plain/x'), [chunk('abc'), chunk('def'), chunk('ghi') + lastChunk('X-Sum: 9')]],
  ] as const)('is whole at the next endpoint: %s', async (_, first, [one, two, three]) => {
    const sent = one.length
    a.play(resetAfter(sent))
    const client = await scene.client()
    await client.send(first)
    await headsAt(a)
    await client.send(one)
    await headsAt(b)
    await client.send(two)
    await client.send(three)
    expect((await client.readResponse()).content.toString()).toBe('b')
    expect(b.requests.map(({ content }) => content.toString())).toEqual(['abcdefghi'])
  })

  it('is whole there where the first try has answered before its end', async () => {
    a.play(async connection => {
      await connection.expectHead()
      await connection.expectBytes(3)
      await connection.send(head('HTTP/1.1 503 Busy', 'Content-Length: 0'))
    })
    const client = await scene.client()
    await client.send(`${put('/plain/x', 6)}abc`)
    await headsAt(b)
    await client.send('def')
    expect((await client.readResponse()).content.toString()).toBe('b')
    expect(b.requests[0]!.content.toString()).toBe('abcdef')
    // The rest of the request never comes there.
    await waitFor(() => !a.connections[0]!.open, 'the end of the first connection')
  })

  it('is whole there when it comes in the pause before the next try', async () => {
    a.play(resetAfter(3))
    const client = await scene.client()
    await client.send(`${put('/paused/x', 9)}abc`)
    await waitFor(() => a.connections.length === 1 && !a.connections[0]!.open, 'the end of the first try')
    await client.send('def')
    expect(b.connections.length).toBe(0)
    await headsAt(b)
    await client.send('ghi')
    expect((await client.readResponse()).content.toString()).toBe('b')
    expect(b.requests[0]!.content.toString()).toBe('abcdefghi')
  })

  it('is whole there when much of it comes in that pause, more than is kept', async () => {
    const content = '0123456789'.repeat(50_000)
    a.play(resetAfter(3))
    const client = await scene.client()
    await client.send(put('/paused/x', content.length) + content.slice(0, 3))
    await waitFor(() => a.connections.length === 1 && !a.connections[0]!.open, 'the end of the first try')
    void client.send(content.slice(3))
    const response = await client.readResponse()
    expect(response.content.toString()).toBe('b')
    expect(b.requests[0]!.content.toString()).toBe(content)
  })

  it('is not sent on by anybody once its client has left', async () => {
    a.play(resetAfter(3))
    const client = await scene.client()
    await client.send(`${put('/paused/x', 9)}abc`)
    await waitFor(() => a.connections.length === 1 && !a.connections[0]!.open, 'the end of the first try')
    client.reset()
    expect((await scene.records(1))[0]).toMatchObject({ error: 'client_closed', retries: 0, endpoint: 'a' })
    await scene.proxy.nothingLeft()
    expect(b.connections.length).toBe(0)
  })
})

describe('content of more bytes than are kept', () => {
  it.each([
    ['whole', (target: string) => put(target, KEPT * 4) + 'x'.repeat(KEPT * 4)],
    ['in chunks', (target: string) => putChunked(target) + chunk('x'.repeat(KEPT * 4)) + lastChunk()],
  ])('is not sent again, %s', async (_, request) => {
    let seen = 0
    a.play(async connection => {
      await connection.expectHead()
      seen += 1
      await connection.expectBytes(KEPT * 2)
      connection.reset()
    })
    const client = await scene.client()
    const bytes = request('/small/x')
    const at = bytes.indexOf('\r\n\r\n') + 4
    await client.send(bytes.slice(0, at))
    await waitFor(() => seen === 1, 'the head')
    await client.send(bytes.slice(at))
    expect((await client.readResponse()).status).toBe(502)
    expect(b.connections.length).toBe(0)
    expect((await scene.records(1))[0]).toMatchObject({ retries: 0, error: 'upstream_closed' })
  })

  it('is sent again where that many are kept', async () => {
    const content = 'abcdefghij'.repeat(100_000)
    a.play(async connection => {
      await connection.expectHead()
      await connection.expectBytes(content.length)
      connection.reset()
    })
    const client = await scene.client()
    void client.send(put('/large/x', content.length) + content)
    expect((await client.readResponse()).content.toString()).toBe('b')
    expect(b.requests[0]!.content.toString()).toBe(content)
  })

  it.each(['PUT', 'POST'])('is sent where no connection could be opened, since nothing was: %s', async method => {
    const content = 'abcdefghij'.repeat(30_000)
    const client = await scene.client()
    void client.send(head(`${method} /refused/x HTTP/1.1`, 'Host: a', `Content-Length: ${content.length}`) + content)
    expect((await client.readResponse()).content.toString()).toBe('b')
    expect(b.requests[0]!.content.toString()).toBe(content)
  })
})

describe('a client that waits for 100 before it sends its content', () => {
  const expecting = (target: string) => put(target, 6, 'Expect: 100-continue')
  const continuing = async (connection: ScriptedConnection) => {
    const request = await connection.expectHead()
    await connection.send(head('HTTP/1.1 100 Continue'))
    await connection.send(ok((await connection.expectContent(request)).toString()))
  }

  it('gets it from the next endpoint when the first one breaks', async () => {
    a.play(resetAfter(0))
    b.play(continuing)
    const client = await scene.client()
    await client.send(expecting('/plain/x'))
    await client.readUntil(unread => unread.includes('100 Continue'))
    await client.send('abcdef')
    expect((await client.readResponse()).content.toString()).toBe('abcdef')
  })

  it('gets it from the first one, whose break afterwards costs nothing', async () => {
    a.play(async connection => {
      await connection.expectHead()
      await connection.send(head('HTTP/1.1 100 Continue'))
      await connection.expectBytes(3)
      connection.reset()
    })
    b.play(continuing)
    const client = await scene.client()
    await client.send(expecting('/plain/x'))
    await client.readUntil(unread => unread.includes('100 Continue'))
    await client.send('abc')
    await headsAt(b)
    await client.send('def')
    const response = await client.readResponse()
    expect(response.content.toString()).toBe('abcdef')
  })
})

describe('the Host of a request that is sent again', () => {
  const hosts = (origin: Player) => origin.requests.map(({ fields }) => valuesOf(fields, 'host'))
  const nameOf = (origin: Player) => `127.0.0.1:${origin.origin.port}`

  it("is that of the new endpoint where it is the endpoint's", async () => {
    a.playEach(connection => connection.reset())
    expect((await scene.get('/own/x', 'X-After: 1')).content.toString()).toBe('b')
    expect(hosts(a)).toEqual([[nameOf(a)]])
    expect(hosts(b)).toEqual([[nameOf(b)]])
    expect(valuesOf(b.requests[0]!.fields, 'x-after')).toEqual(['1'])
    expect(valuesOf(b.requests[0]!.fields, 'x-forwarded-host')).toEqual(['a.example'])
  })

  it.each([
    ["the client's", get('/plain/x'), 'a.example'],
    ["the route's", get('/set/x'), 'set.example'],
    ["the route's, with a client that has none", 'GET /set/x HTTP/1.0\r\n\r\n', 'set.example'],
  ])('stays where it is %s', async (_, request, host) => {
    a.playEach(connection => connection.reset())
    const client = await scene.client()
    await client.send(request)
    await client.readResponse({ clientVersion: request.includes('1.0') ? '1.0' : '1.1' })
    expect([...hosts(a), ...hosts(b)]).toEqual([[host], [host]])
  })

  it('is that of the new endpoint where the client has none', async () => {
    a.playEach(connection => connection.reset())
    const client = await scene.client()
    await client.send('GET /plain/x HTTP/1.0\r\n\r\n')
    await client.readResponse({ clientVersion: '1.0' })
    expect([...hosts(a), ...hosts(b)]).toEqual([[nameOf(a)], [nameOf(b)]])
  })
})
