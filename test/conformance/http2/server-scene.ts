/** What the tests of a server's conformance share: a proxy before an origin that records, and rules as rows. */
import { expect } from 'vitest'
import type { Bytes } from '../../support/bytes.ts'
import {
  dataFrame,
  GOAWAY,
  type Http2Peer,
  headersFrame,
  http2Client,
  type PeerOptions,
  RST_STREAM,
  requestFields,
} from '../../support/http2-peer.ts'
import { type SameThreadProxy, startSameThreadProxy } from '../../support/proxy.ts'
import {
  plainAnswer,
  type RecordedRequest,
  type RecordingOrigin,
  recordingOrigin,
} from '../../support/recording-origin.ts'
import { HTTP2, type TestListener, type TestProxyOptions } from '../../support/snapshot.ts'

export const NO_ERROR = 0
export const PROTOCOL_ERROR = 1
export const INTERNAL_ERROR = 2
export const FLOW_CONTROL_ERROR = 3
export const STREAM_CLOSED = 5
export const FRAME_SIZE_ERROR = 6
export const REFUSED_STREAM = 7
export const CANCEL = 8
export const COMPRESSION_ERROR = 9

/** What a rule asks for: the end of the connection, of one stream, or nothing but that all goes on. */
export type Outcome =
  | { readonly ends: 'connection' | 'nothing'; readonly code: number }
  | { readonly ends: 'stream'; readonly code: number; readonly stream: number }

/** Names the section. `frames` are sent on a new connection, or by a function where something has to be awaited. */
export type Rule = readonly [
  name: string,
  frames: readonly Bytes[] | ((peer: Http2Peer) => Promise<unknown>),
  outcome: Outcome,
]

export const connectionError = (code: number): Outcome => ({ ends: 'connection', code })
export const streamError = (code: number, stream = 1): Outcome => ({ ends: 'stream', code, stream })
export const goesOn: Outcome = { ends: 'nothing', code: NO_ERROR }

/** The stream on which a rule asks whether the connection still serves. */
const LAST_STREAM = 0x7ffffffd

/** A path whose requests the origin never answers. */
export const SILENT = '/silent'

export const get = (stream: number, path = '/'): Buffer => headersFrame(stream, requestFields('GET', path), true)

/** A request whose content is still to come. */
export const post = (stream: number, ...more: [string, string][]): Buffer =>
  headersFrame(stream, requestFields('POST', '/', ...more))

export interface ServerScene extends AsyncDisposable {
  readonly proxy: SameThreadProxy
  readonly origin: RecordingOrigin
  /** What the origin answers with. Forgotten after each rule. */
  answer: (request: RecordedRequest) => string
  client(options?: PeerOptions): Promise<Http2Peer>
  /** Sends the frames of a rule, and holds what follows against it. */
  check(rule: Rule): Promise<void>
  /** For `afterEach`: nothing was thrown, the origin could read all it got, and no connection is left. */
  tidy(): void
}

export async function openServer(
  listeners: readonly TestListener[] = [{ http2: HTTP2 }],
  more: Pick<TestProxyOptions, 'upstreams' | 'routes'> = {},
): Promise<ServerScene> {
  const origin = await recordingOrigin({
    answer: request => (request.target === SILENT ? '' : scene.answer(request)),
  })
  const upstreams = { origin: [origin.address], ...more.upstreams }
  const proxy = await startSameThreadProxy({ listeners, ...more, upstreams })
  const peers: Http2Peer[] = []
  const scene: ServerScene = {
    proxy,
    origin,
    answer: plainAnswer,
    async client(options) {
      const peer = await http2Client(proxy.port, options)
      peers.push(peer)
      return peer
    },
    async check([, frames, outcome]) {
      const peer = await scene.client()
      if (typeof frames === 'function') await frames(peer)
      else await peer.send(...frames)
      await hold(peer, outcome)
    },
    tidy() {
      for (const peer of peers.splice(0)) peer.close()
      scene.answer = plainAnswer
      expect(proxy.events.filter(({ kind }) => kind !== 'handshakes_failed')).toEqual([])
      expect(origin.malformed).toEqual([])
      origin.forget()
    },
    async [Symbol.asyncDispose]() {
      await proxy.stop()
      await origin.close()
    },
  }
  return scene
}

async function hold(peer: Http2Peer, outcome: Outcome): Promise<void> {
  if (outcome.ends === 'connection') {
    expect((await peer.goaway()).code).toBe(outcome.code)
    await peer.closed
    return
  }
  if (outcome.ends === 'stream') expect(await peer.resetOf(outcome.stream)).toBe(outcome.code)
  await stillServes(peer)
  const { received } = peer
  expect(received.filter(({ type }) => type === GOAWAY)).toEqual([])
  const resets = received.filter(({ type }) => type === RST_STREAM).map(({ stream }) => stream)
  expect(resets).toEqual(outcome.ends === 'stream' ? [outcome.stream] : [])
}

/** Another request is answered on the connection. */
export async function stillServes(peer: Http2Peer, stream: number = LAST_STREAM): Promise<void> {
  await peer.send(get(stream, '/still'))
  expect((await peer.message(stream)).content.toString()).toBe('GET /still')
}

/** The frames of one stream that have come, by type and flags. */
export function framesOf(peer: Http2Peer, stream: number): [type: number, flags: number][] {
  return peer.received.filter(each => each.stream === stream).map(({ type, flags }) => [type, flags])
}

/** Content in frames of 16 KiB at most. */
export function contentFrames(stream: number, bytes: number): Buffer[] {
  const frames: Buffer[] = []
  for (let left = bytes; left > 0; left -= 16_384)
    frames.push(dataFrame(stream, Buffer.alloc(Math.min(left, 16_384), 'x')))
  return frames
}
