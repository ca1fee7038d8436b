import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { get, head } from '../../support/heads.ts'
import { startTestProxy, type TestProxy } from '../../support/proxy.ts'
import { rawClient } from '../../support/raw-client.ts'
import { type RecordingOrigin, recordingOrigin } from '../../support/recording-origin.ts'
import { valuesOf } from '../../support/strict-head.ts'

const UNTRUSTED = 0
const TRUSTED = 1
const UNTRUSTED_FORWARDED = 2
const TRUSTED_FORWARDED = 3
const IPV6_FORWARDED = 4
const DUAL = 5

let origin: RecordingOrigin
let proxy: TestProxy

beforeAll(async () => {
  origin = await recordingOrigin()
  const ipv6 = { kind: 'tcp', host: '::1', port: 0 } as const
  proxy = await startTestProxy({
    listeners: [
      {},
      { trustedProxies: ['127.0.0.0/8'] },
      { forwarded: true, trustedProxies: ['10.0.0.0/8', '::1'] },
      { forwarded: true, trustedProxies: ['127.0.0.1'] },
      { forwarded: true, address: ipv6 },
      { address: { kind: 'tcp', host: '::', port: 0 }, trustedProxies: ['10.0.0.0/8'] },
    ],
    upstreams: { a: [origin.address] },
  })
})
beforeEach(() => origin.forget())
afterAll(async () => {
  await proxy.stop()
  await origin.close()
})

/** The field lines that reach the origin, as `name: value`. */
async function linesUpstream(listener: number, request: string, host = '127.0.0.1') {
  using client = await rawClient({ kind: 'tcp', host, port: proxy.portOf(listener) })
  await client.send(request)
  const version = request.includes(' HTTP/1.0\r\n') ? '1.0' : '1.1'
  expect((await client.readResponse({ clientVersion: version })).status).toBe(200)
  expect(origin.malformed).toEqual([])
  const request0 = origin.requests.at(-1)!
  const values = (name: string) => valuesOf(request0.fields, name)
  return { values, fields: request0.fields, target: request0.target }
}

const CLAIMS = [
  'X-Forwarded-For: 192.0.2.1, 192.0.2.2',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: shop.example',
  'X-Forwarded-Port: 443',
  'X-Request-Id: from-afar',
  'Forwarded: for=192.0.2.1;proto=https',
]

describe('what is added for an untrusted peer', () => {
  it('says who asked, for what and by which way', async () => {
    const { values } = await linesUpstream(UNTRUSTED, get())
    expect(values('x-forwarded-for')).toEqual(['127.0.0.1'])
    expect(values('x-forwarded-proto')).toEqual(['http'])
    expect(values('x-forwarded-host')).toEqual(['a.example'])
    expect(values('x-forwarded-port')).toEqual([String(proxy.portOf(UNTRUSTED))])
    expect(values('via')).toEqual(['1.1 sluice'])
    expect(values('x-request-id')).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)])
    expect(values('forwarded')).toEqual([])
  })

  it('replaces what the peer claims', async () => {
    const { values } = await linesUpstream(UNTRUSTED, get('/', ...CLAIMS))
    expect(values('x-forwarded-for')).toEqual(['127.0.0.1'])
    expect(values('x-forwarded-proto')).toEqual(['http'])
    expect(values('x-forwarded-host')).toEqual(['a.example'])
    expect(values('x-forwarded-port')).toEqual([String(proxy.portOf(UNTRUSTED))])
    expect(values('x-request-id')).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)])
    expect(values('forwarded')).toEqual([])
  })

  it('replaces it whatever its case, and however often it stands there', async () => {
    const claims = ['x-FORWARDED-for: 1.1.1.1', 'X-FORWARDED-FOR: 2.2.2.2', 'x-request-ID: a', 'X-REQUEST-ID: b']
    const { values } = await linesUpstream(UNTRUSTED, get('/', ...claims))
    expect(values('x-forwarded-for')).toEqual(['127.0.0.1'])
    expect(values('x-request-id')).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)])
  })

  it('extends Via behind what stands there, in any case', async () => {
    const { values } = await linesUpstream(UNTRUSTED, get('/', 'Via: 1.0 fred, 1.1 p.example'))
    expect(values('via')).toEqual(['1.0 fred, 1.1 p.example', '1.1 sluice'])
  })

  it('says in Via by which version the request came', async () => {
    const { values } = await linesUpstream(UNTRUSTED, head('GET / HTTP/1.0', 'Host: a.example'))
    expect(values('via')).toEqual(['1.0 sluice'])
  })

  it('has another request id each time', async () => {
    const ids = new Set<string>()
    using client = await rawClient(proxy.portOf(UNTRUSTED))
    for (let index = 0; index < 20; index += 1) {
      await client.send(get())
      await client.readResponse()
      ids.add(valuesOf(origin.requests.at(-1)!.fields, 'x-request-id').join())
    }
    expect(ids.size).toBe(20)
  })

  it('has Forwarded where the listener says so (RFC 7239)', async () => {
    const { values } = await linesUpstream(UNTRUSTED_FORWARDED, get('/', ...CLAIMS))
    expect(values('forwarded')).toEqual(['for=127.0.0.1;host=a.example;proto=http'])
  })

  it('quotes a host with a port, and an IPv6 address, in Forwarded', async () => {
    const request = head('GET / HTTP/1.1', 'Host: a.example:8080')
    const { values } = await linesUpstream(IPV6_FORWARDED, request, '::1')
    expect(values('forwarded')).toEqual(['for="[::1]";host="a.example:8080";proto=http'])
    expect(values('x-forwarded-for')).toEqual(['::1'])
    expect(values('x-forwarded-host')).toEqual(['a.example:8080'])
  })

  it('names an IPv4 peer of a dual-stack listener by its IPv4 address', async () => {
    expect((await linesUpstream(DUAL, get())).values('x-forwarded-for')).toEqual(['127.0.0.1'])
    expect((await linesUpstream(DUAL, get(), '::1')).values('x-forwarded-for')).toEqual(['::1'])
  })
})

describe('what is added for a trusted peer', () => {
  it('is all there when the peer says nothing', async () => {
    const { values } = await linesUpstream(TRUSTED, get())
    expect(values('x-forwarded-for')).toEqual(['127.0.0.1'])
    expect(values('x-forwarded-proto')).toEqual(['http'])
    expect(values('x-forwarded-host')).toEqual(['a.example'])
    expect(values('x-forwarded-port')).toEqual([String(proxy.portOf(TRUSTED))])
    expect(values('x-request-id')).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)])
  })

  it('extends the chain and leaves the rest as the peer says', async () => {
    const { values } = await linesUpstream(TRUSTED, get('/', ...CLAIMS))
    expect(values('x-forwarded-for')).toEqual(['192.0.2.1, 192.0.2.2, 127.0.0.1'])
    expect(values('x-forwarded-proto')).toEqual(['https'])
    expect(values('x-forwarded-host')).toEqual(['shop.example'])
    expect(values('x-forwarded-port')).toEqual(['443'])
    expect(values('x-request-id')).toEqual(['from-afar'])
    expect(values('forwarded')).toEqual(['for=192.0.2.1;proto=https'])
    expect(values('via')).toEqual(['1.1 sluice'])
  })

  it('extends a chain of several lines in their order', async () => {
    const chain = ['X-Forwarded-For: 192.0.2.1', 'X-Forwarded-For: 192.0.2.2']
    const { values } = await linesUpstream(TRUSTED, get('/', ...chain))
    expect(values('x-forwarded-for').join(', ')).toBe('192.0.2.1, 192.0.2.2, 127.0.0.1')
  })

  it('extends Forwarded where the listener adds it', async () => {
    const { values } = await linesUpstream(TRUSTED_FORWARDED, get('/', ...CLAIMS))
    expect(values('forwarded')).toEqual(['for=192.0.2.1;proto=https, for=127.0.0.1;host=a.example;proto=http'])
  })
})

describe('fields of the connection', () => {
  const nominating = [
    'Connection: close, X-Secret,  x-other',
    'Connection: keep-alive, X-Third',
    'X-Secret: 1',
    'X-SECRET: 2',
    'X-Other: 3',
    'X-Third: 4',
    'X-End: 5',
    'Keep-Alive: timeout=5',
    'Proxy-Connection: keep-alive',
  ]

  it('do not go on, nor do those that Connection nominates', async () => {
    const { values } = await linesUpstream(UNTRUSTED, get('/', ...nominating))
    for (const name of ['x-secret', 'x-other', 'x-third', 'keep-alive', 'proxy-connection', 'connection']) {
      expect(`${name}: ${values(name)}`).toBe(`${name}: `)
    }
    expect(values('x-end')).toEqual(['5'])
  })

  it.each([UNTRUSTED, TRUSTED])('cannot be used to take ours away (listener %i)', async listener => {
    const ours = ['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Request-Id', 'Via', 'Host']
    const { values } = await linesUpstream(
      listener,
      get('/', `Connection: ${ours.join(', ')}`, 'X-Forwarded-For: 6.6.6.6'),
    )
    expect(values('x-forwarded-for')).toEqual(['127.0.0.1'])
    for (const name of ours) expect(`${name}: ${values(name).length}`).toBe(`${name}: 1`)
  })

  it('cannot be used to take the framing away', async () => {
    const request = `${head('POST / HTTP/1.1', 'Host: a.example', 'Connection: Content-Length, Transfer-Encoding', 'Content-Length: 3')}abc`
    const { values } = await linesUpstream(UNTRUSTED, request)
    expect(values('content-length')).toEqual(['3'])
    expect(origin.requests.at(-1)!.content.toString()).toBe('abc')
  })

  it('keep TE: trailers alone, and say that it belongs to the connection', async () => {
    const { values } = await linesUpstream(UNTRUSTED, get('/', 'TE: gzip;q=0.5, trailers', 'Connection: TE'))
    expect(values('te')).toEqual(['trailers'])
    expect(values('connection').map(value => value.toLowerCase())).toEqual(['te'])
  })

  it('drop any other TE', async () => {
    expect((await linesUpstream(UNTRUSTED, get('/', 'TE: gzip', 'Connection: TE'))).values('te')).toEqual([])
  })
})

describe('everything else', () => {
  it('keeps order, case, duplicates and whitespace within values', async () => {
    const lines = [
      'Accept: a',
      'X-b: 1',
      'COOKIE: a=b',
      'x-B: 2',
      'Accept: c',
      'X-Wide: a   b\tc',
      'X-Bytes: caf\xe9',
      'X-Empty: ',
      'cookie: c=d',
    ]
    const { fields } = await linesUpstream(UNTRUSTED, get('/a//b/../c?x=%41&y[]=1', ...lines))
    expect(fields.slice(0, lines.length + 1).map(([name, value]) => `${name}: ${value}`)).toEqual([
      'Host: a.example',
      ...lines,
    ])
  })

  it('keeps the target as it came, where its path is in canonical form', async () => {
    for (const target of ['/a/b;c/%2F/d?x=%41&y[]=1/../%zz', '/?', '/%FF', "/!$&'()*+,;=:@-._~", '/a?b?c//d']) {
      expect((await linesUpstream(UNTRUSTED, get(target))).target).toBe(target)
    }
  })
})
