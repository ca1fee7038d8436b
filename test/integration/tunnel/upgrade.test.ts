import { createHash, randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { get, head, ok } from '../../support/heads.ts'
import type { ScriptedConnection } from '../../support/scripted-origin.ts'
import { openStage, type Stage } from '../../support/stage.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'

const TUNNEL_MS = 600
const PATIENT = 0
const IMPATIENT = 1

let stage: Stage
beforeAll(async () => {
  stage = await openStage(origin => ({
    listeners: [{}, { timeouts: { tunnelMs: TUNNEL_MS } }],
    upstreams: { a: [origin] },
  }))
})
afterEach(() => stage.rest())
afterAll(() => stage[Symbol.asyncDispose]())

const UPGRADE = get('/tunnel', 'Connection: keep-alive, Upgrade', 'Upgrade: foo')
const SWITCHING = head('HTTP/1.1 101 Switching Protocols', 'Connection: upgrade', 'Upgrade: foo')

/** A tunnel that both ends have agreed on. */
async function openTunnel(listener = PATIENT) {
  let origin: ScriptedConnection | null = null
  stage.play(async connection => {
    await connection.expectHead()
    await connection.send(SWITCHING)
    origin = connection
    // The test plays on.
    await new Promise(() => {})
  })
  const client = await stage.clientOf(listener, { halfOpen: true })
  await client.send(UPGRADE)
  const response = await client.readResponse()
  expect(response.status).toBe(101)
  return { client, origin: await waitFor(() => origin, 'a tunnel at the origin') }
}

describe('an upgrade', () => {
  it('is asked for and agreed to with the fields it takes, and no others of the connection', async () => {
    stage.play(async connection => {
      const { fields } = await connection.expectHead()
      expect(valuesOf(fields, 'connection')).toEqual(['upgrade'])
      expect(valuesOf(fields, 'upgrade')).toEqual(['foo/2, bar'])
      expect(valuesOf(fields, 'x-hop')).toEqual([])
      await connection.send(
        head('HTTP/1.1 101 Switching', 'Upgrade: foo/2', 'Connection: X-Hop, Upgrade', 'X-Hop: 1', 'X-End: 2'),
      )
    })
    const client = await stage.client()
    await client.send(get('/', 'Connection: Upgrade, X-Hop', 'Upgrade: foo/2, bar', 'X-Hop: 1'))
    const response = await client.readResponse()
    expect(response.status).toBe(101)
    expect(valuesOf(response.fields, 'upgrade')).toEqual(['foo/2'])
    expect(valuesOf(response.fields, 'connection').map(value => value.toLowerCase())).toEqual(['upgrade'])
    expect(valuesOf(response.fields, 'x-hop')).toEqual([])
    expect(valuesOf(response.fields, 'x-end')).toEqual(['2'])
  })

  it('lets bytes that the client sends ahead reach the origin only when it has agreed', async () => {
    let origin: ScriptedConnection | null = null
    stage.play(async connection => {
      await connection.expectHead()
      await turns(30)
      expect(connection.unread.toString()).toBe('')
      origin = connection
    })
    const client = await stage.client()
    await client.send(`${UPGRADE}early `)
    await client.send('bird ')
    const connection = await waitFor<ScriptedConnection>(() => origin, 'an origin that has waited')
    await connection.send(SWITCHING)
    await client.readResponse()
    await client.send('late')
    expect((await connection.expectBytes(15)).toString()).toBe('early bird late')
  })

  it('lets many bytes that the client sends ahead reach the origin, all of them and in order', async () => {
    const early = randomBytes(300_000)
    let received: Buffer | null = null
    stage.play(async connection => {
      await connection.expectHead()
      await turns(30)
      expect(connection.unread.length).toBe(0)
      await connection.send(SWITCHING)
      received = await connection.expectBytes(early.length)
    })
    const client = await stage.client()
    void client.send(Buffer.concat([Buffer.from(UPGRADE), early]))
    expect((await client.readResponse()).status).toBe(101)
    expect(early.equals(await waitFor<Buffer>(() => received, 'all early bytes'))).toBe(true)
  })

  it('lets bytes that the origin sends right behind its 101 reach the client', async () => {
    stage.play(async connection => {
      await connection.expectHead()
      await connection.send(`${SWITCHING}hello`)
    })
    const client = await stage.client()
    await client.send(UPGRADE)
    expect((await client.readResponse()).status).toBe(101)
    expect((await client.readUntil(unread => unread.length === 5)).toString()).toBe('hello')
  })

  it('may be preceded by interim responses', async () => {
    stage.play(async connection => {
      await connection.expectHead()
      await connection.send(head('HTTP/1.1 103 Early Hints', 'Link: </a>') + SWITCHING)
      await connection.send(await connection.expectBytes(4))
    })
    const client = await stage.client()
    await client.send(UPGRADE)
    const response = await client.readResponse()
    expect(response.interim.map(({ status }) => status)).toEqual([103])
    await client.send('echo')
    await client.readUntil(unread => unread.toString() === 'echo')
  })

  it.each([200, 403, 426, 500])(
    'that is refused with %i leaves the client its connection, and no pooled one',
    async status => {
      stage.play(async connection => {
        for (;;) {
          const { target } = await connection.expectRequest()
          const content = String(stage.connections.indexOf(connection))
          if (target !== '/tunnel') await connection.send(ok(content))
          else
            await connection.send(`${head(`HTTP/1.1 ${status} No`, 'Upgrade: foo', 'Content-Length: 4')}no ${content}`)
        }
      })
      const client = await stage.client()
      await client.send(UPGRADE)
      const response = await client.readResponse()
      expect(response.status).toBe(status)
      expect(response.content.toString()).toBe('no 0')
      expect(valuesOf(response.fields, 'connection')).toEqual([])
      await stage.connections[0]!.closed
      await client.send(get('/next'))
      expect((await client.readResponse()).content.toString()).toBe('1')
    },
  )

  it('that is refused leaves what the client sent behind it to be read as requests', async () => {
    stage.play(async connection => {
      for (;;) await connection.send(ok((await connection.expectRequest()).target))
    })
    const client = await stage.client()
    await client.send(UPGRADE + get('/second') + get('/third'))
    for (const target of ['/tunnel', '/second', '/third']) {
      expect((await client.readResponse()).content.toString()).toBe(target)
    }
  })

  it.each([
    [
      'with content',
      `${head('POST / HTTP/1.1', 'Host: a', 'Connection: upgrade', 'Upgrade: foo', 'Content-Length: 3')}abc`,
    ],
    [
      'with chunks',
      `${head('POST / HTTP/1.1', 'Host: a', 'Connection: upgrade', 'Upgrade: foo', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    ],
  ])('%s is refused', async (_, request) => {
    const client = await stage.client()
    await client.send(request)
    expect((await client.readResponse()).status).toBe(400)
    expect(await client.closed).toBe('fin')
  })

  it.each([
    [
      'to HTTP/2 in clear',
      get('/', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'),
    ],
    ['that Connection does not name', get('/', 'Upgrade: foo')],
    ['that names nothing', get('/', 'Connection: upgrade')],
    ['of an HTTP/1.0 client', head('GET / HTTP/1.0', 'Host: a', 'Connection: upgrade', 'Upgrade: foo')],
  ])('%s is no more than a request', async (_, request) => {
    stage.play(async connection => {
      const { fields } = await connection.expectRequest()
      expect(valuesOf(fields, 'upgrade')).toEqual([])
      expect(valuesOf(fields, 'connection')).toEqual([])
      expect(valuesOf(fields, 'http2-settings')).toEqual([])
      await connection.send(ok('plain'))
    })
    const client = await stage.client()
    await client.send(request)
    const clientVersion = request.includes('HTTP/1.0') ? '1.0' : '1.1'
    expect((await client.readResponse({ clientVersion })).content.toString()).toBe('plain')
  })

  it.each([
    ['that nobody asked for', get('/'), SWITCHING],
    ['without Upgrade', UPGRADE, head('HTTP/1.1 101 Switching Protocols', 'Connection: upgrade')],
  ])('to which the origin agrees %s makes 502', async (_, request, answer) => {
    stage.play(async connection => {
      await connection.expectHead()
      await connection.send(answer)
    })
    const client = await stage.client()
    await client.send(request)
    expect((await client.readResponse()).status).toBe(502)
    await stage.connections[0]!.closed
    await stage.expectGoodRequest()
  })
})

describe('a tunnel', () => {
  it('passes bytes on as they come, both ways', async () => {
    const { client, origin } = await openTunnel()
    for (let index = 0; index < 50; index += 1) {
      await client.send(`ping ${index % 10}`)
      expect((await origin.expectBytes(6)).toString()).toBe(`ping ${index % 10}`)
      await origin.send(`pong ${index % 10}`)
      await client.readUntil(unread => unread.length === 6 * (index + 1))
    }
    expect(client.unread.toString()).toBe(Array.from({ length: 50 }, (_, index) => `pong ${index % 10}`).join(''))
  })

  it('passes on what looks like HTTP', async () => {
    const { client, origin } = await openTunnel()
    await client.send(get('/') + get('/'))
    expect((await origin.expectBytes(2 * get('/').length)).toString()).toBe(get('/') + get('/'))
    await origin.send('HTTP/1.1 200 OK\r\n\r\n')
    await client.readUntil(unread => unread.toString() === 'HTTP/1.1 200 OK\r\n\r\n')
  })

  it('carries 8 MiB each way at once, unchanged', async () => {
    const { client, origin } = await openTunnel()
    const bytes = randomBytes(8 * 1024 * 1024)
    const sum = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')
    const [atOrigin, atClient] = await Promise.all([
      origin.expectBytes(bytes.length),
      client.readUntil(unread => unread.length >= bytes.length, 15_000),
      client.send(bytes),
      origin.send(bytes),
    ])
    expect(sum(atOrigin)).toBe(sum(bytes))
    expect(sum(atClient)).toBe(sum(bytes))
  })

  it('goes on the other way when the client has said FIN', async () => {
    const { client, origin } = await openTunnel()
    await client.send('last words')
    client.end()
    expect((await origin.expectBytes(10)).toString()).toBe('last words')
    expect(await origin.closed).toBe('fin')
    for (let index = 0; index < 20; index += 1) {
      await origin.send('still here;')
      await client.readUntil(unread => unread.length === 11 * (index + 1))
    }
    expect(client.ended).toBe('no')
    expect(stage.proxy.stats().exchangesActive).toBe(1)
    origin.close()
    expect(await client.closed).toBe('fin')
    await waitFor(() => stage.proxy.stats().exchangesActive === 0, 'a tunnel that has ended')
    expect((await stage.proxy.reports())[0]!.records.at(-1)).toMatchObject({ status: 101, error: '' })
  })

  it('goes on the other way when the origin has said FIN', async () => {
    const { client, origin } = await openTunnel()
    await origin.send('last words')
    origin.close()
    expect((await client.readUntil(unread => unread.length === 10)).toString()).toBe('last words')
    expect(await client.closed).toBe('fin')
    for (let index = 0; index < 20; index += 1) {
      await client.send('still here;')
      expect((await origin.expectBytes(11)).toString()).toBe('still here;')
    }
    expect(stage.proxy.stats().exchangesActive).toBe(1)
    client.end()
    expect(await origin.closed).toBe('fin')
  })

  it('delivers everything that was sent before FIN, however much it is', async () => {
    const { client, origin } = await openTunnel()
    const bytes = randomBytes(4 * 1024 * 1024)
    void client.send(bytes)
    client.end()
    expect(bytes.equals(await origin.expectBytes(bytes.length))).toBe(true)
    expect(await origin.closed).toBe('fin')
    void origin.send(bytes)
    origin.close()
    const atClient = await client.readUntil(unread => unread.length >= bytes.length, 15_000)
    expect(bytes.equals(atClient)).toBe(true)
    expect(await client.closed).toBe('fin')
  })

  it('that breaks at the client breaks at the origin', async () => {
    const { client, origin } = await openTunnel()
    client.reset()
    await origin.closed
    await waitFor(() => stage.proxy.stats().exchangesActive === 0, 'a tunnel that has ended')
    expect((await stage.proxy.reports())[0]!.records.at(-1)).toMatchObject({ status: 101, error: 'client_closed' })
  })

  it('that breaks at the origin breaks at the client', async () => {
    const { client, origin } = await openTunnel()
    origin.reset()
    expect(await client.closed).toBe('reset')
    await waitFor(() => stage.proxy.stats().exchangesActive === 0, 'a tunnel that has ended')
    expect((await stage.proxy.reports())[0]!.records.at(-1)).toMatchObject({ status: 101, error: 'upstream_closed' })
  })

  it('counts as a request under way, and as a connection, as long as it lasts', async () => {
    const { client } = await openTunnel()
    expect(stage.proxy.stats()).toMatchObject({ exchangesActive: 1, connectionsOpen: 1, inFlight: [{ requests: 1 }] })
    client.reset()
    await stage.proxy.nothingLeft()
  })
})

describe('a tunnel without a byte in either direction', () => {
  it('is closed after its idle deadline, on both sides', async () => {
    const { client, origin } = await openTunnel(IMPATIENT)
    const since = performance.now()
    await Promise.all([client.closed, origin.closed])
    expect(performance.now() - since).toBeGreaterThan(TUNNEL_MS * 0.9)
    expect(performance.now() - since).toBeLessThan(TUNNEL_MS + 1_500)
    await waitFor(() => stage.proxy.stats().exchangesActive === 0, 'a tunnel that has ended')
    expect((await stage.proxy.reports())[0]!.records.at(-1)).toMatchObject({
      status: 101,
      error: 'tunnel_idle_timeout',
    })
  })

  it('is closed when one side is, and the other keeps silent', async () => {
    const { client, origin } = await openTunnel(IMPATIENT)
    client.end()
    expect(await origin.closed).toBe('fin')
    const since = performance.now()
    await client.closed
    expect(performance.now() - since).toBeGreaterThan(TUNNEL_MS * 0.5)
  })

  it.each(['client', 'origin'] as const)('is not idle while the %s speaks', async speaker => {
    const { client, origin } = await openTunnel(IMPATIENT)
    let ticks = 0
    const talk = setInterval(() => {
      ticks += 1
      void (speaker === 'client' ? client.send('.') : origin.send('.'))
    }, TUNNEL_MS / 10)
    try {
      await waitFor(() => (speaker === 'client' ? origin.unread.length : client.unread.length) >= 20, 'twenty ticks')
      expect(ticks).toBeGreaterThanOrEqual(20)
      expect(client.ended).toBe('no')
    } finally {
      clearInterval(talk)
    }
    await origin.closed
  })
})
