/** What the tests of a client's conformance share: a proxy before an origin of frames, and rules as rows. */
import { expect } from 'vitest'
import type { Http2Snapshot } from '../../../engine/snapshot.ts'
import { type Http2Scene, openHttp2Scene } from '../../integration/upstream/http2-scene.ts'
import { FORGIVING } from '../../integration/upstream/scene.ts'
import type { Bytes } from '../../support/bytes.ts'
import { get } from '../../support/heads.ts'
import {
  dataFrame,
  frame,
  GOAWAY,
  HEADERS,
  type Http2Peer,
  type Http2Script,
  headersFrame,
  type PeerOptions,
  RST_STREAM,
  responseFields,
} from '../../support/http2-peer.ts'

/**
 * What a rule asks for: the end of the connection, of the stream, of the response on a stream that is over anyway, or nothing
 * but that the response is good and all goes on.
 */
export interface Outcome {
  readonly ends: 'connection' | 'stream' | 'response' | 'nothing'
  readonly code: number
  /** The response was whole before. */
  readonly isAnswered?: boolean
  /** Of the origin. */
  readonly options?: PeerOptions
}

/** Names the section. The frames come for a request whose head has come on `stream`. */
export type Rule = readonly [
  name: string,
  frames: (stream: number, peer: Http2Peer) => readonly Bytes[] | Promise<unknown>,
  outcome: Outcome,
]

export const connectionError = (code: number): Outcome => ({ ends: 'connection', code })
export const streamError = (code: number): Outcome => ({ ends: 'stream', code })
export const cutResponse: Outcome = { ends: 'response', code: 0 }
export const goesOn: Outcome = { ends: 'nothing', code: 0 }

/** Flags and types that are none. */
export const UNUSED_FLAGS = 0xd2

export const good = (stream: number, content: Bytes = 'good'): Buffer =>
  Buffer.concat([headersFrame(stream, responseFields(200)), dataFrame(stream, content, true)])

/** A field block as it is. */
export const block = (stream: number, flags: number, ...parts: Buffer[]): Buffer =>
  frame(HEADERS, flags, stream, Buffer.concat(parts))

export interface ClientScene extends AsyncDisposable {
  readonly scene: Http2Scene
  /** Asks the origin, which does what the rule says, and holds what follows against it. */
  check(rule: Rule): Promise<void>
}

export async function openClient(http2: Partial<Http2Snapshot> = {}): Promise<ClientScene> {
  const scene = await openHttp2Scene(1, address => ({
    upstreams: {
      a: { ...FORGIVING, endpoints: [address], protocol: 'h2c', http2, retry: { ...FORGIVING.retry, attempts: 0 } },
    },
  }))
  return {
    scene,
    async check([, frames, outcome]) {
      const script: Http2Script = async peer => {
        scene.play(serve)
        const { stream } = await peer.section()
        const made = frames(stream, peer)
        if (Array.isArray(made)) await peer.send(...made)
        else await made
        await hold(peer, stream, outcome)
      }
      scene.play(script, 0, outcome.options)
      const client = await scene.client()
      await client.send(get('/'))
      const answer = await client.nextResponse()
      if (outcome.ends === 'nothing' || outcome.isAnswered === true) {
        if (answer.kind !== 'whole') throw new Error(answer.kind)
        const { status, content } = answer.response
        expect(content.toString()).toBe(status === 200 ? 'good' : '')
      } else if (answer.kind === 'whole') {
        expect(answer.response.status).toBe(502)
      } else {
        expect(answer.kind).toBe('cut')
      }
      const next = await scene.client()
      await next.send(get('/next'))
      expect((await next.readResponse()).content.toString()).toBe('good')
      expect(scene.peers().length).toBe(outcome.ends === 'connection' ? 2 : 1)
    },
    [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
  }
}

async function serve(peer: Http2Peer): Promise<void> {
  for (;;) await peer.send(good((await peer.message()).stream))
}

async function hold(peer: Http2Peer, stream: number, { ends, code }: Outcome): Promise<void> {
  if (ends === 'connection') {
    expect((await peer.goaway()).code).toBe(code)
    await peer.closed
    return
  }
  if (ends === 'stream') expect(await peer.resetOf(stream)).toBe(code)
  const { stream: next } = await peer.message()
  await peer.send(good(next))
  await peer.settled()
  const { received } = peer
  expect(received.filter(({ type }) => type === GOAWAY)).toEqual([])
  const resets = received.filter(({ type }) => type === RST_STREAM).map(each => each.stream)
  expect(resets).toEqual(ends === 'stream' ? [stream] : [])
}
