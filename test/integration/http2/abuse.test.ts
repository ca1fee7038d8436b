import { createServer } from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Bytes } from '../../support/bytes.ts'
import { encodeFields } from '../../support/http2-fields.ts'
import {
  ACK,
  CONTINUATION,
  DATA,
  dataFrame,
  END_HEADERS,
  END_STREAM,
  frame,
  HEADERS,
  type Http2Peer,
  headersFrame,
  http2Client,
  INITIAL_WINDOW_SIZE,
  PADDED,
  type PeerOptions,
  PING,
  PRIORITY,
  PRIORITY_UPDATE,
  requestFields,
  resetFrame,
  SETTINGS,
  settingsFrame,
  uint32,
  windowFrame,
} from '../../support/http2-peer.ts'
import { listenOn } from '../../support/listen.ts'
import { startTestProxy } from '../../support/proxy.ts'
import { waitFor } from '../../support/wait-for.ts'
import { CANCEL, ENHANCE_YOUR_CALM, REFUSED_STREAM, SETTINGS_TIMEOUT } from './codes.ts'
import { echo, openScene, type Scene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await openScene({
    http2: { queuedControlMax: 100 },
    listener: { timeouts: { headMs: 1500, contentMs: 1000 } },
  })
})
const peers: Http2Peer[] = []
afterEach(async () => {
  for (const peer of peers.splice(0)) peer.close()
  scene.answer = echo
  expect(scene.proxy.events).toEqual([])
})
afterAll(() => scene[Symbol.asyncDispose]())

async function client(options: PeerOptions = {}, acknowledges = options.automatic === false): Promise<Http2Peer> {
  const peer = await http2Client(scene.port, options)
  peers.push(peer)
  if (acknowledges) await peer.send(frame(SETTINGS, ACK, 0))
  return peer
}

const get = (stream: number, path = '/') => headersFrame(stream, requestFields('GET', path), true)
const post = (stream: number) => headersFrame(stream, requestFields('POST', '/'))
const silence = () => {}

/** Sends the same again and again, until the other side has had enough. */
async function flood(peer: Http2Peer, next: (index: number) => Bytes, count: number): Promise<void> {
  for (let index = 0; index < count && peer.open; index += 50) {
    await peer.send(...Array.from({ length: 50 }, (_, at) => next(index + at)))
    await new Promise(resolve => setImmediate(resolve))
  }
}

describe('a client that opens streams for nothing is told ENHANCE_YOUR_CALM', () => {
  it('when it resets them as soon as they are open (rapid reset)', async () => {
    scene.answer = silence
    const before = scene.requests
    const peer = await client()
    await flood(peer, index => Buffer.concat([get(1 + index * 2), resetFrame(1 + index * 2, CANCEL)]), 500)
    expect((await peer.goaway()).code).toBe(ENHANCE_YOUR_CALM)
    expect(scene.requests - before).toBeLessThanOrEqual(251)
  })

  it.each<[string, (stream: number) => Bytes]>([
    ['WINDOW_UPDATE of 0', stream => windowFrame(stream, 0)],
    ['windows that overflow', stream => windowFrame(stream, 2 ** 31 - 1)],
    ['DATA behind the end', stream => dataFrame(stream, 'x')],
    ['PRIORITY of a wrong length', stream => frame(PRIORITY, 0, stream, 'abc')],
    ['HEADERS behind the end', stream => headersFrame(stream, [['x', 'y']], true)],
  ])('when it leads us to reset them by %s (MadeYouReset)', async (_what, fault) => {
    scene.answer = silence
    const peer = await client()
    const streams = (index: number) => Buffer.concat([get(1 + index * 2), Buffer.from(fault(1 + index * 2) as Buffer)])
    await flood(peer, streams, 500)
    expect((await peer.goaway()).code).toBe(ENHANCE_YOUR_CALM)
  })

  it.each<[string, (stream: number) => Bytes]>([
    ['more DATA than content-length says', stream => dataFrame(stream, 'xyz')],
    ['less', stream => dataFrame(stream, 'x', true)],
    ['trailers that do not end it', stream => headersFrame(stream, [['x', 'y']])],
    ['trailers with a pseudo-field', stream => headersFrame(stream, [[':path', '/']], true)],
    ['trailers with a name in capitals', stream => headersFrame(stream, [['X', 'y']], true)],
  ])('when its requests are broken off by %s', async (_what, fault) => {
    scene.answer = silence
    const peer = await client()
    const streams = (index: number) => {
      const stream = 1 + index * 2
      const head = headersFrame(stream, requestFields('POST', '/', ['content-length', '2']))
      return Buffer.concat([head, Buffer.from(fault(stream) as Buffer)])
    }
    await flood(peer, streams, 500)
    expect((await peer.goaway()).code).toBe(ENHANCE_YOUR_CALM)
  })

  it('when its requests are malformed', async () => {
    const peer = await client()
    const bad = encodeFields([[':method', 'GET']])
    await flood(peer, index => frame(HEADERS, END_HEADERS | END_STREAM, 1 + index * 2, bad), 500)
    expect((await peer.goaway()).code).toBe(ENHANCE_YOUR_CALM)
  })

  it('when it opens more than it may, over and over', async () => {
    scene.answer = silence
    const peer = await client()
    await flood(peer, index => get(1 + index * 2), 600)
    expect(await peer.resetOf(201)).toBe(REFUSED_STREAM)
    expect((await peer.goaway()).code).toBe(ENHANCE_YOUR_CALM)
  })

  it('but not when it does so now and then', async () => {
    const peer = await client()
    for (let index = 0; index < 300; index += 3) {
      const stream = 1 + index * 2
      await peer.send(get(stream), get(stream + 2), get(stream + 4), resetFrame(stream + 4, CANCEL))
      await peer.message(stream)
      await peer.message(stream + 2)
    }
    await peer.settled()
    expect(peer.open).toBe(true)
  })
})

describe('a client that sends frames for nothing is told ENHANCE_YOUR_CALM', () => {
  it.each<[string, (index: number) => Bytes]>([
    ['SETTINGS', () => settingsFrame()],
    ['SETTINGS that acknowledge', () => frame(SETTINGS, 1, 0)],
    ['PING', () => frame(PING, 0, 0, '12345678')],
    ['PING that answers', () => frame(PING, 1, 0, '12345678')],
    ['PRIORITY', () => frame(PRIORITY, 0, 5, Buffer.alloc(5))],
    [
      'PRIORITY_UPDATE',
      index => frame(PRIORITY_UPDATE, 0, 0, Buffer.concat([uint32(1 + index * 2), Buffer.from('u=1')])),
    ],
    ['WINDOW_UPDATE', () => windowFrame(0, 1)],
    ['unknown', () => frame(77, 0, 0, 'x')],
    [
      'RST_STREAM for a stream that is over',
      index => (index === 0 ? Buffer.concat([get(1), resetFrame(1, CANCEL)]) : resetFrame(1, CANCEL)),
    ],
    [
      'HEADERS for a stream that we have reset',
      index => (index === 0 ? Buffer.concat([get(1), windowFrame(1, 0)]) : headersFrame(1, [['x', 'y']], true)),
    ],
    [
      'DATA for a stream that we have reset',
      index => (index === 0 ? Buffer.concat([post(1), windowFrame(1, 0)]) : dataFrame(1, 'x')),
    ],
    ['empty DATA with padding', index => (index === 0 ? post(1) : frame(DATA, PADDED, 1, Buffer.of(3, 0, 0, 0)))],
    ['empty DATA', index => (index === 0 ? post(1) : dataFrame(1, ''))],
    ['WINDOW_UPDATE of a stream', index => (index === 0 ? post(1) : windowFrame(1, 1))],
  ])('with frames of %s', async (_what, next) => {
    scene.answer = silence
    const peer = await client({ automatic: false })
    await flood(peer, next, 3000)
    expect((await peer.goaway()).code).toBe(ENHANCE_YOUR_CALM)
  })

  it('with windows that open byte by byte', async () => {
    scene.answer = (_request, response) => response.end('x'.repeat(5000))
    const peer = await client({ automatic: false, settings: [[INITIAL_WINDOW_SIZE, 0]] })
    await peer.send(get(1))
    await flood(peer, () => windowFrame(1, 1), 3000)
    expect((await peer.goaway()).code).toBe(ENHANCE_YOUR_CALM)
  })

  it('but not with windows and PINGs that go with what it reads', async () => {
    scene.answer = (_request, response) => {
      let left = 800
      const more = () => {
        left -= 1
        response.write('event')
        if (left === 0) response.end()
        else setImmediate(more)
      }
      more()
    }
    const peer = await client({ automatic: false })
    await peer.send(get(1))
    for (;;) {
      const { flags, payload } = await peer.expect(DATA, 1)
      if ((flags & END_STREAM) !== 0) break
      await peer.send(windowFrame(1, Math.max(1, payload.length)), windowFrame(0, Math.max(1, payload.length)))
    }
    expect(peer.open).toBe(true)
  })
})

describe('heads', () => {
  it('that go on and on end the connection (CONTINUATION flood)', async () => {
    const peer = await client()
    await peer.send(frame(HEADERS, 0, 1, encodeFields(requestFields('GET', '/'))))
    const line = encodeFields([['x-more', 'y'.repeat(1000)]])
    await flood(peer, () => frame(CONTINUATION, 0, 1, line), 500)
    expect((await peer.goaway()).code).toBe(ENHANCE_YOUR_CALM)
  })

  it('that are small and say much are refused with 431, or end the connection (HPACK bomb)', async () => {
    const peer = await client()
    const entry = Buffer.concat([
      Buffer.of(0x40, 1),
      Buffer.from('x'),
      Buffer.of(0x7f, 0x81, 0x17),
      Buffer.alloc(3072, 'y'),
    ])
    const fields = encodeFields(requestFields('GET', '/'))
    await peer.send(
      frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.concat([fields, entry, Buffer.alloc(20, 0x80 | 62)])),
    )
    expect((await peer.message(1)).head.get(':status')).toBe('431')
    await peer.send(
      frame(HEADERS, END_HEADERS | END_STREAM, 3, Buffer.concat([fields, Buffer.alloc(10_000, 0x80 | 62)])),
    )
    expect((await peer.goaway()).code).toBe(ENHANCE_YOUR_CALM)
  })

  it('that never become whole end the connection in time', async () => {
    const peer = await client()
    await peer.settled()
    await peer.send(frame(HEADERS, 0, 1, encodeFields(requestFields('GET', '/'))))
    expect((await peer.goaway()).code).toBe(ENHANCE_YOUR_CALM)
    await peer.closed
  })

  it('that are larger than allowed are answered with 431, targets with 414, and the connection goes on', async () => {
    const peer = await client()
    await peer.send(
      headersFrame(1, requestFields('GET', '/', ['x', 'y'.repeat(12_000)], ['x', 'y'.repeat(3_900)]), true),
    )
    expect((await peer.message(1)).head.get(':status')).toBe('200')
    const many = Array.from({ length: 120 }, (): [string, string] => ['x', 'y'])
    await peer.send(headersFrame(3, requestFields('GET', '/', ...many), true))
    expect((await peer.message(3)).head.get(':status')).toBe('431')
    await peer.send(headersFrame(5, requestFields('GET', `/${'a'.repeat(9_000)}`), true))
    expect((await peer.message(5)).head.get(':status')).toBe('414')
    await peer.send(get(7))
    expect((await peer.message(7)).head.get(':status')).toBe('200')
  })
})

describe('a client that holds on to what it has', () => {
  it.each<[string, (stream: number) => Bytes]>([
    ['PING', () => frame(PING, 0, 0, '12345678')],
    ['requests without content', stream => headersFrame(stream, requestFields('HEAD', '/'), true)],
  ])('without reading answers to %s is cut off', async (_what, next) => {
    await using small = await openScene({
      http2: { queuedControlMax: 100 },
      proxy: {
        routes: [
          { to: { kind: 'respond', status: 200, fields: [['x-long', 'y'.repeat(4000)]], content: Buffer.alloc(0) } },
        ],
      },
    })
    const peer = await http2Client(small.port, { automatic: false })
    peers.push(peer)
    await peer.settled()
    peer.socket.pause()
    let stream = 1
    for (let round = 0; round < 3000 && !peer.socket.destroyed; round += 1) {
      const heads = Array.from({ length: 20 }, () => {
        stream += 2
        return headersFrame(stream, requestFields('HEAD', '/'), true)
      })
      await peer.send(...heads, ...(round > 200 ? [next(stream + 2)] : [])).catch(() => peer.close())
      if (round > 200) stream += 2
      await new Promise(resolve => setImmediate(resolve))
    }
    peer.socket.resume()
    await waitFor(() => !peer.open)
    expect(small.proxy.events).toEqual([])
  })

  it('without reading is answered no further, however many requests came in one go', async () => {
    await using proxy = await startTestProxy({
      routes: [
        { to: { kind: 'respond', status: 200, fields: [['x-long', 'y'.repeat(30_000)]], content: Buffer.alloc(0) } },
      ],
    })
    const peer = await http2Client(proxy.port, { automatic: false })
    peers.push(peer)
    await peer.settled()
    peer.socket.pause()
    await peer.send(...Array.from({ length: 4000 }, (_, index) => get(1 + index * 2))).catch(() => {})
    await waitFor(() => proxy.stats().connectionsOpen === 0)
    expect(proxy.stats().exchangesTotal).toBeLessThan(1000)
  })

  it('without reading has its connection cut in time, not just the streams that wait', async () => {
    const origin = await listenOn(createServer((_request, response) => response.end(Buffer.alloc(20_000_000))))
    await using proxy = await startTestProxy({
      listeners: [{ timeouts: { contentMs: 1000 } }],
      upstreams: { origin: [origin.address] },
    })
    const peer = await http2Client(proxy.port, { automatic: false, settings: [[INITIAL_WINDOW_SIZE, 2 ** 30]] })
    peers.push(peer)
    await peer.settled()
    peer.socket.pause()
    await peer.send(windowFrame(0, 2 ** 30), get(1), get(3))
    await waitFor(() => proxy.stats().connectionsOpen === 0)
    await origin.close()
  })

  it('with windows that never open has its stream reset, and the origin is let go of', async () => {
    const before = scene.aborted
    scene.answer = (_request, response) => {
      response.write('x'.repeat(1000))
    }
    const peer = await client({ settings: [[INITIAL_WINDOW_SIZE, 0]] })
    await peer.send(get(1))
    expect(await peer.resetOf(1)).not.toBe(0)
    await waitFor(() => scene.aborted > before)
    scene.answer = echo
    await peer.send(settingsFrame([INITIAL_WINDOW_SIZE, 1000]), get(3))
    expect((await peer.message(3)).head.get(':status')).toBe('200')
  })

  it('with requests that never become whole is told 408', async () => {
    const peer = await client()
    await peer.send(post(1), dataFrame(1, 'x'))
    expect((await peer.message(1)).head.get(':status')).toBe('408')
    expect(await peer.resetOf(1)).toBe(0)
  })

  it('without its SETTINGS is told so, as is one that does not acknowledge ours', async () => {
    const silent = await client({ automatic: false, settings: null }, false)
    await silent.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    expect((await silent.goaway()).code).toBe(SETTINGS_TIMEOUT)
    const forgetful = await client({ automatic: false }, false)
    expect((await forgetful.goaway()).code).toBe(SETTINGS_TIMEOUT)
  })
})
