import { describe, expect, it } from 'vitest'
import { chunk, get, head, lastChunk, ok } from '../../support/heads.ts'
import { startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { type RawClient, type ResponseOutcome, rawClient } from '../../support/raw-client.ts'
import { type ScriptedConnection, scriptedOrigin } from '../../support/scripted-origin.ts'
import type { TestUpstream } from '../../support/snapshot.ts'
import { valuesOf } from '../../support/strict-head.ts'
import type { StrictRequest } from '../../support/strict-request.ts'
import { turns } from '../../support/turns.ts'
import { later } from './scene.ts'

/**
 * Everything at once: whatever origins and clients do, by chance, each client gets whole answers to its own requests or
 * none, and in the end nothing is left and every count is zero.
 */

const RUN_MS = 1_500
const CLIENTS = 24
const SEED = 20_261_120

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

/** An answer from which a client can tell that it is the one to its request, and to all of it. */
function answerTo({ target, content, fields }: StrictRequest): string {
  return ok(`${valuesOf(fields, 'x-number')[0]} ${target} ${content.length}`)
}

type Fault = (connection: ScriptedConnection, request: StrictRequest) => Promise<unknown> | unknown

const FAULTS: readonly Fault[] = [
  connection => connection.reset(),
  connection => connection.close(),
  connection => connection.send(`${head('HTTP/1.1 503 Busy', 'Content-Length: 4', 'X-Wrong: 1')}busy`),
  connection => connection.send(head('HTTP/1.1 500 Broken', 'Content-Length: 0')),
  async connection => {
    await connection.send('HTTP/1.1 200 OK\r\nX-Wrong')
    await connection.closed
  },
  async connection => {
    await connection.send('HTTP/1.1 200 OK\r\nX-Wrong: 1\r\n')
    connection.reset()
  },
  async connection => {
    await connection.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 1000')}half`)
    connection.reset()
  },
  async (connection, request) => {
    await connection.send(head('HTTP/1.1 103 Early Hints'))
    await connection.send(answerTo(request))
  },
  (connection, request) => later(120, () => connection.send(answerTo(request))),
  connection => connection.closed,
  async (connection, request) => {
    await connection.send(answerTo(request).replace('\r\n', '\r\nConnection: close\r\n'))
    connection.close()
  },
]

const UPSTREAM: Omit<TestUpstream, 'endpoints'> = {
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
  pool: { idleTimeoutMs: 500 },
  passive: { consecutive: 5, ejectMs: 50, ejectMaxMs: 100 },
  circuitBreaker: { scope: 'both', minimum: 30, failureRatio: 0.9, openMs: 50, windowMs: 500 },
  hedge: { afterMs: 30, budget: 0.5 },
  sticky: {},
  queue: { size: 50, timeoutMs: 300 },
  adaptiveConcurrency: { initial: 30, minimum: 10, maximum: 100, tolerance: 10 },
  slowStartMs: 100,
  panicThreshold: 0.3,
}

describe('faults of origins and clients at random, with everything that an upstream can do', () => {
  it.each([1, 4])('leave nothing behind, and no client with what is not its own: pipelining %i', async pipelining => {
    const dice = random(SEED + pipelining)
    const play = async (connection: ScriptedConnection) => {
      for (;;) {
        const request = await connection.expectRequest()
        const fault = dice() < 0.3 ? FAULTS[Math.floor(dice() * FAULTS.length)] : undefined
        if (fault !== undefined && isRunning) await fault(connection, request)
        else await connection.send(answerTo(request))
      }
    }
    let isRunning = true
    const origins = await Promise.all([1, 2, 3, 4].map(() => scriptedOrigin(play)))
    const endpoints = origins.map(({ address }, index) => {
      return { address, name: `${index}`, connectionsMax: 4, backup: index === 3 }
    })
    await using proxy = await startInstrumentedProxy({
      workers: 2,
      upstreams: { all: { ...UPSTREAM, endpoints, pool: { ...UPSTREAM.pool!, pipelining } } },
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
      const chunked = dice() < 0.3
      const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${size}`
      await client.send(head(`${dice() < 0.3 ? 'POST' : 'PUT'} /${number} HTTP/1.1`, ...fields, framing))
      if (dice() < 0.5) await turns(Math.ceil(dice() * 50))
      await client.send(chunked ? (size > 0 ? chunk(content) : '') + lastChunk('X-Sum: 1') : content)
    }

    /** One request of some kind; false when the client is not to go on with its connection. */
    async function ask(client: RawClient): Promise<boolean> {
      asked += 1
      const number = asked
      const size = dice() < 0.5 ? 0 : Math.floor(dice() * 10_000)
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
    for (const origin of origins) for (const connection of origin.connections) if (connection.open) connection.reset()
    await proxy.nothingLeft()
    const control = proxy.upstream('all')
    for (const endpoint of control.endpoints()) expect(endpoint).toMatchObject({ requests: 0, connections: 0 })
    expect(proxy.events.filter(event => event.kind === 'connection_fault')).toEqual([])
    expect(origins.flatMap(origin => origin.takeFailures())).toEqual([])
    // All is well again, by itself.
    using client = await rawClient(proxy.port)
    const opened = () => origins.reduce((sum, { connections }) => sum + connections.length, 0)
    let before = 0
    for (let good = 0; good < 40; ) {
      await client.send(get('/last', 'X-Number: 0'))
      const response = await client.readResponse()
      good = response.status === 200 ? good + 1 : 0
      if (good <= 1) before = opened()
    }
    // Nobody is taken to wait for connections: they are kept.
    expect(opened() - before).toBeLessThan(20)
    client.close()
    for (const origin of origins) await origin.close()
  })
})
