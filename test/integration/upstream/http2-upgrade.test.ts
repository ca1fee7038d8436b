import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { get } from '../../support/heads.ts'
import {
  ACK,
  answering,
  DATA,
  dataFrame,
  ENABLE_CONNECT_PROTOCOL,
  END_STREAM,
  frame,
  HEADERS,
  headersFrame,
  type PeerOptions,
  responseFields,
  SETTINGS,
  settingsFrame,
} from '../../support/http2-peer.ts'
import { type Http2Scene, openHttp2Scene } from './http2-scene.ts'
import { byName, FORGIVING } from './scene.ts'

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const ACCEPT = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
const WEBSOCKET = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  `Sec-WebSocket-Key: ${KEY}`,
  'Sec-WebSocket-Version: 13',
]
const ALLOWED: PeerOptions = { settings: [[ENABLE_CONNECT_PROTOCOL, 1]] }

let scene: Http2Scene
beforeAll(async () => {
  scene = await openHttp2Scene(1, address => {
    const a = {
      ...FORGIVING,
      endpoints: [address],
      protocol: 'h2c' as const,
      retry: { ...FORGIVING.retry, attempts: 0 },
    }
    return byName({
      a,
      brief: { ...a, pool: { idleTimeoutMs: 1 } },
      clock: { ...a, timeouts: { responseMs: 150 } },
    })
  })
})
afterEach(() => scene.rest())
afterAll(() => scene[Symbol.asyncDispose]())

async function clientThatAsks(...fields: string[]) {
  const client = await scene.client({ halfOpen: true })
  await client.send(get('/a/chat', ...fields))
  return client
}

describe('a WebSocket to an origin that speaks HTTP/2', () => {
  it('is a stream of it: bytes pass both ways, and so does the end', async () => {
    scene.play(
      async peer => {
        const { stream, fields, endStream } = await peer.section()
        const lines = fields.filter(([name]) => name.startsWith(':') || name.startsWith('sec-') || name === 'upgrade')
        expect(Object.fromEntries(lines)).toEqual({
          ':method': 'CONNECT',
          ':protocol': 'websocket',
          ':scheme': 'http',
          ':path': '/a/chat',
          ':authority': 'a.example',
          'sec-websocket-version': '13',
        })
        expect(endStream).toBe(false)
        await peer.send(
          headersFrame(stream, responseFields(200, ['sec-websocket-protocol', 'x'])),
          dataFrame(stream, 'hello'),
        )
        expect((await peer.expect(DATA, stream)).payload.toString()).toBe('from the client')
        await peer.send(dataFrame(stream, 'bye', true))
        const last = await peer.next(({ type, flags }) => type === DATA && (flags & END_STREAM) !== 0)
        expect(last.stream).toBe(stream)
      },
      0,
      ALLOWED,
    )
    const client = await clientThatAsks(...WEBSOCKET)
    const head = `${await client.readUntil(unread => unread.includes('hello'))}`
    expect(head).toMatch(/^HTTP\/1\.1 101 /)
    expect(head.toLowerCase()).toContain(`sec-websocket-accept: ${ACCEPT.toLowerCase()}`)
    expect(head).toContain('sec-websocket-protocol: x')
    await client.send('from the client')
    await client.readUntil(unread => unread.includes('bye'))
    expect(await client.closed).toBe('fin')
    client.end()
    const peer = await scene.peer(0)
    await peer.seen(({ type, flags }) => type === DATA && (flags & END_STREAM) !== 0)
    expect((await scene.records(1))[0]).toMatchObject({ status: 101, error: '' })
  })

  it('shares the connection with others, which go on when it is cut', async () => {
    scene.play(
      async peer => {
        const { stream } = await peer.section()
        const other = await peer.section()
        await peer.send(headersFrame(stream, responseFields(200)))
        await peer.resetOf(stream)
        await peer.send(headersFrame(other.stream, responseFields(204), true))
      },
      0,
      ALLOWED,
    )
    const client = await clientThatAsks(...WEBSOCKET)
    await (await scene.peer(0)).seen(({ type }) => type === HEADERS)
    const other = await scene.client()
    await other.send(get('/a/other'))
    await client.readUntil(unread => unread.includes('101'))
    client.reset()
    expect((await other.readResponse()).status).toBe(204)
    expect(scene.peers().length).toBe(1)
  })

  it('waits for the SETTINGS that allow it', async () => {
    scene.play(
      async peer => {
        await peer.expect(SETTINGS)
        await peer.send(settingsFrame([ENABLE_CONNECT_PROTOCOL, 1]), frame(SETTINGS, ACK, 0))
        const { stream } = await peer.section()
        const types = peer.received.map(({ type }) => type)
        expect(types.indexOf(HEADERS)).toBeGreaterThan(types.lastIndexOf(SETTINGS))
        await peer.send(headersFrame(stream, responseFields(200)))
      },
      0,
      { settings: null, automatic: false },
    )
    const client = await clientThatAsks(...WEBSOCKET)
    await client.readUntil(unread => unread.includes('101'))
  })

  it('waits for them longer than a connection without requests may live', async () => {
    scene.play(() => new Promise(() => {}), 0, { settings: null, automatic: false })
    const client = await scene.client({ halfOpen: true })
    await client.send(get('/brief/', ...WEBSOCKET))
    const peer = await scene.peer(0)
    await peer.seen(({ type }) => type === SETTINGS)
    // By the proxy's own deadline the other one has passed long ago.
    const clock = await scene.client()
    await clock.send(get('/clock/'))
    expect((await clock.readResponse()).status).toBe(504)
    await peer.send(settingsFrame([ENABLE_CONNECT_PROTOCOL, 1]), frame(SETTINGS, ACK, 0))
    const { stream } = await peer.section()
    await peer.send(headersFrame(stream, responseFields(200)))
    await client.readUntil(unread => unread.includes('101'))
  })

  it('is refused where the origin does not take it over HTTP/2', async () => {
    const client = await clientThatAsks(...WEBSOCKET)
    expect((await client.readResponse()).status).toBe(502)
    expect(await (await scene.peer(0)).goaway()).toMatchObject({ code: 0 })
    expect((await scene.records(1))[0]).toMatchObject({ error: 'upstream_upgrade_unsupported' })
  })

  it('may be refused by the origin, with a response like any other', async () => {
    scene.play(
      async peer => {
        const { stream } = await peer.section()
        await peer.send(headersFrame(stream, responseFields(403)), dataFrame(stream, 'no', true))
        await answering()(peer, 0)
      },
      0,
      ALLOWED,
    )
    const client = await clientThatAsks(...WEBSOCKET)
    const answer = await client.readResponse()
    expect([answer.status, answer.content.toString()]).toEqual([403, 'no'])
  })
})

describe('another upgrade', () => {
  it('is left out towards an origin that speaks HTTP/2', async () => {
    scene.play(
      answering((peer, { stream, head }) => {
        expect([head.get(':method'), head.get('upgrade'), head.endStream]).toEqual(['GET', undefined, true])
        return peer.send(headersFrame(stream, responseFields(204), true))
      }),
    )
    const client = await clientThatAsks('Connection: Upgrade', 'Upgrade: foo')
    expect((await client.readResponse()).status).toBe(204)
  })
})
