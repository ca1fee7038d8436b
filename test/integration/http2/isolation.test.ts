import { createServer as createHttp1, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttp2, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  dataFrame,
  headersFrame,
  http2Client,
  requestFields,
  resetFrame,
  windowFrame,
} from '../../support/http2-peer.ts'
import { type Listening, listenOn } from '../../support/listen.ts'
import { type SameThreadProxy, startSameThreadProxy } from '../../support/proxy.ts'
import { rawClient } from '../../support/raw-client.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import type { TestRoute } from '../../support/snapshot.ts'
import { waitFor } from '../../support/wait-for.ts'

/** What origins got that was not what its mark says. */
const mixedUp: string[] = []
let copies = 0

const contentOf = (id: string) => `content of ${id};`.repeat(1 + (Number(id) % 40))
const answerTo = (id: string) => `answer to ${id};`.repeat(1 + (Number(id) % 400))

function origin(refuses: boolean, isMirror = false) {
  return (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) => {
    const id = `${request.headers['x-id']}`
    const parts: Buffer[] = []
    request.on('error', () => {})
    response.on('error', () => {})
    request.on('data', part => parts.push(part as Buffer))
    request.on('end', () => {
      const content = Buffer.concat(parts).toString('latin1')
      const isOwn = request.url?.endsWith(`/${id}`) === true && (content === '' || content === contentOf(id))
      if (!isOwn && request.headers['x-fault'] === undefined) mixedUp.push(`${id}: ${request.url} ${content}`)
      if (isMirror) copies += 1
      response.statusCode = refuses ? 503 : 200
      const answer = () => response.end(refuses ? 'not here' : answerTo(id))
      if (Number(id) % 3 === 0) setImmediate(answer)
      else answer()
    })
  }
}

const listening: Listening[] = []
async function http1(refuses = false, isMirror = false) {
  const server = await listenOn(createHttp1(origin(refuses, isMirror)))
  listening.push(server)
  return server.address
}
async function http2(refuses = false, isMirror = false) {
  const server = await listenOn(createHttp2(origin(refuses, isMirror)))
  listening.push(server)
  return server.address
}

const under = (name: string, to: TestRoute['to'], more: Partial<TestRoute> = {}): TestRoute => ({
  match: { path: { kind: 'prefix', path: `/${name}/` } },
  to,
  ...more,
})
const KINDS = ['http1', 'http2', 'again1', 'again2', 'copied1', 'copied2', 'falls1', 'falls2', 'hedged', 'few', 'own']

let proxy: SameThreadProxy
beforeAll(async () => {
  const refusing = await refusingPort()
  listening.push(refusing)
  const dead = { endpoints: [refusing.address], passive: null }
  const retry = { attempts: 3, statuses: [503], budget: 100, nonIdempotent: true, methods: ['GET', 'POST'] }
  const one = await http1()
  const two = await http2()
  const mirror = { share: 1, concurrencyMax: 1000, contentBytesMax: 1_000_000 }
  proxy = await startSameThreadProxy({
    upstreams: {
      http1: [one],
      http2: { endpoints: [two], protocol: 'h2c' },
      again1: { endpoints: [await http1(true), one], retry, passive: null },
      again2: { endpoints: [await http2(true), two], protocol: 'h2c', retry, passive: null },
      mirror1: [await http1(false, true)],
      mirror2: { endpoints: [await http2(false, true)], protocol: 'h2c' },
      dead,
      hedged: { endpoints: [one], hedge: { afterMs: 1, budget: 1 } },
      few: { endpoints: [{ address: one, connectionsMax: 2 }], queue: { size: 1000, timeoutMs: 5000 } },
    },
    routes: [
      under('http1', 'http1'),
      under('http2', 'http2'),
      under('again1', 'again1'),
      under('again2', 'again2'),
      under('copied1', 'http2', { mirror: { ...mirror, upstream: 4 } }),
      under('copied2', 'http1', { mirror: { ...mirror, upstream: 5 } }),
      under('falls1', 'dead', { fallback: 0 }),
      under('falls2', 'dead', { fallback: 1 }),
      under('hedged', 'hedged'),
      under('few', 'few'),
      under('own', { kind: 'respond', status: 200, fields: [], content: Buffer.from('of our own') }),
    ],
  })
})
afterAll(async () => {
  await proxy.stop()
  await Promise.all(listening.map(server => server.close()))
})

/** What a stream does that goes wrong, in frames behind its head. */
const FAULTS: readonly ((stream: number) => Buffer)[] = [
  stream => resetFrame(stream, 8),
  stream => windowFrame(stream, 0),
  stream => dataFrame(stream, 'more than it says, and then some'.repeat(40), true),
  stream => headersFrame(stream, [[':path', '/']], true),
  stream => Buffer.concat([dataFrame(stream, 'x'), resetFrame(stream, 8)]),
]

const wanted = (kind: string, id: string) => (kind === 'own' ? 'of our own' : answerTo(id))
let next = 0

describe('streams side by side, on routes of every kind', () => {
  it('get their own answers, and no others, whatever goes wrong on those beside them', async () => {
    using peer = await http2Client(proxy.port)
    for (let round = 0, stream = 1; round < 5; round += 1) {
      const good: { stream: number; kind: string; id: string }[] = []
      const frames: Buffer[] = []
      const tails: Buffer[] = []
      for (let index = 0; index < 66; index += 1, stream += 2, next += 1) {
        const kind = KINDS[next % KINDS.length] as string
        const id = `${next}`
        const fault = next % 4 === 3 ? FAULTS[next % FAULTS.length] : undefined
        const posts = fault !== undefined || next % 3 === 1
        const content = contentOf(id)
        const fields = requestFields(posts ? 'POST' : 'GET', `/${kind}/${id}`, ['x-id', id])
        const marked =
          fault === undefined ? fields : ([...fields, ['x-fault', 'yes'], ['content-length', '999']] as const)
        frames.push(headersFrame(stream, marked, !posts))
        if (fault !== undefined) tails.push(fault(stream))
        else if (posts) tails.push(dataFrame(stream, content.slice(0, 7)), dataFrame(stream, content.slice(7), true))
        if (fault === undefined) good.push({ stream, kind, id })
      }
      await peer.send(...frames, ...tails)
      for (const { stream, kind, id } of good) {
        const { head, content } = await peer.message(stream)
        expect([kind, id, head.get(':status'), content.toString('latin1')]).toEqual([kind, id, '200', wanted(kind, id)])
      }
    }
    expect(peer.open).toBe(true)
    expect(mixedUp).toEqual([])
    expect(proxy.events).toEqual([])
  })

  it('and so do pipelined requests of HTTP/1.1 beside them', async () => {
    using peer = await http2Client(proxy.port)
    const first = next
    next += 66
    const asked = Array.from({ length: 66 }, (_, index) => ({
      stream: 1 + index * 2,
      kind: KINDS[index % KINDS.length] as string,
      id: `${first + index}`,
    }))
    using client = await rawClient(proxy.port)
    const piped = KINDS.map((kind, index) => ({ kind, id: `${next + index}` }))
    next += KINDS.length
    await Promise.all([
      client.send(
        piped.map(({ kind, id }) => `GET /${kind}/${id} HTTP/1.1\r\nHost: example.com\r\nX-Id: ${id}\r\n\r\n`).join(''),
      ),
      peer.send(
        ...asked.map(({ stream, kind, id }) =>
          headersFrame(stream, requestFields('GET', `/${kind}/${id}`, ['x-id', id]), true),
        ),
      ),
    ])
    for (const { kind, id } of piped) {
      const { status, content } = await client.readResponse()
      expect([kind, id, status, content.toString('latin1')]).toEqual([kind, id, 200, wanted(kind, id)])
    }
    for (const { stream, kind, id } of asked) {
      expect([kind, id, (await peer.message(stream)).content.toString('latin1')]).toEqual([kind, id, wanted(kind, id)])
    }
    await waitFor(() => copies > 60, 'copies of what was to be copied')
    expect(mixedUp).toEqual([])
    expect(proxy.events).toEqual([])
  })
})
