import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { chunk, get, head, lastChunk, ok } from '../support/heads.ts'
import { slowReader } from '../support/slow-reader.ts'
import { openStage, type Stage } from '../support/stage.ts'
import { valuesOf } from '../support/strict-head.ts'
import { turns } from '../support/turns.ts'
import { waitFor } from '../support/wait-for.ts'

const HEAD_MS = 300
const CONTENT_MS = 350
const IDLE_MS = 250

/** A listener with more patience, for clients that are slow but do not stall. */
const STEADY = 1
const STEADY_MS = 1_000

let stage: Stage
beforeAll(async () => {
  stage = await openStage(origin => ({
    listeners: [
      { timeouts: { headMs: HEAD_MS, contentMs: CONTENT_MS, idleMs: IDLE_MS } },
      { timeouts: { contentMs: STEADY_MS } },
    ],
    upstreams: { a: [origin] },
  }))
})
afterEach(() => stage.rest())
afterAll(() => stage[Symbol.asyncDispose]())

/** Milliseconds until `event`; the deadline is kept, and not by much more than the timers' resolution (generously). */
async function expectAfter<T>(deadlineMs: number, event: Promise<T>): Promise<T> {
  const since = performance.now()
  const result = await event
  const elapsed = performance.now() - since
  expect(elapsed).toBeGreaterThan(deadlineMs - 60)
  expect(elapsed).toBeLessThan(deadlineMs + 1_500)
  return result
}

/** Does `act` again and again, at a tenth of a deadline, until `done`. */
async function keepDoing(deadlineMs: number, act: () => void, done: Promise<unknown>): Promise<void> {
  const interval = setInterval(act, deadlineMs / 10)
  await done.finally(() => clearInterval(interval))
}

async function lastRecord() {
  await waitFor(() => stage.proxy.stats().exchangesActive === 0, 'exchanges that have ended')
  return (await stage.proxy.reports())[0]!.records.at(-1)
}

describe('a client that stalls', () => {
  it('before the first byte of its first request is closed without a word', async () => {
    const client = await stage.client()
    expect(await expectAfter(HEAD_MS, client.closed)).toBe('fin')
    expect(client.received.length).toBe(0)
  })

  it('in a request head gets 408, and its connection is closed', async () => {
    const client = await stage.client()
    await client.send('GET / HTTP/1.1\r\nHost: a')
    const response = await expectAfter(HEAD_MS, client.readResponse())
    expect(response.status).toBe(408)
    expect(valuesOf(response.fields, 'connection')).toEqual(['close'])
    expect(await client.closed).toBe('fin')
    expect(await lastRecord()).toMatchObject({ error: 'request_head_timeout', status: 408, flag: 'SI' })
  })

  it('in a request head byte by byte gets 408 just as soon', async () => {
    const client = await stage.client()
    await client.send('GET / HTTP/1.1\r\n')
    const response = expectAfter(HEAD_MS, client.readResponse())
    await keepDoing(HEAD_MS, () => void client.send('X'), response)
    expect((await response).status).toBe(408)
  })

  it('in the head of its second request gets 408', async () => {
    const client = await stage.client()
    await client.send(get())
    await client.readResponse()
    await client.send('GET / HTTP/1.1\r\n')
    expect((await expectAfter(HEAD_MS, client.readResponse())).status).toBe(408)
  })

  it('between two requests is closed without a word', async () => {
    const client = await stage.client()
    await client.send(get())
    await client.readResponse()
    expect(await expectAfter(IDLE_MS, client.closed)).toBe('fin')
    expect(client.unread.length).toBe(0)
  })

  it.each([
    ['with a length', `${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 100')}part`],
    ['in chunks', head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked') + chunk('part')],
    ['in trailers', `${head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')}0\r\nX-Sum`],
    ['that it has announced', head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 100', 'Expect: 100-continue')],
  ])('in its content %s gets 408, and the origin is let go', async (_, request) => {
    stage.play(async connection => {
      await connection.expectHead()
    })
    const client = await stage.client()
    await client.send(request)
    const response = await expectAfter(CONTENT_MS, client.readResponse())
    expect(response.status).toBe(408)
    expect(await client.closed).toBe('fin')
    await stage.connections[0]!.closed
    expect(await lastRecord()).toMatchObject({ error: 'request_content_timeout', status: 408, flag: 'SI' })
  })

  it('in its content after the answer has begun is cut', async () => {
    stage.play(async connection => {
      await connection.expectHead()
      await connection.send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunk('early'))
    })
    const client = await stage.client()
    await client.send(`${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 100')}part`)
    expect(await expectAfter(CONTENT_MS, client.nextResponse())).toMatchObject({ kind: 'cut', status: 200 })
    await stage.connections[0]!.closed
  })

  it('in taking its answer is cut, and the origin is let go', async () => {
    stage.play(async connection => {
      await connection.expectHead()
      await connection.send(head('HTTP/1.1 200 OK', 'Content-Length: 1000000000'))
      for (; connection.open; await turns(1)) await connection.send('x'.repeat(1_000_000))
    })
    using client = await slowReader(stage.proxy.port, get())
    await waitFor(() => stage.proxy.stats().exchangesActive === 1, 'an exchange')
    await waitFor(() => stage.proxy.stats().exchangesActive === 0, 'an exchange that has ended')
    await stage.connections[0]!.closed
    expect(await lastRecord()).toMatchObject({ error: 'response_write_timeout', status: 200, flag: 'SI' })
    expect(stage.proxy.stats().connectionsOpen).toBe(0)
    expect(client.bytesRead).toBe(0)
  })
})

describe('a client that is slow but steady', () => {
  it('in its content is waited for, however long it takes as a whole', async () => {
    stage.play(async connection => {
      const request = await connection.expectHead()
      await connection.send(ok((await connection.expectContent(request)).toString()))
    })
    const client = await stage.clientOf(STEADY)
    await client.send(head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked'))
    let sent = 0
    const response = client.readResponse()
    const send = () => {
      sent += 1
      if (sent <= 20) void client.send(chunk('x'))
      if (sent === 20) void client.send(lastChunk())
    }
    await keepDoing(STEADY_MS, send, response)
    expect((await response).content.toString()).toBe('x'.repeat(20))
  })

  it('in taking its answer is waited for', async () => {
    const size = 8_000_000
    stage.play(async connection => {
      await connection.expectHead()
      await connection.send(head('HTTP/1.1 200 OK', `Content-Length: ${size}`))
      await connection.send(Buffer.alloc(size, 'x'))
    })
    using client = await slowReader(stage.proxy.portOf(STEADY), get())
    let taking = false
    const take = () => {
      if (taking) return
      taking = true
      void client.take(600_000).then(() => {
        taking = false
      })
    }
    await keepDoing(
      STEADY_MS,
      take,
      waitFor(() => client.bytesRead > size || client.ended, 'the whole answer', 15_000),
    )
    expect(client.bytesRead).toBeGreaterThan(size)
    expect(await lastRecord()).toMatchObject({ error: '', status: 200 })
  })
})

describe('a request that takes its time at the origin', () => {
  it('is not taken for a client that stalls', async () => {
    stage.play(async connection => {
      await connection.expectRequest()
      const started = performance.now()
      await waitFor(() => performance.now() - started > 3 * CONTENT_MS, 'three deadlines')
      await connection.send(ok('late'))
    })
    const client = await stage.client()
    await client.send(`${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 4')}part`)
    expect((await client.readResponse()).content.toString()).toBe('late')
  })
})

describe('a client that sends requests and takes no answer', () => {
  it('is cut when it has taken nothing for the content deadline, though the answers are our own', async () => {
    await using own = await openStage(() => ({
      listeners: [
        { timeouts: { headMs: HEAD_MS, contentMs: CONTENT_MS, idleMs: IDLE_MS } },
        { timeouts: { contentMs: STEADY_MS } },
      ],
      routes: [{ to: { kind: 'respond', status: 200, fields: [], content: Buffer.alloc(60_000, 'x') } }],
    }))
    const client = await own.client()
    client.socket.pause()
    await client.send(get('/').repeat(400))
    await waitFor(() => own.proxy.stats().connectionsOpen === 0, 'a connection that is cut')
    await own.rest()
  })
})
