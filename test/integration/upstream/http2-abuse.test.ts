import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { get } from '../../support/heads.ts'
import { encodeFields, hpackInteger, hpackText } from '../../support/http2-fields.ts'
import {
  ACK,
  CONTINUATION,
  dataFrame,
  END_HEADERS,
  frame,
  HEADERS,
  type Http2Peer,
  headersFrame,
  INITIAL_WINDOW_SIZE,
  PING,
  PUSH_PROMISE,
  responseFields,
  SETTINGS,
  settingsFrame,
  uint32,
  windowFrame,
} from '../../support/http2-peer.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type Http2Scene, openHttp2Scene } from './http2-scene.ts'
import { FORGIVING } from './scene.ts'

const PROTOCOL_ERROR = 1
const FLOW_CONTROL_ERROR = 3
const FRAME_SIZE_ERROR = 6
const COMPRESSION_ERROR = 9
const ENHANCE_YOUR_CALM = 11

let scene: Http2Scene
beforeAll(async () => {
  scene = await openHttp2Scene(1, address => ({
    upstreams: {
      a: { ...FORGIVING, endpoints: [address], protocol: 'h2c', retry: { ...FORGIVING.retry, attempts: 0 } },
    },
  }))
})
afterEach(() => scene.rest())
afterAll(() => scene[Symbol.asyncDispose]())

async function ask() {
  const client = await scene.client()
  await client.send(get('/'))
  return await client.nextResponse()
}

/** Sends the same again and again until the other side has had enough, or has taken so much of it. */
async function flood(peer: Http2Peer, piece: Buffer, times = 100_000): Promise<void> {
  const many = Buffer.concat(Array.from({ length: 100 }, () => piece))
  for (let sent = 0; sent < times && peer.open; sent += 100) {
    await peer.send(many)
    await new Promise(resolve => setImmediate(resolve))
  }
  await waitFor(() => !peer.open)
}

/** A block that fills the table of HPACK with one line, and names it many times. */
function bomb(count: number): Buffer {
  const big = Buffer.concat([Buffer.of(0x40), hpackText('x-big'), hpackText('x'.repeat(3900))])
  return Buffer.concat([encodeFields(responseFields(200)), big, Buffer.alloc(count, hpackInteger(0x80, 7, 62))])
}

describe('an origin that breaks the rules', () => {
  it.each([
    [
      'pushes',
      PROTOCOL_ERROR,
      (id: number) => frame(PUSH_PROMISE, END_HEADERS, id, Buffer.concat([uint32(2), encodeFields([])])),
    ],
    ['opens a stream', PROTOCOL_ERROR, () => headersFrame(2, responseFields(200), true)],
    ['answers a stream that was never there', PROTOCOL_ERROR, () => headersFrame(99, responseFields(200), true)],
    ['sends a frame that is too long', FRAME_SIZE_ERROR, (id: number) => dataFrame(id, Buffer.alloc(16_385))],
    [
      'sends a window too many',
      FLOW_CONTROL_ERROR,
      () => Buffer.concat([windowFrame(0, 0x7fffffff), windowFrame(0, 0x7fffffff)]),
    ],
    ['sends a setting that cannot be', FLOW_CONTROL_ERROR, () => settingsFrame([INITIAL_WINDOW_SIZE, 0x80000000])],
    [
      'sends a block that is none of HPACK',
      COMPRESSION_ERROR,
      (id: number) => frame(HEADERS, END_HEADERS, id, Buffer.of(0xff, 0xff, 0xff)),
    ],
    [
      'breaks off a head',
      PROTOCOL_ERROR,
      (id: number) => Buffer.concat([frame(HEADERS, 0, id, 'x'), frame(PING, 0, 0, '12345678')]),
    ],
  ])('loses the connection: it %s', async (_, code, wrong) => {
    scene.play(async peer => {
      const { stream } = await peer.section()
      await peer.send(wrong(stream))
      expect((await peer.goaway()).code).toBe(code)
      await peer.closed
    })
    const outcome = await ask()
    expect(outcome).toMatchObject({ kind: 'whole', response: { status: 502 } })
    expect((await scene.records(1))[0]).toMatchObject({ error: 'upstream_response_malformed' })
  })

  it.each([
    ['PING', frame(PING, 0, 0, '12345678')],
    ['SETTINGS', settingsFrame()],
    ['acknowledged SETTINGS', frame(SETTINGS, ACK, 0)],
    ['windows', windowFrame(0, 1)],
    ['empty content', dataFrame(1, '')],
    ['frames that nobody knows', frame(0x77, 0, 0)],
  ])('loses the connection: a flood of %s', async (_, piece) => {
    scene.play(async peer => {
      const { stream } = await peer.section()
      await peer.send(headersFrame(stream, responseFields(200)))
      await flood(peer, piece)
    })
    expect(await ask()).toMatchObject({ kind: 'cut' })
  })

  it('loses the connection: a head without end', async () => {
    scene.play(async peer => {
      const { stream } = await peer.section()
      await peer.send(frame(HEADERS, 0, stream, encodeFields(responseFields(200))))
      await flood(peer, frame(CONTINUATION, 0, stream, encodeFields([['x-a', 'b'.repeat(10_000)]])), 20_000)
    })
    expect(await ask()).toMatchObject({ kind: 'whole', response: { status: 502 } })
  })

  it.each([
    ['stream', 40, PROTOCOL_ERROR],
    ['connection', 10_000, ENHANCE_YOUR_CALM],
  ])('loses its %s with a head that unfolds', async (scope, count, code) => {
    scene.play(async peer => {
      const { stream } = await peer.section()
      await peer.send(frame(HEADERS, END_HEADERS, stream, bomb(count)))
      if (scope === 'stream') expect(await peer.resetOf(stream)).toBe(code)
      else expect((await peer.goaway()).code).toBe(code)
    })
    expect(await ask()).toMatchObject({ kind: 'whole', response: { status: 502 } })
  })
})
