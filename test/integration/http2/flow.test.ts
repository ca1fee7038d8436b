import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  ACK,
  DATA,
  dataFrame,
  END_STREAM,
  type Frame,
  frame,
  type Http2Peer,
  headersFrame,
  http2Client,
  INITIAL_WINDOW_SIZE,
  MAX_FRAME_SIZE,
  type PeerOptions,
  PING,
  PRIORITY_UPDATE,
  RST_STREAM,
  requestFields,
  SETTINGS,
  settingsFrame,
  uint32,
  WINDOW_UPDATE,
  windowFrame,
} from '../../support/http2-peer.ts'
import { waitFor } from '../../support/wait-for.ts'
import { CANCEL, FLOW_CONTROL_ERROR } from './codes.ts'
import { echo, openScene, type Scene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await openScene()
})
const peers: Http2Peer[] = []
afterEach(() => {
  for (const peer of peers.splice(0)) peer.close()
  scene.answer = echo
  expect(scene.proxy.events).toEqual([])
})
afterAll(() => scene[Symbol.asyncDispose]())

async function client(options: PeerOptions = {}): Promise<Http2Peer> {
  const peer = await http2Client(scene.port, options)
  peers.push(peer)
  return peer
}

const get = (stream: number, ...more: [string, string][]) =>
  headersFrame(stream, requestFields('GET', '/', ...more), true)
const post = (stream: number) => headersFrame(stream, requestFields('POST', '/'))
const KIB = 1024

function contentOf(frames: readonly Frame[], stream: number): number {
  return frames
    .filter(each => each.type === DATA && each.stream === stream)
    .reduce((sum, { payload }) => sum + payload.length, 0)
}

/** What the windows of the connection and of a stream have been opened by. */
function givenBack(frames: readonly Frame[], stream: number): number {
  return frames
    .filter(each => each.type === WINDOW_UPDATE && each.stream === stream)
    .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0)
}

describe('what we send', () => {
  it('is never more than the window of the stream, nor of the connection', async () => {
    scene.answer = (_request, response) => response.end(Buffer.alloc(200 * KIB, 'x'))
    const peer = await client({ automatic: false, settings: [[INITIAL_WINDOW_SIZE, 50_000]] })
    await peer.send(get(1), get(3))
    await waitFor(() => contentOf(peer.received, 1) + contentOf(peer.received, 3) === 65_535)
    await peer.settled()
    expect(contentOf(peer.received, 1)).toBeLessThanOrEqual(50_000)
    await peer.send(windowFrame(0, 1_000_000))
    await waitFor(() => contentOf(peer.received, 1) === 50_000 && contentOf(peer.received, 3) === 50_000)
    await peer.settled()
    expect(contentOf(peer.received, 1)).toBe(50_000)
    await peer.send(windowFrame(1, 200 * KIB))
    await waitFor(() => contentOf(peer.received, 1) === 200 * KIB)
    expect(contentOf(peer.received, 3)).toBe(50_000)
  })

  it('comes in frames no larger than the client takes', async () => {
    scene.answer = (_request, response) => response.end(Buffer.alloc(60 * KIB, 'x'))
    const peer = await client({ settings: [[MAX_FRAME_SIZE, 20_000]] })
    await peer.send(get(1))
    expect((await peer.message(1)).content.length).toBe(60 * KIB)
    const sizes = peer.received.filter(({ type }) => type === DATA).map(({ payload }) => payload.length)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(20_000)
  })

  it('stops the origin while the client takes nothing, and goes on where it stopped', async () => {
    const total = 8 * KIB * KIB
    let sent = 0
    scene.answer = (_request, response) => {
      const part = Buffer.alloc(64 * KIB, 'x')
      const more = () => {
        while (sent < total) {
          sent += part.length
          if (!response.write(part)) {
            response.once('drain', more)
            return
          }
        }
        response.end()
      }
      more()
    }
    const peer = await client({ automatic: false })
    await peer.send(get(1))
    await waitFor(() => contentOf(peer.received, 1) === 65_535)
    await peer.settled()
    const stopped = sent
    expect(stopped).toBeLessThan(total)
    await peer.send(windowFrame(0, 2 ** 30), windowFrame(1, 2 ** 30))
    await waitFor(() => contentOf(peer.received, 1) === total, 'all of the content', 15_000)
  })

  it('ends with what waited when the client resets the stream, and others go on', async () => {
    scene.answer = (_request, response) => response.end(Buffer.alloc(100 * KIB, 'x'))
    const peer = await client({ automatic: false })
    await peer.send(get(1), get(3))
    await waitFor(() => contentOf(peer.received, 1) + contentOf(peer.received, 3) === 65_535)
    await peer.settled()
    const before = contentOf(peer.received, 1)
    await peer.send(frame(RST_STREAM, 0, 1, uint32(CANCEL)), windowFrame(0, 2 ** 20), windowFrame(3, 2 ** 20))
    await waitFor(() => contentOf(peer.received, 3) === 100 * KIB)
    expect(contentOf(peer.received, 1)).toBe(before)
  })
})

describe('priorities (RFC 9218)', () => {
  /** Streams of the frames that come when the connection's window opens at once, for as much as waits. */
  async function order(peer: Http2Peer, streams: readonly number[], bytes: number): Promise<number[]> {
    const taken = peer.received.length
    await peer.send(windowFrame(0, 2 ** 24))
    await waitFor(() => streams.every(stream => contentOf(peer.received, stream) === bytes))
    return peer.received
      .slice(taken)
      .filter(({ type, payload }) => type === DATA && payload.length > 0)
      .map(({ stream }) => stream)
  }

  /** Uses up the window of the connection. */
  async function fill(peer: Http2Peer): Promise<void> {
    scene.answer = (_request, response) => response.end(Buffer.alloc(65_535, 'x'))
    await peer.send(get(1))
    await waitFor(() => contentOf(peer.received, 1) === 65_535)
    scene.answer = (_request, response) => response.end(Buffer.alloc(48 * KIB, 'x'))
  }

  const wide = { automatic: false, settings: [[INITIAL_WINDOW_SIZE, 2 ** 24]] } as const

  it('send the most urgent first, and one after the other of those that are of use only as a whole', async () => {
    const peer = await client(wide)
    await fill(peer)
    await peer.send(get(3, ['priority', 'u=5']), get(5), get(7), get(9, ['priority', 'u=0']))
    await waitFor(() => scene.requests > 0)
    await headsOf(peer, [3, 5, 7, 9])
    const sent = await order(peer, [3, 5, 7, 9], 48 * KIB)
    expect(sent.slice(0, 3)).toEqual([9, 9, 9])
    expect(sent.lastIndexOf(5)).toBeLessThan(sent.lastIndexOf(7))
    expect(sent.lastIndexOf(7)).toBeLessThan(sent.lastIndexOf(3))
  })

  it('let those take turns that are of use in parts', async () => {
    const peer = await client(wide)
    await fill(peer)
    await peer.send(get(3, ['priority', 'i']), get(5, ['priority', 'i']))
    await headsOf(peer, [3, 5])
    const sent = await order(peer, [3, 5], 48 * KIB)
    expect(sent).toEqual(sent[0] === 3 ? [3, 5, 3, 5, 3, 5] : [5, 3, 5, 3, 5, 3])
  })

  it('are taken from PRIORITY_UPDATE, before the request and behind it', async () => {
    const update = (stream: number, value: string) =>
      frame(PRIORITY_UPDATE, 0, 0, Buffer.concat([uint32(stream), Buffer.from(value)]))
    const peer = await client(wide)
    await fill(peer)
    await peer.send(update(5, 'u=0'), get(3), get(5, ['priority', 'u=7']), get(7))
    await headsOf(peer, [3, 5, 7])
    await peer.send(update(7, 'u=1'))
    const sent = await order(peer, [3, 5, 7], 48 * KIB)
    expect(sent.slice(0, 3)).toEqual([5, 5, 5])
    expect(sent.slice(3, 6)).toEqual([7, 7, 7])
  })

  async function headsOf(peer: Http2Peer, streams: readonly number[]): Promise<void> {
    for (const stream of streams) await peer.section(stream)
    // The origin has sent all of it in one go, so that it has been read with the head, or right behind it.
    await peer.settled()
    await peer.settled()
  }
})

describe('what we take', () => {
  it('opens the windows again as it goes on to the origin', async () => {
    const peer = await client()
    const content = Buffer.alloc(16 * KIB, 'x')
    await peer.send(post(1))
    let left = 65_536
    for (let sent = 0; sent < 40; sent += 1) {
      await waitFor(() => left + givenBack(peer.received, 1) - sent * 16 * KIB >= 16 * KIB)
      await peer.send(dataFrame(1, content, sent === 39))
    }
    left = 0
    expect((await peer.message(1)).content.length).toBe('POST / '.length + 40 * 16 * KIB)
  })

  it.each([
    { what: 'of a stream', http2: { streamWindowBytes: 10_000 }, bytes: 10_001 },
    { what: 'of the connection', http2: { connectionWindowBytes: 65_535, streamWindowBytes: 100_000 }, bytes: 65_536 },
  ])('is never more than the window $what allows', async ({ what, http2, bytes }) => {
    await using small = await openScene({ http2: { frameBytesMax: 100_000, ...http2 } })
    small.answer = () => {}
    const peer = await http2Client(small.port)
    peers.push(peer)
    await peer.settled()
    await peer.send(post(1), dataFrame(1, Buffer.alloc(bytes)))
    const code = what === 'of a stream' ? await peer.resetOf(1) : (await peer.goaway()).code
    expect(code).toBe(FLOW_CONTROL_ERROR)
  })

  it('is a window of the size that everybody begins with until ours is known, whatever its size', async () => {
    await using small = await openScene({ http2: { streamWindowBytes: 1_024 } })
    const peer = await http2Client(small.port, { automatic: false })
    peers.push(peer)
    const content = Buffer.alloc(13_107, 'x')
    await peer.send(post(1), ...Array.from({ length: 5 }, () => dataFrame(1, content)))
    await peer.expect(SETTINGS)
    await peer.settled()
    // Our SETTINGS take off 64,511 of what it had, which was used up.
    await peer.send(frame(SETTINGS, ACK, 0))
    await waitFor(() => givenBack(peer.received, 1) === 65_535)
    await peer.send(windowFrame(0, 10_000), windowFrame(1, 10_000), dataFrame(1, Buffer.alloc(1_024), true))
    expect((await peer.message(1)).content.length).toBe('POST / '.length + 65_535 + 1_024)
  })

  it('stops when the origin takes nothing, and holds no more than a window', async () => {
    let begin = () => {}
    scene.answer = (request, response) => {
      request.pause()
      begin = () => {
        let count = 0
        request.on('data', part => {
          count += (part as Buffer).length
        })
        request.on('end', () => response.end(String(count)))
        request.resume()
      }
    }
    const peer = await client()
    await peer.send(post(1))
    const part = dataFrame(1, Buffer.alloc(16 * KIB))
    let sent = 0
    const room = () => 65_536 + givenBack(peer.received, 1) - sent
    for (let quiet = 0; quiet < 3; ) {
      if (room() >= 16 * KIB) {
        quiet = 0
        sent += 16 * KIB
        await peer.send(part)
      } else {
        quiet += 1
        await peer.settled()
      }
    }
    begin()
    await waitFor(() => room() >= 16 * KIB)
    await peer.send(dataFrame(1, '', true))
    expect((await peer.message(1)).content.toString()).toBe(String(sent))
  })

  it('grows with what comes in a round trip', async () => {
    scene.answer = (request, response) => {
      request.resume()
      request.on('end', () => response.end('done'))
    }
    const peer = await client({ automatic: true })
    await peer.send(post(1))
    let sent = 0
    const room = () => 65_536 + givenBack(peer.received, 1) - sent
    for (let turn = 0; turn < 12; turn += 1) {
      const count = Math.floor(Math.min(room(), 256 * KIB) / (16 * KIB))
      await peer.send(...Array.from({ length: count }, () => dataFrame(1, Buffer.alloc(16 * KIB))))
      sent += count * 16 * KIB
      await peer.settled()
    }
    expect(peer.received.some(({ type, flags }) => type === PING && flags === 0)).toBe(true)
    await waitFor(
      () => room() > 128 * KIB,
      () => `the window has grown to ${room()} only`,
    )
    await peer.send(dataFrame(1, '', true))
    expect((await peer.message(1)).content.toString()).toBe('done')
  })

  it('gives windows back for padding, and for what nobody reads any more', async () => {
    const peer = await client()
    scene.answer = (_request, response) => response.end('early')
    await peer.send(post(1))
    expect((await peer.message(1)).content.toString()).toBe('early')
    expect(await peer.resetOf(1)).toBe(0)
    const before = givenBack(peer.received, 0)
    const padded = frame(DATA, 8, 1, Buffer.concat([Buffer.of(200), Buffer.alloc(15 * KIB)]))
    for (let count = 0; count < 40; count += 1) await peer.send(padded)
    await waitFor(() => givenBack(peer.received, 0) > before)
    await peer.send(settingsFrame(), get(3))
    const { flags } = await peer.expect(DATA, 3)
    expect(flags & END_STREAM).toBe(END_STREAM)
  })
})
