import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { chunk, get, head, lastChunk, ok, post } from '../support/heads.ts'
import { openStage, type Stage } from '../support/stage.ts'
import { valuesOf } from '../support/strict-head.ts'
import { waitFor } from '../support/wait-for.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage(origin => ({
    listeners: [{ name: 'web', trustedProxies: ['127.0.0.1'] }],
    upstreams: { api: { endpoints: [origin] } },
    routes: [
      {
        name: 'teapot',
        match: { path: { kind: 'exact', path: '/teapot' } },
        to: { kind: 'respond', status: 418, fields: [], content: Buffer.from('short') },
      },
      { name: 'all', match: { hosts: ['a.example'] }, to: 'api' },
    ],
  }))
})
afterEach(() => stage.rest())
afterAll(() => stage[Symbol.asyncDispose]())

/** The records since the last call, once there are so many. */
let taken = 0
async function nextRecords(count: number) {
  const records = await stage.proxy.records(taken + count)
  const fresh = records.slice(taken)
  taken = records.length
  expect(fresh.length).toBe(count)
  return fresh
}

describe('the record of an exchange', () => {
  it('says who asked for what, where it went, what came of it, and how long that took', async () => {
    stage.play(async connection => {
      const { fields } = await connection.expectRequest()
      await connection.send(ok('content', `X-Seen: ${valuesOf(fields, 'x-request-id')}`))
    })
    const before = Date.now()
    const client = await stage.client()
    const request = head('PUT /path?query HTTP/1.1', 'Host: a.example', 'Content-Length: 3')
    await client.send(`${request}abc`)
    const response = await client.readResponse()
    const [record] = await nextRecords(1)
    const origin = stage.origin.kind === 'tcp' ? stage.origin : null
    expect(record).toEqual({
      startedAtMs: expect.any(Number),
      method: 'PUT',
      host: 'a.example',
      target: '/path?query',
      status: 200,
      bytesIn: request.length + 3,
      bytesOut: client.received.length,
      connectUs: expect.any(Number),
      firstByteUs: expect.any(Number),
      totalUs: expect.any(Number),
      endpoint: `127.0.0.1:${origin?.port}`,
      upstream: 'api',
      route: 'all',
      listener: 'web',
      retries: 0,
      requestId: valuesOf(response.fields, 'x-seen')[0],
      protocol: 'HTTP/1.1',
      client: `127.0.0.1:${client.socket.localPort}`,
      proxy: '',
      flag: '',
      error: '',
      errorDetail: '',
      grpcStatus: -1,
      tlsVersion: '',
      tlsCipher: '',
      serverName: '',
    })
    expect(record!.startedAtMs).toBeGreaterThan(before - 50)
    expect(record!.startedAtMs).toBeLessThan(Date.now() + 50)
    expect(record!.connectUs).toBeGreaterThan(0)
    expect(record!.firstByteUs).toBeGreaterThanOrEqual(record!.connectUs)
    expect(record!.totalUs).toBeGreaterThanOrEqual(record!.firstByteUs)
  })

  it('counts the bytes of its own request and response, among pipelined ones of all framings', async () => {
    stage.play(async connection => {
      for (;;) {
        const { target } = await connection.expectRequest()
        if (target === '/chunked') {
          const start = head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')
          await connection.send(start + chunk('abc') + chunk('def') + lastChunk('X-Sum: 1'))
        } else await connection.send(ok(target))
      }
    })
    const requests = [
      get('/1'),
      post('/2', 'content'),
      `${head('PUT /3 HTTP/1.1', 'Host: a.example', 'Transfer-Encoding: chunked')}${chunk('abc')}${lastChunk('X-A: b')}`,
      head('HEAD /4 HTTP/1.1', 'Host: a.example'),
      get('/teapot'),
      get('/chunked'),
    ]
    const client = await stage.client()
    await client.send(requests.join(''))
    const sizes: number[] = []
    for (const request of requests) {
      await client.readResponse({ method: request.split(' ')[0]! })
      sizes.push(client.received.length - client.unread.length)
    }
    const records = await nextRecords(requests.length)
    expect(records.map(({ bytesIn }) => bytesIn)).toEqual(requests.map(request => request.length))
    expect(records.map(({ bytesOut }) => bytesOut)).toEqual(sizes.map((size, index) => size - (sizes[index - 1] ?? 0)))
    expect(records.map(({ method, target }) => `${method} ${target}`)).toEqual(
      requests.map(request => request.split(' ').slice(0, 2).join(' ')),
    )
    expect(stage.proxy.stats()).toMatchObject({ exchangesActive: 0 })
  })

  it('counts the bytes of a tunnel both ways', async () => {
    stage.play(async connection => {
      await connection.expectHead()
      await connection.send(head('HTTP/1.1 101 Switching Protocols', 'Connection: upgrade', 'Upgrade: foo'))
      await connection.expectBytes(1_000)
      await connection.send('y'.repeat(2_000))
      connection.close()
    })
    const client = await stage.client()
    const request = get('/tunnel', 'Connection: upgrade', 'Upgrade: foo')
    await client.send(`${request}${'x'.repeat(400)}`)
    await client.readResponse()
    await client.send('x'.repeat(600))
    await client.readAll()
    const [record] = await nextRecords(1)
    expect(record).toMatchObject({ status: 101, error: '', bytesIn: request.length + 1_000 })
    expect(record!.bytesOut).toBe(client.received.length)
  })

  it('keeps the request id of a trusted peer', async () => {
    const client = await stage.client()
    await client.send(get('/', 'X-Request-Id: from-afar'))
    await client.readResponse()
    expect((await nextRecords(1))[0]).toMatchObject({ requestId: 'from-afar' })
  })

  it('says that no route was found, and that a route has answered by itself', async () => {
    const client = await stage.client()
    await client.send(head('GET /teapot HTTP/1.1', 'Host: b.example') + head('GET /x HTTP/1.1', 'Host: b.example'))
    expect((await client.readResponse()).status).toBe(418)
    expect((await client.readResponse()).status).toBe(404)
    const [answered, lost] = await nextRecords(2)
    expect(answered).toMatchObject({
      status: 418,
      route: 'teapot',
      upstream: '',
      endpoint: '',
      connectUs: -1,
      error: '',
    })
    expect(lost).toMatchObject({ status: 404, route: '', upstream: '', error: 'no_route', flag: 'NR' })
  })

  it('is there for a request that could not be read', async () => {
    const client = await stage.client()
    await client.send('GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n')
    expect((await client.readResponse()).status).toBe(400)
    const [record] = await nextRecords(1)
    expect(record).toMatchObject({ status: 400, error: 'request_malformed', flag: 'DPE', endpoint: '', connectUs: -1 })
    expect(record!.bytesOut).toBe(client.received.length)
  })

  it('says 0 for a client that leaves before its answer', async () => {
    stage.play(async connection => {
      await connection.expectRequest()
    })
    const client = await stage.client()
    await client.send(get('/never'))
    await waitFor(() => stage.connections.length === 1, 'a request at the origin')
    client.reset()
    const [record] = await nextRecords(1)
    expect(record).toMatchObject({ status: 0, error: 'client_closed', flag: 'DC', bytesOut: 0, firstByteUs: -1 })
  })

  it('adds up in the statistics', async () => {
    const before = stage.proxy.stats()
    const client = await stage.client()
    for (let index = 0; index < 10; index += 1) {
      await client.send(get(`/${index}`))
      await client.readResponse()
    }
    const records = await nextRecords(10)
    const after = stage.proxy.stats()
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
    expect(after.exchangesTotal - before.exchangesTotal).toBe(10)
    expect(after.bytesIn - before.bytesIn).toBe(sum(records.map(({ bytesIn }) => bytesIn)))
    expect(after.bytesOut - before.bytesOut).toBe(client.received.length)
    expect(after.latencyUs.count - before.latencyUs.count).toBe(10)
    expect(after.latencyUs.max).toBeGreaterThanOrEqual(Math.max(...records.map(({ totalUs }) => Math.floor(totalUs))))
    expect(after.latencyUs.p50).toBeGreaterThan(0)
    expect(after.latencyUs.p50).toBeLessThanOrEqual(after.latencyUs.p99)
  })
})
