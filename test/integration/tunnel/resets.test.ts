import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Fields } from '../../support/http2-fields.ts'
import {
  DATA,
  dataFrame,
  ENABLE_CONNECT_PROTOCOL,
  END_STREAM,
  GOAWAY,
  goawayFrame,
  type Http2Origin,
  type Http2Peer,
  headersFrame,
  http2Client,
  http2Origin,
  RST_STREAM,
  resetFrame,
  responseFields,
} from '../../support/http2-peer.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { FORGIVING } from '../upstream/scene.ts'

/** How tunnels over HTTP/2 end, frame by frame. */

const CANCEL = 8
const TUNNEL_MS = 1500

const CONNECT: Fields = [
  [':method', 'CONNECT'],
  [':protocol', 'websocket'],
  [':scheme', 'http'],
  [':path', '/chat'],
  [':authority', 'a.example'],
  ['sec-websocket-version', '13'],
]

let origin: Http2Origin
let proxy: InstrumentedProxy
let client: Http2Peer
let server: Http2Peer
/** Of the origin's stream. */
let stream = 0
let opened = 0

beforeAll(async () => {
  origin = await http2Origin(() => new Promise(() => {}), { settings: [[ENABLE_CONNECT_PROTOCOL, 1]] })
  proxy = await startInstrumentedProxy({
    listeners: [{ timeouts: { tunnelMs: TUNNEL_MS } }],
    upstreams: { a: { endpoints: [origin.address], protocol: 'h2c', ...FORGIVING, pool: { idleTimeoutMs: 1 } } },
  })
})
afterEach(() => {
  client.close()
  server.close()
})
afterAll(async () => {
  await proxy.stop()
  await origin.close()
})

async function openTunnel(): Promise<void> {
  client = await http2Client(proxy.port)
  await client.send(headersFrame(1, CONNECT))
  server = await origin.peer(opened)
  opened += 1
  const asked = await server.section()
  expect([asked.get(':method'), asked.get(':protocol'), asked.endStream]).toEqual(['CONNECT', 'websocket', false])
  stream = asked.stream
  await server.send(headersFrame(stream, responseFields(200)))
  expect((await client.section(1)).get(':status')).toBe('200')
}

describe('a tunnel over HTTP/2 on both sides', () => {
  it('that the client resets is reset at the origin, and the connection there lives on', async () => {
    await openTunnel()
    await client.send(resetFrame(1, CANCEL))
    expect((await server.expect(RST_STREAM, stream)).payload.readUInt32BE(0)).toBe(CANCEL)
    expect(server.received.some(({ type }) => type === GOAWAY)).toBe(false)
  })

  it('that the origin resets is reset at the client, whose connection lives on', async () => {
    await openTunnel()
    await server.send(resetFrame(stream, CANCEL))
    expect(await client.resetOf(1)).toBe(CANCEL)
    await client.settled()
  })

  it('whose client goes away is reset at the origin', async () => {
    await openTunnel()
    client.reset()
    expect((await server.expect(RST_STREAM, stream)).payload.readUInt32BE(0)).toBe(CANCEL)
  })

  it('whose origin goes away is reset at the client', async () => {
    await openTunnel()
    server.reset()
    expect(await client.resetOf(1)).toBe(CANCEL)
  })

  it('that both have ended is over without a reset', async () => {
    await openTunnel()
    await client.send(dataFrame(1, 'bye', true))
    const last = await server.expect(DATA, stream)
    expect(last.payload.toString()).toBe('bye')
    if ((last.flags & END_STREAM) === 0) expect((await server.expect(DATA, stream)).flags & END_STREAM).toBe(END_STREAM)
    await server.send(dataFrame(stream, '', true))
    const end = await client.expect(DATA, 1)
    expect(end.flags & END_STREAM).toBe(END_STREAM)
    await client.settled()
    await server.settled()
    for (const peer of [client, server]) expect(peer.received.some(({ type }) => type === RST_STREAM)).toBe(false)
  })

  it('is reset on both sides when nothing has come for too long', async () => {
    await openTunnel()
    expect(await client.resetOf(1)).toBe(CANCEL)
    expect((await server.expect(RST_STREAM, stream)).payload.readUInt32BE(0)).toBe(CANCEL)
  })

  it('goes on behind GOAWAY of its origin', async () => {
    await openTunnel()
    await server.send(goawayFrame(stream, 0))
    await client.send(dataFrame(1, 'still here'))
    expect((await server.expect(DATA, stream)).payload.toString()).toBe('still here')
  })
})
