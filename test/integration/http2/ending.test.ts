import { afterEach, describe, expect, it } from 'vitest'
import {
  frame,
  GOAWAY,
  type Http2Peer,
  headersFrame,
  http2Client,
  type PeerOptions,
  PING,
  requestFields,
  uint32,
} from '../../support/http2-peer.ts'
import { waitFor } from '../../support/wait-for.ts'
import { NO_ERROR } from './codes.ts'
import { openScene } from './scene.ts'

const peers: Http2Peer[] = []
afterEach(() => {
  for (const peer of peers.splice(0)) peer.close()
})

async function client(port: number, options: PeerOptions = {}): Promise<Http2Peer> {
  const peer = await http2Client(port, options)
  peers.push(peer)
  await peer.settled()
  return peer
}

const get = (stream: number) => headersFrame(stream, requestFields('GET', '/'), true)
const NEVER = 2 ** 31 - 1

describe('a listener that accepts no more', () => {
  it('announces the end, takes what is on its way, and closes behind the last answer', async () => {
    const scene = await openScene()
    let release = () => {}
    scene.answer = (request, response) => {
      if (request.headers['x-wait'] === undefined) response.end('quick')
      else release = () => response.end('slow')
    }
    const peer = await client(scene.port, { automatic: false })
    await peer.send(headersFrame(1, requestFields('GET', '/', ['x-wait', '1']), true))
    await waitFor(() => scene.requests === 1)
    const stopped = scene.proxy.stop()
    expect(await peer.goaway()).toMatchObject({ lastStream: NEVER, code: NO_ERROR })
    await peer.send(get(3))
    expect((await peer.message(3)).content.toString()).toBe('quick')
    const ping = await peer.next(({ type, flags }) => type === PING && flags === 0)
    await peer.send(frame(PING, 1, 0, ping.payload))
    expect(await peer.goaway()).toMatchObject({ lastStream: 3, code: NO_ERROR })
    await peer.send(get(5))
    release()
    expect((await peer.message(1)).content.toString()).toBe('slow')
    expect(await peer.closed).toBe('fin')
    expect(peer.received.some(({ stream }) => stream === 5)).toBe(false)
    await stopped
    await scene[Symbol.asyncDispose]()
  })

  it('closes connections without a request at once, behind the PING', async () => {
    const scene = await openScene()
    const peer = await client(scene.port)
    const stopped = scene.proxy.stop()
    expect(await peer.closed).toBe('fin')
    expect(peer.received.filter(({ type }) => type === GOAWAY).length).toBe(2)
    await stopped
    await scene[Symbol.asyncDispose]()
  })

  it('does not wait for ever for a client that does not answer', async () => {
    const scene = await openScene()
    const peer = await client(scene.port, { automatic: false })
    const stopped = scene.proxy.stop()
    await peer.closed
    await stopped
    await scene[Symbol.asyncDispose]()
  })
})

describe('a connection', () => {
  it('without a stream for the idle time is closed with GOAWAY, PINGs or not', async () => {
    await using scene = await openScene({ listener: { timeouts: { idleMs: 200 } } })
    const peer = await client(scene.port)
    await peer.send(get(1))
    await peer.message(1)
    for (let pings = 0; pings < 100; pings += 1) await peer.settled()
    await peer.closed
    expect(await peer.goaway()).toMatchObject({ lastStream: 1, code: NO_ERROR })
  })

  it('whose client says GOAWAY ends behind the last answer', async () => {
    await using scene = await openScene()
    let release = () => {}
    scene.answer = (_request, response) => {
      release = () => response.end('late')
    }
    const peer = await client(scene.port)
    await peer.send(get(1), frame(GOAWAY, 0, 0, uint32(0, NO_ERROR)))
    await waitFor(() => scene.requests === 1)
    release()
    expect((await peer.message(1)).content.toString()).toBe('late')
    expect(await peer.closed).toBe('fin')
  })

  it.each(['end', 'reset'] as const)('whose client goes away (%s) lets go of the origin', async how => {
    await using scene = await openScene()
    scene.answer = () => {}
    const peer = await client(scene.port)
    await peer.send(get(1), get(3))
    await waitFor(() => scene.requests === 2)
    peer[how]()
    await waitFor(() => scene.aborted === 2)
    expect(scene.proxy.events).toEqual([])
  })
})
