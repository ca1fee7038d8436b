import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { chunk, get, head, lastChunk, ok, post } from '../../support/heads.ts'
import type { ScriptedConnection } from '../../support/scripted-origin.ts'
import { openStage, type Stage } from '../../support/stage.ts'
import type { StrictRequest } from '../../support/strict-request.ts'
import { waitFor } from '../../support/wait-for.ts'

/**
 * The keep-alive race: an origin closes a connection that was idle as a request arrives on it. From outside this is an
 * origin that reads the request and closes without an answer, so the tests can have it whenever they want.
 */

let stage: Stage
let seen: StrictRequest[]
beforeAll(async () => {
  stage = await openStage()
})
afterEach(() => stage.rest())
afterAll(() => stage[Symbol.asyncDispose]())

type End = (connection: ScriptedConnection) => void
const fin: End = connection => connection.close()
const reset: End = connection => connection.reset()

/** Answers one request on each connection and does `end` to the second one, on the first `connections` connections. */
function closeAtTheSecond(end: End, connections = 1) {
  seen = []
  stage.play(async connection => {
    const isRacing = stage.connections.indexOf(connection) < connections
    if (isRacing && stage.connections.length > 1) {
      seen.push(await connection.expectRequest())
      return end(connection)
    }
    for (let index = 0; ; index += 1) {
      const request = await connection.expectRequest()
      if (request.target !== '/first') seen.push(request)
      if (isRacing && index === 1) return end(connection)
      await connection.send(ok(request.content.toString()))
    }
  })
}

/** A client whose first request has left a connection in the pool. */
async function clientAfterFirst() {
  const client = await stage.client()
  await client.send(get('/first'))
  await client.readResponse()
  return client
}

async function lastRecord() {
  return (await stage.proxy.reports())[0]!.records.at(-1)
}

describe('a request on a connection that its origin has just closed', () => {
  it.each([
    ['GET', fin],
    ['GET', reset],
    ['HEAD', fin],
    ['DELETE', reset],
    ['OPTIONS', fin],
  ])('is sent once more, on a new connection: %s', async (method, end) => {
    closeAtTheSecond(end)
    const client = await clientAfterFirst()
    await client.send(head(`${method} /second HTTP/1.1`, 'Host: a.example', 'X-Mark: 1'))
    expect((await client.readResponse({ method })).status).toBe(200)
    expect(seen.map(request => `${request.method} ${request.target}`)).toEqual([
      `${method} /second`,
      `${method} /second`,
    ])
    expect(seen[1]!.fields).toEqual(seen[0]!.fields)
    expect(stage.connections.length).toBe(2)
    expect(await lastRecord()).toMatchObject({ status: 200, retries: 1, error: '' })
  })

  it.each([
    ['Content-Length', `${head('PUT /second HTTP/1.1', 'Host: a', 'Content-Length: 6')}abcdef`],
    [
      'chunks and trailers',
      head('PUT /second HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked') +
        chunk('abc') +
        chunk('def') +
        lastChunk('X: y'),
    ],
  ])('is sent once more with its content where it is idempotent: %s', async (_, request) => {
    closeAtTheSecond(reset)
    const client = await clientAfterFirst()
    await client.send(request)
    expect((await client.readResponse()).content.toString()).toBe('abcdef')
    expect(seen.map(({ content }) => content.toString())).toEqual(['abcdef', 'abcdef'])
    expect(seen[1]!.trailers).toEqual(seen[0]!.trailers)
  })

  it.each([
    ['POST', fin],
    ['POST', reset],
    ['PATCH', reset],
  ])('is answered 502 and never sent twice where it is not idempotent: %s', async (method, end) => {
    closeAtTheSecond(end)
    const client = await clientAfterFirst()
    await client.send(`${head(`${method} /second HTTP/1.1`, 'Host: a.example', 'Content-Length: 3')}abc`)
    expect((await client.readResponse()).status).toBe(502)
    expect(await lastRecord()).toMatchObject({ status: 502, retries: 0, error: 'upstream_closed', flag: 'UC' })
    // The client may go on, and what it sends next is the next thing the origin sees.
    await client.send(post('/third', 'next'))
    expect((await client.readResponse()).content.toString()).toBe('next')
    expect(seen.map(({ target }) => target)).toEqual(['/second', '/third'])
  })

  it('is answered 502 where its content has been passed on already and is no longer there', async () => {
    let heads = 0
    stage.play(async connection => {
      if (stage.connections.length > 1) return
      await connection.expectRequest()
      await connection.send(ok(''))
      await connection.expectHead()
      heads += 1
      await connection.expectBytes(10)
      connection.reset()
    })
    const client = await clientAfterFirst()
    // More than is kept for sending it again.
    await client.send(head('PUT /second HTTP/1.1', 'Host: a.example', 'Content-Length: 200000'))
    await waitFor(() => heads === 1, 'the head at the origin')
    void client.send('0123456789'.repeat(10_000))
    const response = await client.readResponse()
    expect(response.status).toBe(502)
    expect(stage.connections.length).toBe(1)
  })

  it('is sent once more where its content is still with the client, that waits for 100', async () => {
    stage.play(async connection => {
      if (stage.connections.indexOf(connection) === 0) {
        await connection.expectRequest()
        await connection.send(ok(''))
        await connection.expectHead()
        return connection.close()
      }
      const request = await connection.expectHead()
      await connection.send(head('HTTP/1.1 100 Continue'))
      await connection.send(ok((await connection.expectContent(request)).toString()))
    })
    const client = await clientAfterFirst()
    await client.send(head('PUT /second HTTP/1.1', 'Host: a', 'Content-Length: 6', 'Expect: 100-continue'))
    await client.readUntil(unread => unread.includes('100 Continue'))
    await client.send('abcdef')
    expect((await client.readResponse()).content.toString()).toBe('abcdef')
  })

  it('is not sent a third time', async () => {
    closeAtTheSecond(reset, 2)
    const client = await clientAfterFirst()
    await client.send(get('/second'))
    expect((await client.readResponse()).status).toBe(502)
    expect(seen.length).toBe(2)
    expect(await lastRecord()).toMatchObject({ status: 502, retries: 1 })
  })

  it('is not sent again once a byte of the answer has come', async () => {
    closeAtTheSecond(connection => void connection.send('H').then(() => connection.close()))
    const client = await clientAfterFirst()
    await client.send(get('/second'))
    expect((await client.readResponse()).status).toBe(502)
    expect(seen.length).toBe(1)
  })

  it('is not sent again where the connection was new: that origin does not race, it refuses', async () => {
    seen = []
    stage.play(async connection => {
      seen.push(await connection.expectRequest())
      connection.close()
    })
    const client = await stage.client()
    await client.send(get('/first'))
    expect((await client.readResponse()).status).toBe(502)
    expect(seen.length).toBe(1)
  })
})

describe('a hundred requests to an origin that closes every connection after its third answer, unannounced', () => {
  it('are all answered', async () => {
    stage.play(async connection => {
      for (let index = 0; index < 3; index += 1) {
        const { target } = await connection.expectRequest()
        await connection.send(ok(target))
      }
      connection.close()
    })
    const clients = await Promise.all(Array.from({ length: 4 }, () => stage.client()))
    await Promise.all(
      clients.map(async client => {
        for (let index = 0; index < 25; index += 1) {
          await client.send(get(`/${index}`))
          const response = await client.readResponse()
          expect(`${response.status} ${response.content}`).toBe(`200 /${index}`)
        }
      }),
    )
  })
})
