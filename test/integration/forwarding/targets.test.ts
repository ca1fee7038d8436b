import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { get, head } from '../../support/heads.ts'
import { startTestProxy, type TestProxy } from '../../support/proxy.ts'
import { rawClient } from '../../support/raw-client.ts'
import { type RecordingOrigin, recordingOrigin } from '../../support/recording-origin.ts'
import { valuesOf } from '../../support/strict-head.ts'

let origin: RecordingOrigin
let proxy: TestProxy

const respond = (text: string) => ({ kind: 'respond', status: 200, fields: [], content: Buffer.from(text) }) as const

beforeAll(async () => {
  origin = await recordingOrigin()
  proxy = await startTestProxy({
    listeners: [{}, {}],
    upstreams: { a: [origin.address] },
    routes: [
      { match: { listeners: [0], hosts: ['keep.example'] }, to: 'a' },
      { match: { hosts: ['set.example'] }, host: { kind: 'set', host: 'inner.example:81' }, to: 'a' },
      { match: { hosts: ['upstream.example'] }, host: { kind: 'upstream' }, to: 'a' },
      { match: { listeners: [1], path: { kind: 'exact', path: '/only' } }, to: respond('only') },
      { match: { listeners: [1], path: { kind: 'prefix', path: '/pre/' } }, to: respond('prefix') },
      { match: { listeners: [1], hosts: ['*.wild.example'] }, to: respond('wild') },
      { match: { listeners: [1], hosts: ['*.wild.example'] }, priority: 5, to: respond('wild first') },
      { match: { listeners: [0] }, to: 'a' },
    ],
  })
})
beforeEach(() => origin.forget())
afterAll(async () => {
  await proxy.stop()
  await origin.close()
})

async function requestUpstream(request: string) {
  using client = await rawClient(proxy.port)
  await client.send(request)
  expect((await client.readResponse()).status).toBe(200)
  expect(origin.malformed).toEqual([])
  const { method, target, fields } = origin.requests.at(-1)!
  return { line: `${method} ${target}`, host: valuesOf(fields, 'host'), forHost: valuesOf(fields, 'x-forwarded-host') }
}

describe('a target in absolute form', () => {
  it.each([
    ['http://b.example/x?y', '/x?y', 'b.example'],
    ['http://b.example', '/', 'b.example'],
    ['http://b.example?y', '/?y', 'b.example'],
    ['HTTP://b.example:8080/', '/', 'b.example:8080'],
    ['http://[::1]:80/x', '/x', '[::1]:80'],
    ['https://b.example/x', '/x', 'b.example'],
  ])('%s goes on as %s with Host: %s, whatever Host says (RFC 9112, 3.2.2)', async (target, path, host) => {
    const upstream = await requestUpstream(head(`GET ${target} HTTP/1.1`, 'Host: a.example'))
    expect(upstream).toEqual({ line: `GET ${path}`, host: [host], forHost: [host] })
  })

  it('decides the route by its authority', async () => {
    const upstream = await requestUpstream(head('GET http://set.example/x HTTP/1.1', 'Host: a.example'))
    expect(upstream).toEqual({ line: 'GET /x', host: ['inner.example:81'], forHost: ['set.example'] })
  })
})

describe('OPTIONS', () => {
  it('for the whole server goes on as it is', async () => {
    expect((await requestUpstream(head('OPTIONS * HTTP/1.1', 'Host: a.example'))).line).toBe('OPTIONS *')
  })

  it('in absolute form without a path goes on with * (RFC 9112, 3.2.4)', async () => {
    const upstream = await requestUpstream(head('OPTIONS http://b.example:8001 HTTP/1.1', 'Host: a.example'))
    expect(upstream).toMatchObject({ line: 'OPTIONS *', host: ['b.example:8001'] })
  })
})

describe('Host', () => {
  it('is kept', async () => {
    const upstream = await requestUpstream(head('GET / HTTP/1.1', 'Host: KEEP.example:99'))
    expect(upstream).toEqual({ line: 'GET /', host: ['KEEP.example:99'], forHost: ['KEEP.example:99'] })
  })

  it('is set by the route; the forwarding fields still say what was asked for', async () => {
    const upstream = await requestUpstream(head('GET / HTTP/1.1', 'X-A: 1', 'Host: set.example'))
    expect(upstream).toEqual({ line: 'GET /', host: ['inner.example:81'], forHost: ['set.example'] })
  })

  it('is set to the endpoint', async () => {
    const upstream = await requestUpstream(head('GET / HTTP/1.1', 'Host: upstream.example'))
    expect(upstream.host).toEqual([`127.0.0.1:${origin.port}`])
  })

  it('is set to the endpoint that is tried in the end, where the first one refuses', async () => {
    const { refusingPort } = await import('../../support/refusing-port.ts')
    await using dead = await refusingPort()
    await using proxyOfTwo = await startTestProxy({
      upstreams: { a: [dead.address, origin.address] },
      routes: [{ to: 'a', host: { kind: 'upstream' } }],
    })
    using client = await rawClient(proxyOfTwo.port)
    await client.send(get())
    expect((await client.readResponse()).status).toBe(200)
    expect(valuesOf(origin.requests.at(-1)!.fields, 'host')).toEqual([`127.0.0.1:${origin.port}`])
  })
})

describe('routes', () => {
  it.each([
    ['/only', 'a.example', 'only'],
    ['/only?x', 'a.example', 'only'],
    ['/on%6cy', 'a.example', 'only'],
    ['/x/../only', 'a.example', 'only'],
    ['/pre', 'a.example', 'prefix'],
    ['/pre/', 'a.example', 'prefix'],
    ['/pre/x', 'a.example', 'prefix'],
    ['/only', 'x.wild.example', 'wild first'],
    ['/only', 'X.WILD.example:80', 'wild first'],
    ['/prefix', 'a.example', ''],
    ['/only/', 'a.example', ''],
    ['/', 'wild.example', ''],
  ])('of %s at %s: "%s"', async (target, host, content) => {
    using client = await rawClient(proxy.portOf(1))
    await client.send(head(`GET ${target} HTTP/1.1`, `Host: ${host}`))
    const response = await client.readResponse()
    expect(response.status).toBe(content === '' ? 404 : 200)
    if (content !== '') expect(response.content.toString()).toBe(content)
  })

  it('that climb above the root are refused', async () => {
    using client = await rawClient(proxy.portOf(1))
    await client.send(get('/../only'))
    expect((await client.readResponse()).status).toBe(400)
  })

  it('that are of another listener do not count', async () => {
    using client = await rawClient(proxy.portOf(1))
    await client.send(head('GET / HTTP/1.1', 'Host: keep.example'))
    expect((await client.readResponse()).status).toBe(404)
  })
})
