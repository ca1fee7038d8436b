import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { get, head } from '../../support/heads.ts'
import { startTestProxy, type TestProxy } from '../../support/proxy.ts'
import { rawClient } from '../../support/raw-client.ts'
import { plainAnswer, type RecordingOrigin, recordingOrigin } from '../../support/recording-origin.ts'
import { valuesOf } from '../../support/strict-head.ts'

let origin: RecordingOrigin
let proxy: TestProxy

const FIELDS = ['Server: origin', 'Set-Cookie: a=1', 'X-Powered-By: steam', 'Set-Cookie: b=2', 'X-KEEP: 1']

beforeAll(async () => {
  origin = await recordingOrigin({
    answer: request => plainAnswer(request).replace('\r\n', `\r\n${FIELDS.join('\r\n')}\r\n`),
  })
  const response = {
    set: [
      ['X-Powered-By', 'sluice'],
      ['Strict-Transport-Security', 'max-age=1'],
    ],
    remove: ['server', 'etag'],
  } as const
  proxy = await startTestProxy({
    upstreams: { a: [origin.address] },
    routes: [
      {
        match: { path: { kind: 'prefix', path: '/edited/' } },
        to: 'a',
        request: {
          set: [
            ['X-Api-Key', 'k1'],
            ['X-Api-Version', '2'],
          ],
          remove: ['cookie', 'user-agent'],
        },
        response,
      },
      {
        match: { path: { kind: 'prefix', path: '/own/' } },
        to: 'a',
        request: {
          set: [
            ['X-Forwarded-For', '203.0.113.9'],
            ['X-Request-Id', 'mine'],
          ],
          remove: ['via', 'x-forwarded-port'],
        },
      },
      {
        match: { path: { kind: 'prefix', path: '/respond/' } },
        to: {
          kind: 'respond',
          status: 418,
          fields: [
            ['Content-Type', 'text/plain'],
            ['ETag', '"1"'],
          ],
          content: Buffer.from('short and stout'),
        },
        response,
      },
      {
        match: { path: { kind: 'prefix', path: '/empty/' } },
        to: { kind: 'respond', status: 204, fields: [], content: new Uint8Array() },
      },
    ],
  })
})
afterAll(async () => {
  await proxy.stop()
  await origin.close()
})

describe('edits of a route', () => {
  it('set and remove field lines of the request, whatever their case and number', async () => {
    using client = await rawClient(proxy.port)
    const lines = ['COOKIE: a', 'x-api-key: theirs', 'Accept: x', 'Cookie: b', 'X-API-KEY: theirs too', 'X-Api-Keys: 1']
    await client.send(get('/edited/', ...lines, 'Connection: x-api-version'))
    expect((await client.readResponse()).status).toBe(200)
    const { fields } = origin.requests.at(-1)!
    expect(valuesOf(fields, 'x-api-key')).toEqual(['k1'])
    // A client cannot name ours away.
    expect(valuesOf(fields, 'x-api-version')).toEqual(['2'])
    expect(valuesOf(fields, 'cookie')).toEqual([])
    expect(valuesOf(fields, 'accept')).toEqual(['x'])
    expect(valuesOf(fields, 'x-api-keys')).toEqual(['1'])
    expect(valuesOf(fields, 'x-forwarded-for')).toEqual(['127.0.0.1'])
  })

  it('set and remove field lines of the response', async () => {
    using client = await rawClient(proxy.port)
    await client.send(get('/edited/'))
    const { fields } = await client.readResponse()
    expect(fields.filter(([name]) => !/^content-length$/i.test(name))).toEqual([
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
      ['X-KEEP', '1'],
      ['X-Powered-By', 'sluice'],
      ['Strict-Transport-Security', 'max-age=1'],
    ])
  })

  it('may concern what we add ourselves', async () => {
    using client = await rawClient(proxy.port)
    await client.send(get('/own/'))
    expect((await client.readResponse()).status).toBe(200)
    const { fields } = origin.requests.at(-1)!
    expect(valuesOf(fields, 'x-forwarded-for')).toEqual(['203.0.113.9'])
    expect(valuesOf(fields, 'x-request-id')).toEqual(['mine'])
    expect(valuesOf(fields, 'via')).toEqual([])
    expect(valuesOf(fields, 'x-forwarded-port')).toEqual([])
    expect(valuesOf(fields, 'x-forwarded-proto')).toEqual(['http'])
  })
})

describe('a route that answers itself', () => {
  it('does so with its status, fields and content, time and again on one connection', async () => {
    using client = await rawClient(proxy.port)
    await client.send(get('/respond/') + head('HEAD /respond/ HTTP/1.1', 'Host: a.example') + get('/respond/'))
    for (const method of ['GET', 'HEAD', 'GET']) {
      const response = await client.readResponse({ method })
      expect(response.status).toBe(418)
      expect(response.reason).toBe("I'm a Teapot")
      expect(response.content.toString()).toBe(method === 'HEAD' ? '' : 'short and stout')
      expect(response.fields).toEqual([
        ['Content-Type', 'text/plain'],
        ['X-Powered-By', 'sluice'],
        ['Strict-Transport-Security', 'max-age=1'],
        ['Content-Length', '15'],
        ['Date', expect.stringMatching(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/)],
      ])
    }
  })

  it('reads the content of a request and then serves on', async () => {
    using client = await rawClient(proxy.port)
    const content = 'x'.repeat(200_000)
    for (let index = 0; index < 3; index += 1) {
      void client.send(`${head('PUT /respond/ HTTP/1.1', 'Host: a.example', 'Content-Length: 200000')}${content}`)
      const response = await client.readResponse()
      expect(response.status).toBe(418)
      // It answers without waiting for the content, and may then close instead of reading on.
      if (valuesOf(response.fields, 'connection').includes('close')) return
    }
  })

  it('sends no content with 204', async () => {
    using client = await rawClient(proxy.port)
    await client.send(get('/empty/') + get('/respond/'))
    const response = await client.readResponse()
    expect(response.status).toBe(204)
    expect(response.fields.map(([name]) => name)).toEqual(['Date'])
    expect((await client.readResponse()).status).toBe(418)
  })

  it('answers an HTTP/1.0 client in its way', async () => {
    using client = await rawClient(proxy.port)
    await client.send(head('GET /respond/ HTTP/1.0'))
    const response = await client.readResponse({ clientVersion: '1.0' })
    expect(response.content.toString()).toBe('short and stout')
    expect(await client.closed).toBe('fin')
  })
})

describe('responses', () => {
  it('lose the fields of the upstream connection and those it nominates', async () => {
    await using hopping = await recordingOrigin({
      answer: request =>
        plainAnswer(request).replace(
          '\r\n',
          '\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=60\r\nProxy-Connection: x\r\nX-End: 1\r\n',
        ),
    })
    await using plain = await startTestProxy({ upstreams: { a: [hopping.address] } })
    using client = await rawClient(plain.port)
    await client.send(get() + get())
    for (let index = 0; index < 2; index += 1) {
      expect((await client.readResponse()).fields).toEqual([
        ['X-End', '1'],
        ['Content-Length', '5'],
      ])
    }
    expect(hopping.connections.length).toBe(1)
  })
})
