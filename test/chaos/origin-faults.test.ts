import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { get, head } from '../support/heads.ts'
import type { RawClient } from '../support/raw-client.ts'
import { refusingPort } from '../support/refusing-port.ts'
import { openStage, type Stage } from '../support/stage.ts'
import { valuesOf } from '../support/strict-head.ts'
import { waitFor } from '../support/wait-for.ts'
import { BEHAVIOURS, type BehaviourName, behave } from './origin-behaviours.ts'

const RESPONSE_MS = 300
const IDLE_MS = 250

let stage: Stage
beforeAll(async () => {
  const pool = { idleTimeoutMs: 100 }
  const timeouts = { responseMs: RESPONSE_MS, idleMs: IDLE_MS }
  const stalling = Object.keys(BEHAVIOURS).filter(name => name.includes('stall'))
  stage = await openStage(origin => ({
    upstreams: { a: { endpoints: [origin], pool }, impatient: { endpoints: [origin], pool, timeouts } },
    // Only where it is waited for a deadline is there a short one.
    routes: [
      ...stalling.map(name => ({ to: 'impatient', match: { path: { kind: 'exact', path: `/${name}` } } }) as const),
      { to: 'a' },
    ],
  }))
})
afterEach(() => stage.rest())
afterAll(() => stage[Symbol.asyncDispose]())

/** The record of the last exchange, once all have ended. */
async function lastRecord() {
  await waitFor(() => stage.proxy.stats().exchangesActive === 0, 'exchanges that have ended')
  return (await stage.proxy.reports())[0]!.records.at(-1)!
}

/** After any fault: the proxy has closed the origin's connection, keeps nothing, and a good request works. */
async function expectOrder(client: RawClient) {
  client.close()
  await stage.proxy.nothingLeft()
  await stage.expectGoodRequest()
}

type Row = readonly [behaviour: BehaviourName, status: number, error: string]

const ANSWERED: readonly Row[] = [
  ['close-before-head', 502, 'upstream_closed'],
  ['reset-before-head', 502, 'upstream_closed'],
  ['stall-before-head', 504, 'upstream_response_timeout'],
  ['close-in-head', 502, 'upstream_closed'],
  ['reset-in-head', 502, 'upstream_closed'],
  ['stall-in-head', 504, 'upstream_response_timeout'],
  ['close-behind-interim', 502, 'upstream_closed'],
  ['stall-behind-interim', 504, 'upstream_response_timeout'],
  ['nonsense', 502, 'upstream_response_malformed'],
  ['endless-head', 502, 'upstream_response_malformed'],
  ['endless-line', 502, 'upstream_response_malformed'],
  ['endless-interims', 502, 'upstream_response_malformed'],
]

const CUT: readonly Row[] = [
  ['close-in-length', 200, 'upstream_closed'],
  ['reset-in-length', 200, 'upstream_closed'],
  ['stall-in-length', 200, 'upstream_idle_timeout'],
  ['stall-behind-head', 200, 'upstream_idle_timeout'],
  ['close-in-chunks', 200, 'upstream_closed'],
  ['reset-in-chunks', 200, 'upstream_closed'],
  ['stall-in-chunks', 200, 'upstream_idle_timeout'],
  ['close-in-a-chunk', 200, 'upstream_closed'],
  ['close-in-trailers', 200, 'upstream_closed'],
  ['reset-before-close', 200, 'upstream_closed'],
  ['stall-before-close', 200, 'upstream_idle_timeout'],
  ['too-little', 200, 'upstream_closed'],
  ['malformed-chunk', 200, 'upstream_response_malformed'],
]

describe('an origin that fails before its response has begun', () => {
  it.each(ANSWERED)('(%s) makes %i, and the client may go on', async (behaviour, status, error) => {
    stage.play(behave)
    const client = await stage.client()
    await client.send(get(`/${behaviour}`))
    const response = await client.readResponse()
    expect(response.status).toBe(status)
    expect(valuesOf(response.fields, 'connection')).toEqual([])
    expect(await lastRecord()).toMatchObject({ status, error, retries: 0 })
    for (const connection of stage.connections) await connection.closed
    await client.send(get('/answer'))
    expect((await client.readResponse()).content.toString()).toBe('answer')
    stage.connections.at(-1)!.close()
    await expectOrder(client)
  })
})

describe('an origin that fails within its response', () => {
  it.each(CUT)('(%s) makes a cut that no client takes for whole', async (behaviour, status, error) => {
    stage.play(behave)
    const client = await stage.client()
    await client.send(get(`/${behaviour}`))
    expect(await client.nextResponse()).toMatchObject({ kind: 'cut', status })
    expect(await lastRecord()).toMatchObject({ status, error })
    await expectOrder(client)
  })

  it.each(CUT)('(%s) makes a cut by RST where the client would take FIN for the end', async (behaviour, status) => {
    stage.play(behave)
    const client = await stage.client()
    await client.send(head(`GET /${behaviour} HTTP/1.0`))
    const outcome = await client.nextResponse({ clientVersion: '1.0' })
    // With a length the client sees by itself that something is missing.
    if (valuesOf(headFields(client.received), 'content-length').length > 0) {
      expect(outcome).toMatchObject({ kind: 'cut', status })
    } else {
      expect(outcome).toMatchObject({ kind: 'cut', how: 'reset' })
    }
    await expectOrder(client)
  })
})

function headFields(received: Buffer): (readonly [string, string])[] {
  const lines = received.toString('latin1').split('\r\n\r\n')[0]!.split('\r\n').slice(1)
  return lines.map(line => [line.split(': ')[0]!, line.split(': ')[1] ?? ''] as const)
}

describe('an origin that gives a whole response and then', () => {
  it.each(['close-behind-response', 'reset-behind-response'] as const)(
    'ends (%s) costs nobody anything',
    async name => {
      stage.play(behave)
      const client = await stage.client()
      for (let index = 0; index < 3; index += 1) {
        await client.send(get(`/${name}`))
        expect((await client.readResponse()).content.toString()).toBe('whole')
        for (const connection of stage.connections) await connection.closed
      }
      expect(await lastRecord()).toMatchObject({ status: 200, error: '' })
      await expectOrder(client)
    },
  )

  it.each(['too-much', 'one-answer-too-many'] as const)('goes on (%s) loses its connection', async name => {
    stage.play(behave)
    const client = await stage.client()
    for (let index = 0; index < 3; index += 1) {
      await client.send(get(`/${name}`))
      expect((await client.readResponse()).content.toString()).toBe('whole')
    }
    expect(client.unread.length).toBe(0)
    expect(stage.connections.length).toBe(3)
    await expectOrder(client)
  })
})

describe('an origin that answers before the request is whole', () => {
  const content = Buffer.alloc(3_000_000, 'x')
  const early = ['early-answer', 'early-answer-close', 'early-answer-reset', 'early-answer-stall'] as const

  it.each(early)('(%s) gets its answer to the client, who then has to come again', async name => {
    stage.play(behave)
    const client = await stage.client()
    await client.send(head(`POST /${name} HTTP/1.1`, 'Host: a.example', `Content-Length: ${content.length}`))
    void client.send(content)
    const response = await client.readResponse()
    expect(response.content.toString()).toBe('early')
    // Unless the rest came in time to be read, the next request cannot be found behind it.
    if (valuesOf(response.fields, 'connection').includes('close')) expect(await client.closed).toBe('fin')
    expect(await lastRecord()).toMatchObject({ status: 200, error: '' })
    await expectOrder(client)
  })

  it.each(early)('(%s) gets its answer to a client that does not send the rest', async name => {
    stage.play(behave)
    const client = await stage.client()
    await client.send(head(`POST /${name} HTTP/1.1`, 'Host: a.example', `Content-Length: ${content.length}`))
    await client.send(content.subarray(0, 2_000))
    const response = await client.readResponse()
    expect(response.content.toString()).toBe('early')
    expect(valuesOf(response.fields, 'connection')).toEqual(['close'])
    expect(await client.closed).toBe('fin')
    await expectOrder(client)
  })
})

describe('an origin that fails while the request is being sent', () => {
  const content = Buffer.alloc(30_000_000, 'x')

  it.each([
    ['close-in-request', 502, 'upstream_closed'],
    ['reset-in-request', 502, 'upstream_closed'],
    ['stall-in-request', 504, 'upstream_idle_timeout'],
    ['stall-before-head', 504, 'upstream_idle_timeout'],
  ] as const)('(%s) makes %i', async (name, status, error) => {
    stage.play(behave)
    const client = await stage.client()
    await client.send(head(`POST /${name} HTTP/1.1`, 'Host: a.example', `Content-Length: ${content.length}`))
    void client.send(content)
    const response = await client.readResponse()
    expect(response.status).toBe(status)
    expect(valuesOf(response.fields, 'connection')).toEqual(['close'])
    expect(await lastRecord()).toMatchObject({ status, error })
    await expectOrder(client)
  })
})

describe('an origin that refuses', () => {
  it('makes 502, time and again, and others are served meanwhile', async () => {
    await using dead = await refusingPort()
    await using stageOfTwo = await openStage(origin => ({
      upstreams: { a: [origin], dead: [dead.address] },
      routes: [{ to: 'dead', match: { path: { kind: 'prefix', path: '/dead/' } } }, { to: 'a' }],
    }))
    const client = await stageOfTwo.client()
    for (let index = 0; index < 20; index += 1) {
      await client.send(get('/dead/') + get('/alive'))
      expect((await client.readResponse()).status).toBe(502)
      expect((await client.readResponse()).content.toString()).toBe('/alive')
    }
    await stageOfTwo.rest()
  })
})
