import { describe, expect, it } from 'vitest'
import { chunk, get, head, lastChunk, post } from '../support/heads.ts'
import { type RawClient, type ResponseOutcome, rawClient } from '../support/raw-client.ts'
import { openStage } from '../support/stage.ts'
import { BEHAVIOURS, behave } from './origin-behaviours.ts'

const DEADLINE_MS = 200
/** Clients at once. */
const CROWD = 24

type ClientBehaviour = (client: RawClient, target: string) => Promise<ResponseOutcome | null>

const much = Buffer.alloc(2_000_000, 'x')

/** What clients do with a request for `target`; the outcome of what they wait for. */
const CLIENTS: Record<string, ClientBehaviour> = {
  async asks(client, target) {
    await client.send(get(target))
    return client.nextResponse()
  },
  async 'asks in HTTP/1.0'(client, target) {
    await client.send(head(`GET ${target} HTTP/1.0`))
    return client.nextResponse({ clientVersion: '1.0' })
  },
  async 'asks byte by byte'(client, target) {
    const request = get(target)
    await client.sendSplit(
      request,
      Array.from(request, (_, at) => at),
    )
    return client.nextResponse()
  },
  async 'asks three times at once'(client, target) {
    await client.send(get(target) + get(target) + get(target))
    await client.nextResponse()
    await client.nextResponse()
    return client.nextResponse()
  },
  async 'sends content'(client, target) {
    await client.send(post(target, 'x'.repeat(2_000)))
    return client.nextResponse()
  },
  async 'sends chunks'(client, target) {
    await client.send(head(`PUT ${target} HTTP/1.1`, 'Host: a', 'Transfer-Encoding: chunked'))
    await client.send(chunk('x'.repeat(2_000)))
    await client.send(chunk('y') + lastChunk())
    return client.nextResponse()
  },
  async 'sends much content'(client, target) {
    void client.send(head(`PUT ${target} HTTP/1.1`, 'Host: a', `Content-Length: ${much.length}`))
    void client.send(much)
    return client.nextResponse()
  },
  async 'asks and leaves'(client, target) {
    await client.send(get(target))
    return null
  },
  async 'asks and resets'(client, target) {
    await client.send(get(target))
    client.reset()
    return null
  },
  async 'leaves in the content'(client, target) {
    await client.send(head(`PUT ${target} HTTP/1.1`, 'Host: a', `Content-Length: ${much.length}`))
    await client.send(much.subarray(0, 100_000))
    return null
  },
  async 'leaves at the first byte'(client, target) {
    await client.send(get(target))
    await client.readUntil(unread => unread.length > 0).catch(() => {})
    return null
  },
  async 'stalls in the content'(client, target) {
    await client.send(head(`PUT ${target} HTTP/1.1`, 'Host: a', `Content-Length: ${much.length}`))
    return client.nextResponse()
  },
}

describe('every fault of an origin with every kind of client, many at once', () => {
  it.each([1, 8])('ends well with pipelining %i: an answer or a cut, nothing left behind', async pipelining => {
    await using stage = await openStage(origin => ({
      listeners: [{ timeouts: { contentMs: DEADLINE_MS } }],
      upstreams: {
        a: {
          endpoints: [origin],
          pool: { pipelining, idleTimeoutMs: DEADLINE_MS },
          timeouts: { responseMs: DEADLINE_MS, idleMs: DEADLINE_MS },
        },
      },
    }))
    stage.play(behave)
    const pairs = Object.keys(BEHAVIOURS).flatMap(origin =>
      Object.entries(CLIENTS).map(client => [origin, client] as const),
    )
    // Neighbours in time should have little in common.
    const left = pairs.map((_, index) => pairs[(index * 89) % pairs.length]!)
    expect(new Set(left).size).toBe(pairs.length)
    const strange: string[] = []
    const work = async () => {
      for (let pair = left.pop(); pair !== undefined; pair = left.pop()) {
        const [origin, [name, behaviour]] = pair
        using client = await rawClient(stage.proxy.port)
        const outcome = await behaviour(client, `/${origin}`).catch((error: Error) => error)
        if (outcome instanceof Error) strange.push(`${name}, ${origin}: ${outcome.message}`)
        else if (outcome?.kind === 'malformed') strange.push(`${name}, ${origin}: ${outcome.reason}`)
        else if (origin === 'answer' && outcome?.kind === 'cut') strange.push(`${name}: cut`)
      }
    }
    await Promise.all(Array.from({ length: CROWD }, work))
    expect(strange).toEqual([])
    await stage.rest()
    await stage.expectGoodRequest()
  })
})
