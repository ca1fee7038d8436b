import { describe, expect, it } from 'vitest'
import { blackhole } from '../../support/blackhole.ts'
import { chunk, get, head, lastChunk, ok, post } from '../../support/heads.ts'
import { startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { startTestProxy } from '../../support/proxy.ts'
import { rawClient } from '../../support/raw-client.ts'
import { recordingOrigin } from '../../support/recording-origin.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import { valuesOf } from '../../support/strict-head.ts'

const named = (name: string) => recordingOrigin({ answer: () => ok(name) })

describe('round robin', () => {
  it('takes the endpoints in turn, over all clients', async () => {
    await using a = await named('a')
    await using b = await named('b')
    await using c = await named('c')
    await using proxy = await startTestProxy({ upstreams: { all: [a.address, b.address, c.address] } })
    const order: string[] = []
    for (let index = 0; index < 9; index += 1) {
      using client = await rawClient(proxy.port)
      await client.send(get())
      order.push((await client.readResponse()).content.toString())
    }
    expect(order.join('')).toBe('abcabcabc')
  })

  it('gives each endpoint its weight, spread as evenly as can be', async () => {
    await using a = await named('a')
    await using b = await named('b')
    const endpoints = [
      { address: a.address, name: 'a', weight: 3 },
      { address: b.address, name: 'b', weight: 1 },
    ]
    await using proxy = await startTestProxy({ upstreams: { all: { endpoints } } })
    using client = await rawClient(proxy.port)
    let order = ''
    for (let index = 0; index < 12; index += 1) {
      await client.send(get())
      order += (await client.readResponse()).content.toString()
    }
    expect(order).toBe('aabaaabaaaba')
  })

  it('shares the turns of an endpoint that refuses among the others', async () => {
    await using a = await named('a')
    await using b = await named('b')
    await using dead = await refusingPort()
    await using proxy = await startTestProxy({ upstreams: { all: [a.address, dead.address, b.address] } })
    using client = await rawClient(proxy.port)
    const counts: Record<string, number> = { a: 0, b: 0 }
    for (let index = 0; index < 12; index += 1) {
      await client.send(get())
      const response = await client.readResponse()
      expect(response.status).toBe(200)
      counts[response.content.toString()]! += 1
    }
    expect(counts.a! + counts.b!).toBe(12)
    expect(Math.min(counts.a!, counts.b!)).toBeGreaterThanOrEqual(4)
  })
})

describe('an endpoint that refuses', () => {
  const content = 'abcdefghij'.repeat(10_000)
  const requests = [
    ['GET', get('/x'), ''],
    ['POST with content', post('/x', 'abc'), 'abc'],
    ['POST with much content', post('/x', content), content],
    [
      'POST in chunks, with trailers',
      head('POST /x HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked') +
        chunk('abc') +
        chunk(content) +
        lastChunk('X-Sum: 1'),
      `abc${content}`,
    ],
  ] as const

  it.each(requests)('is passed over for the next one, which gets the whole request: %s', async (_, bytes, expected) => {
    await using origin = await recordingOrigin()
    await using first = await refusingPort()
    await using second = await refusingPort()
    await using proxy = await startInstrumentedProxy({
      upstreams: { all: [first.address, second.address, origin.address] },
    })
    using client = await rawClient(proxy.port)
    void client.send(bytes)
    expect((await client.readResponse()).status).toBe(200)
    expect(origin.malformed).toEqual([])
    expect(origin.requests.map(request => request.content.toString())).toEqual([expected])
    expect(origin.requests[0]!.trailers.length).toBe(bytes.includes('X-Sum') ? 1 : 0)
    expect((await proxy.records(1))[0]).toMatchObject({ status: 200, retries: 2, endpoint: `127.0.0.1:${origin.port}` })
  })

  it('is passed over before the client has sent its content', async () => {
    await using origin = await recordingOrigin()
    await using dead = await refusingPort()
    await using proxy = await startTestProxy({ upstreams: { all: [dead.address, origin.address] } })
    using client = await rawClient(proxy.port)
    await client.send(head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 6', 'Expect: 100-continue'))
    await client.readUntil(unread => unread.includes('100 Continue'))
    await client.send('abcdef')
    expect((await client.readResponse()).status).toBe(200)
    expect(origin.requests[0]!.content.toString()).toBe('abcdef')
  })

  it.each(requests)('makes 502 where there is no other: %s', async (_, bytes) => {
    await using first = await refusingPort()
    await using second = await refusingPort()
    await using proxy = await startInstrumentedProxy({ upstreams: { all: [first.address, second.address] } })
    using client = await rawClient(proxy.port)
    void client.send(bytes)
    const response = await client.readResponse()
    expect(response.status).toBe(502)
    expect(response.content.toString()).toBe('502 Bad Gateway\n')
    expect((await proxy.records(1))[0]).toMatchObject({ retries: 1, error: 'upstream_connect_failed', flag: 'UF' })
    if (valuesOf(response.fields, 'connection').includes('close')) {
      // The answer was faster than the content.
      expect(bytes.length).toBeGreaterThan(65_536)
      expect(await client.closed).toBe('fin')
    } else {
      await client.send(get())
      expect((await client.readResponse()).status).toBe(502)
    }
    client.close()
    await proxy.nothingLeft()
  })
})

describe('an endpoint that does not answer a dial', () => {
  it('makes 504 after the connect timeout', async () => {
    await using hole = await blackhole()
    await using proxy = await startInstrumentedProxy({
      upstreams: { all: { endpoints: [hole.address], timeouts: { connectMs: 200 } } },
    })
    using client = await rawClient(proxy.port)
    const since = performance.now()
    await client.send(get())
    expect((await client.readResponse()).status).toBe(504)
    expect(performance.now() - since).toBeGreaterThan(190)
    expect((await proxy.records(1))[0]).toMatchObject({ error: 'upstream_connect_timeout', flag: 'UF' })
    client.close()
    await proxy.nothingLeft()
  })

  it('is passed over for the next one after the connect timeout', async () => {
    await using hole = await blackhole()
    await using origin = await recordingOrigin()
    await using proxy = await startTestProxy({
      upstreams: { all: { endpoints: [hole.address, origin.address], timeouts: { connectMs: 200 } } },
    })
    using client = await rawClient(proxy.port)
    await client.send(post('/', 'abc'))
    expect((await client.readResponse()).content.toString()).toBe('POST /')
    expect(origin.requests[0]!.content.toString()).toBe('abc')
  })
})

describe('an upstream without endpoints', () => {
  it('makes 503', async () => {
    await using proxy = await startInstrumentedProxy({ upstreams: { all: [] } })
    using client = await rawClient(proxy.port)
    await client.send(get())
    expect((await client.readResponse()).status).toBe(503)
    expect((await proxy.records(1))[0]).toMatchObject({ error: 'no_endpoint', flag: 'UH' })
  })
})
