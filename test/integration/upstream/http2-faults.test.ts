import { describe, expect, it } from 'vitest'
import { chunk, get, head, lastChunk } from '../../support/heads.ts'
import {
  dataFrame,
  goawayFrame,
  type Http2Peer,
  headersFrame,
  http2Origin,
  INITIAL_WINDOW_SIZE,
  MAX_CONCURRENT_STREAMS,
  type Message,
  resetFrame,
  responseFields,
  settingsFrame,
} from '../../support/http2-peer.ts'
import { startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { type RawClient, type ResponseOutcome, rawClient } from '../../support/raw-client.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { turns } from '../../support/turns.ts'
import { later } from './scene.ts'

/**
 * Everything at once, over HTTP/2: whatever origins do to their streams and connections, and clients to theirs, each client gets
 * whole answers to its own requests or none, and in the end nothing is left and every count is zero.
 */

const RUN_MS = 1_000
const CLIENTS = 24
const SEED = 20_261_121

/** Numbers from 0 to 1 that a seed repeats (mulberry32). */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const dice = random(SEED)

const contentOf = ({ head: request, content }: Message) =>
  `${request.get('x-number')} ${request.get(':path')} ${content.length}`

/** An answer from which a client can tell that it is the one to its request, and to all of it. */
async function answer(peer: Http2Peer, request: Message): Promise<void> {
  const content = contentOf(request)
  const { stream } = request
  const cut = Math.floor(dice() * content.length)
  const more: [string, string][] = dice() < 0.5 ? [['content-length', `${content.length}`]] : []
  await peer.send(headersFrame(stream, responseFields(200, ...more)), dataFrame(stream, content.slice(0, cut)))
  if (dice() < 0.3) await turns(Math.ceil(dice() * 5))
  if (dice() < 0.7) await peer.send(dataFrame(stream, content.slice(cut), true))
  else await peer.send(dataFrame(stream, content.slice(cut)), headersFrame(stream, [['x-end', '1']], true))
}

type Fault = (peer: Http2Peer, request: Message) => Promise<unknown> | unknown

const FAULTS: readonly Fault[] = [
  (peer, { stream }) => peer.send(resetFrame(stream, Math.floor(dice() * 14))),
  (peer, { stream }) => peer.send(resetFrame(stream, 7)),
  peer => peer.reset(),
  peer => peer.end(),
  (peer, { stream }) => peer.send(goawayFrame(Math.max(0, stream - 2), 0)).then(() => peer.end()),
  async (peer, request) => {
    await peer.send(goawayFrame(request.stream, 0))
    await answer(peer, request)
  },
  (peer, { stream }) =>
    peer.send(headersFrame(stream, responseFields(503, ['x-wrong', '1'])), dataFrame(stream, 'busy', true)),
  (peer, { stream }) => peer.send(headersFrame(stream, responseFields(500), true)),
  (peer, { stream }) =>
    peer.send(
      headersFrame(stream, responseFields(200, ['x-wrong', '1'], ['content-length', '9'])),
      dataFrame(stream, 'half', true),
    ),
  (peer, { stream }) =>
    peer.send(
      headersFrame(stream, responseFields(200, ['x-wrong', '1'])),
      dataFrame(stream, 'half'),
      resetFrame(stream, 2),
    ),
  (peer, { stream }) => peer.send(headersFrame(stream, responseFields(200, ['X-Wrong', '1']), true)),
  (peer, { stream }) => peer.send(headersFrame(stream, responseFields(200, ['x-wrong', '1']))),
  async (peer, request) => {
    await peer.send(headersFrame(request.stream, responseFields(103)))
    await answer(peer, request)
  },
  async (peer, request) => {
    await peer.send(
      settingsFrame(
        [MAX_CONCURRENT_STREAMS, Math.floor(dice() * 10)],
        [INITIAL_WINDOW_SIZE, 1 + Math.floor(dice() * 9_000)],
      ),
    )
    await answer(peer, request)
    await peer.send(settingsFrame([MAX_CONCURRENT_STREAMS, 20], [INITIAL_WINDOW_SIZE, 65_535]))
  },
  (peer, request) => later(120, () => answer(peer, request)),
  () => {},
]

describe('faults of origins that speak HTTP/2, at random, with everything that an upstream can do', () => {
  it('leave nothing behind, and no client with what is not its own', async () => {
    let isRunning = true
    const play = async (peer: Http2Peer) => {
      for (;;) {
        // One that is reset in the middle of its upload is none.
        const request = await peer.message().catch(error => {
          if (peer.open && /was reset/.test(`${error}`)) return null
          throw error
        })
        const fault = dice() < 0.25 ? FAULTS[Math.floor(dice() * FAULTS.length)] : undefined
        if (request === null) continue
        if (fault !== undefined && isRunning) void Promise.resolve(fault(peer, request))
        else void answer(peer, request)
      }
    }
    const settings = [[MAX_CONCURRENT_STREAMS, 20]] as const
    const origins = await Promise.all([1, 2, 3, 4].map(() => http2Origin(play, { settings })))
    const endpoints = origins.map(({ address }, index) => {
      return { address, name: `${index}`, connectionsMax: 1 + index, backup: index === 3 }
    })
    await using proxy = await startInstrumentedProxy({
      workers: 2,
      upstreams: {
        all: {
          protocol: 'h2c',
          endpoints,
          balance: 'least_connections',
          retry: {
            budget: 1,
            onTimeout: true,
            statuses: [502, 503],
            backoffMs: 5,
            backoffMaxMs: 20,
            perTryMs: 150,
            contentBytesMax: 4_096,
          },
          timeouts: { connectMs: 200, responseMs: 200, idleMs: 200 },
          pool: { idleTimeoutMs: 500, requestsMax: 200 },
          passive: { consecutive: 5, ejectMs: 50, ejectMaxMs: 100 },
          circuitBreaker: { scope: 'both', minimum: 30, failureRatio: 0.9, openMs: 50, windowMs: 500 },
          hedge: { afterMs: 30, budget: 0.5 },
          sticky: {},
          queue: { size: 50, timeoutMs: 300 },
          adaptiveConcurrency: { initial: 30, minimum: 10, maximum: 100, tolerance: 10 },
          slowStartMs: 100,
          panicThreshold: 0.3,
        },
      },
      routes: [{ to: 'all', timeouts: { totalMs: 1_000 } }],
    })
    const strange: string[] = []
    const statuses = new Map<number, number>()
    let asked = 0
    const endsAt = performance.now() + RUN_MS

    function look(outcome: ResponseOutcome, expected: string): void {
      const status = outcome.kind === 'whole' ? outcome.response.status : 0
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (outcome.kind === 'malformed') strange.push(`${expected}: ${outcome.reason}`)
      if (outcome.kind !== 'whole' || status !== 200) return
      const { content, fields } = outcome.response
      if (content.toString() !== expected) strange.push(`${expected}: ${content}`)
      if (valuesOf(fields, 'x-wrong').length > 0) strange.push(`${expected}: a part of another answer`)
    }

    async function send(client: RawClient, number: number, size: number): Promise<void> {
      const fields = ['Host: a', `X-Number: ${number}`]
      const content = 'x'.repeat(size)
      const isChunked = dice() < 0.3
      const framing = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${size}`
      await client.send(head(`${dice() < 0.3 ? 'POST' : 'PUT'} /${number} HTTP/1.1`, ...fields, framing))
      if (dice() < 0.5) await turns(Math.ceil(dice() * 50))
      await client.send(isChunked ? (size > 0 ? chunk(content) : '') + lastChunk('X-Sum: 1') : content)
    }

    /** One request of some kind; false when the client is not to go on with its connection. */
    async function ask(client: RawClient): Promise<boolean> {
      asked += 1
      const number = asked
      const size = dice() < 0.5 ? 0 : Math.floor(dice() * 20_000)
      if (size === 0) await client.send(get(`/${number}`, `X-Number: ${number}`))
      else await send(client, number, size)
      if (dice() < 0.08) {
        await turns(Math.ceil(dice() * 200))
        client[dice() < 0.5 ? 'reset' : 'close']()
        return false
      }
      const outcome = await client.nextResponse()
      look(outcome, `${number} /${number} ${size}`)
      return outcome.kind === 'whole' && valuesOf(outcome.response.fields, 'connection').length === 0
    }

    async function live(): Promise<void> {
      while (performance.now() < endsAt) {
        using client = await rawClient(proxy.port)
        let goesOn = true
        while (goesOn && performance.now() < endsAt) goesOn = await ask(client)
      }
    }
    await Promise.all(Array.from({ length: CLIENTS }, live))
    isRunning = false
    expect(strange).toEqual([])
    expect(statuses.get(200)).toBeGreaterThan(100)
    for (const origin of origins) for (const peer of origin.peers) if (peer.open) peer.reset()
    await proxy.nothingLeft()
    for (const endpoint of proxy.upstream('all').endpoints())
      expect(endpoint).toMatchObject({ requests: 0, connections: 0 })
    expect(proxy.events.filter(event => event.kind === 'connection_fault')).toEqual([])
    expect(origins.flatMap(origin => origin.takeFailures())).toEqual([])
    // All is well again, by itself.
    using client = await rawClient(proxy.port)
    for (let good = 0; good < 40; ) {
      await client.send(get('/last', 'X-Number: 0'))
      good = (await client.readResponse()).status === 200 ? good + 1 : 0
    }
    client.close()
    for (const origin of origins) await origin.close()
  })
})
