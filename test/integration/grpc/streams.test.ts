import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  DATA,
  dataFrame,
  END_STREAM,
  HEADERS,
  type Http2Origin,
  type Http2Peer,
  headersFrame,
  http2Client,
  http2Origin,
  type Message,
  RST_STREAM,
  requestFields,
  resetFrame,
  responseFields,
} from '../../support/http2-peer.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { waitFor } from '../../support/wait-for.ts'
import { FORGIVING } from '../upstream/scene.ts'

/** What calls are on the wire, frame by frame. */

const CANCEL = 8
const INTERNAL_ERROR = 2

type Answer = (peer: Http2Peer, request: Message) => Promise<unknown> | unknown

const GRPC = ['content-type', 'application/grpc+proto'] as const
const MESSAGE = Buffer.from([0, 0, 0, 0, 2, 0x68, 0x69])

let answers: Answer[]
let origins: Http2Origin[]
let proxy: InstrumentedProxy
let client: Http2Peer

/** Plays the answer of the moment with each request whose head has come. */
function playing(index: number) {
  return async (peer: Http2Peer) => {
    for (;;) {
      const head = await peer.section()
      const request = { stream: head.stream, interim: [], head, content: Buffer.alloc(0), trailers: null }
      await answers[index]?.(peer, request)
    }
  }
}

beforeAll(async () => {
  origins = [await http2Origin(playing(0)), await http2Origin(playing(1))]
  const endpoints = origins.map(({ address }, priority) => ({ address, name: 'ab'[priority] as string, priority }))
  proxy = await startInstrumentedProxy({
    listeners: [{ timeouts: { contentMs: 1000 } }],
    upstreams: {
      one: { endpoints: endpoints.slice(0, 1), protocol: 'h2c', ...FORGIVING },
      both: { endpoints, protocol: 'h2c', passive: null, retry: { budget: 10, grpcStatuses: [14] } },
    },
    routes: [
      { to: 'one', match: { path: { kind: 'prefix', path: '/one.S/' } }, grpcWeb: true },
      { to: 'both', match: { path: { kind: 'prefix', path: '/both.S/' } } },
    ],
  })
})
afterEach(() => client.close())
afterAll(async () => {
  await proxy.stop()
  for (const origin of origins) await origin.close()
})

async function call(path: string, ...more: (readonly [string, string])[]): Promise<Http2Peer> {
  client = await http2Client(proxy.port)
  await client.send(headersFrame(1, requestFields('POST', path, GRPC, ['te', 'trailers'], ...more)))
  return client
}

function trailersOnly(stream: number, status: number): Buffer {
  return headersFrame(stream, responseFields(200, GRPC, ['grpc-status', String(status)]), true)
}

describe('a call', () => {
  it('past the deadline of its client is answered in one frame, and cancelled at the origin', async () => {
    answers = [() => {}]
    const peer = await call('/one.S/M', ['grpc-timeout', '500m'])
    const { head, content } = await peer.message(1)
    expect(head.endStream).toBe(true)
    expect(content.length).toBe(0)
    expect([head.get(':status'), head.get('content-type')]).toEqual(['200', 'application/grpc+proto'])
    expect(head.get('grpc-status')).toBe('4')
    const origin = await (origins[0] as Http2Origin).peer(0)
    expect((await origin.expect(RST_STREAM)).payload.readUInt32BE(0)).toBe(CANCEL)
  })

  it('past its deadline behind the head of the response is reset on both sides', async () => {
    answers = [
      (peer, { stream }) => peer.send(headersFrame(stream, responseFields(200, GRPC)), dataFrame(stream, MESSAGE)),
    ]
    const peer = await call('/one.S/M', ['grpc-timeout', '700m'])
    await peer.expect(DATA, 1)
    expect(await peer.resetOf(1)).toBe(INTERNAL_ERROR)
  })

  it('keeps te, and asks for trailers', async () => {
    let te: string | undefined
    answers = [
      (peer, { stream, head }) => {
        te = head.get('te')
        return peer.send(trailersOnly(stream, 0))
      },
    ]
    const { head } = await (await call('/one.S/M')).message(1)
    expect([te, head.get('grpc-status'), head.endStream]).toEqual(['trailers', '0', true])
  })

  it('that the server ends early leaves its client nothing to send', async () => {
    answers = [(peer, { stream }) => peer.send(trailersOnly(stream, 9))]
    const peer = await call('/one.S/M')
    expect((await peer.message(1)).head.get('grpc-status')).toBe('9')
    expect(await peer.resetOf(1)).toBe(0)
  })

  it('whose response has begun may be silent for longer than its client may take for content', async () => {
    answers = [
      (peer, { stream }) => {
        setTimeout(
          () => void peer.send(dataFrame(stream, MESSAGE), headersFrame(stream, [['grpc-status', '0']], true)),
          1500,
        )
        return peer.send(headersFrame(stream, responseFields(200, GRPC)))
      },
    ]
    const { content, trailers } = await (await call('/one.S/M')).message(1)
    expect([content.equals(MESSAGE), trailers?.get('grpc-status')]).toEqual([true, '0'])
  })

  it('whose client is silent before there is a response is ended', async () => {
    answers = [() => {}]
    const { head } = await (await call('/one.S/M')).message(1)
    expect(head.get('grpc-status')).toBe('2')
  })

  it('that its client resets is reset at the origin', async () => {
    answers = [(peer, { stream }) => peer.send(headersFrame(stream, responseFields(200, GRPC)))]
    const peer = await call('/one.S/M')
    await peer.expect(HEADERS, 1)
    const [origin] = origins as [Http2Origin]
    const before = origin.peers.flatMap(({ received }) => received).filter(({ type }) => type === RST_STREAM).length
    await peer.send(resetFrame(1, CANCEL))
    const reset = await waitFor(() => {
      const resets = origin.peers.flatMap(({ received }) => received).filter(({ type }) => type === RST_STREAM)
      return resets[before]
    }, 'a reset at the origin')
    expect(reset.payload.readUInt32BE(0)).toBe(CANCEL)
  })

  it('that the origin resets behind its head is reset at the client', async () => {
    answers = [
      (peer, { stream }) =>
        peer.send(headersFrame(stream, responseFields(200, GRPC)), dataFrame(stream, MESSAGE), resetFrame(stream, 2)),
    ]
    const peer = await call('/one.S/M')
    expect(await peer.resetOf(1)).toBe(INTERNAL_ERROR)
  })

  it('that the origin resets before its head is unavailable', async () => {
    answers = [(peer, { stream }) => peer.send(resetFrame(stream, 2))]
    const { head } = await (await call('/one.S/M')).message(1)
    expect(head.get('grpc-status')).toBe('14')
  })

  it('with a status that the route names goes to another endpoint, with what has come and what comes of its content', async () => {
    let content: Buffer = Buffer.alloc(0)
    answers = [
      (peer, { stream }) => peer.send(trailersOnly(stream, 14)),
      async (peer, { stream }) => {
        for (;;) {
          const { payload, flags } = await peer.expect(DATA, stream)
          content = Buffer.concat([content, payload])
          if ((flags & END_STREAM) !== 0) break
        }
        await peer.send(trailersOnly(stream, 0))
      },
    ]
    const peer = await call('/both.S/M')
    await peer.send(dataFrame(1, MESSAGE))
    await peer.send(dataFrame(1, MESSAGE, true))
    expect((await peer.message(1)).head.get('grpc-status')).toBe('0')
    expect(content.equals(Buffer.concat([MESSAGE, MESSAGE]))).toBe(true)
  })
})

describe('a call of gRPC-Web over HTTP/2', () => {
  it('is translated like one over HTTP/1.1', async () => {
    answers = [
      async (peer, { stream, head }) => {
        expect(head.get('content-type')).toBe('application/grpc+proto')
        expect((await peer.expect(DATA, stream)).payload.equals(MESSAGE)).toBe(true)
        await peer.send(
          headersFrame(stream, responseFields(200, GRPC)),
          dataFrame(stream, MESSAGE),
          headersFrame(stream, [['grpc-status', '0']], true),
        )
      },
    ]
    client = await http2Client(proxy.port)
    await client.send(
      headersFrame(1, requestFields('POST', '/one.S/M', ['content-type', 'application/grpc-web-text+proto'])),
      dataFrame(1, MESSAGE.toString('base64'), true),
    )
    const { head, content, trailers } = await client.message(1)
    expect(head.get('content-type')).toBe('application/grpc-web-text+proto')
    expect(trailers).toBe(null)
    const quarters = content.toString('latin1').match(/.{4}/g) ?? []
    const bytes = Buffer.concat(quarters.map(quarter => Buffer.from(quarter, 'base64')))
    const last = Buffer.from('\x80\0\0\0\x0fgrpc-status:0\r\n', 'latin1')
    expect(bytes.equals(Buffer.concat([MESSAGE, last]))).toBe(true)
  })
})

describe('an origin', () => {
  it('that answers like any other of HTTP is passed on', async () => {
    answers = [
      (peer, { stream }) =>
        peer.send(
          headersFrame(stream, responseFields(502, ['content-type', 'text/html'])),
          dataFrame(stream, 'bad', true),
        ),
    ]
    const { head, content } = await (await call('/one.S/M')).message(1)
    expect([head.get(':status'), content.toString()]).toEqual(['502', 'bad'])
  })
})
