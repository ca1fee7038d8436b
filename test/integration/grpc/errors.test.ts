import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ErrorPageSnapshot } from '../../../engine/snapshot.ts'
import { chunk, head, lastChunk } from '../../support/heads.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import { valuesOf } from '../../support/strict-head.ts'
import type { StrictResponse } from '../../support/strict-response.ts'
import { byName, FORGIVING, openScene, type Player, type Scene } from '../upstream/scene.ts'

const PAGE: ErrorPageSnapshot = {
  statuses: [[400, 599]],
  intercepts: true,
  status: 200,
  fields: [['Content-Type', 'text/html']],
  content: 'a page',
}

const MESSAGE = '\0\0\0\0\x02hi'

function call(target: string, ...fields: string[]): string {
  return (
    head(
      `POST ${target} HTTP/1.1`,
      'Host: a.example',
      'Content-Type: application/grpc+proto',
      'TE: trailers',
      `Content-Length: ${MESSAGE.length}`,
      ...fields,
    ) + MESSAGE
  )
}

const GRPC_HEAD = head('HTTP/1.1 200 OK', 'Content-Type: application/grpc+proto', 'Transfer-Encoding: chunked')

/** A response whose status is in its trailers. */
function answered(status: number): string {
  return `${GRPC_HEAD}${chunk(MESSAGE)}${lastChunk(`grpc-status: ${status}`)}`
}

/** A response without messages. */
function refused(status: number): string {
  return head(
    'HTTP/1.1 200 OK',
    'Content-Type: application/grpc+proto',
    `grpc-status: ${status}`,
    'grpc-message: no',
    'Content-Length: 0',
  )
}

const dead = await refusingPort()
let scene: Scene
let a: Player
let b: Player
beforeAll(async () => {
  scene = await openScene('ab', (first, second) => {
    const endpoints = [{ address: first.address, name: 'a' }]
    const both = [first, second].map(({ address, name }, priority) => ({ address, name, priority }))
    const { upstreams, routes } = byName(
      {
        plain: { endpoints, ...FORGIVING },
        dead: { endpoints: [{ address: dead.address, name: 'dead' }], ...FORGIVING },
        late: { endpoints, ...FORGIVING, timeouts: { responseMs: 100 } },
        short: { endpoints, ...FORGIVING },
        long: { endpoints, ...FORGIVING },
        retried: { endpoints: both, passive: null, retry: { budget: 10, grpcStatuses: [14] } },
        broken: { endpoints, retry: { budget: 10 }, circuitBreaker: { minimum: 2, failureRatio: 0.5, openMs: 60_000 } },
        deadlines: { endpoints, retry: { budget: 10 }, circuitBreaker: { minimum: 2, failureRatio: 0.5 } },
      },
      {
        dead: { response: { set: [['Access-Control-Allow-Origin', [{ kind: 'header', name: 'origin' }]]] } },
        short: { timeouts: { totalMs: 100 } },
        long: { timeouts: { totalMs: 60_000 } },
      },
    )
    return {
      upstreams,
      routes: [
        ...routes,
        {
          name: 'closed',
          match: { path: { kind: 'prefix', path: '/closed/' } },
          to: {
            kind: 'respond',
            status: 503,
            fields: [['Content-Type', 'text/plain; charset=utf-8']],
            content: Buffer.from('Zurück 100% um 8\n'),
          },
        },
      ],
      errorPages: [PAGE],
    }
  })
  ;[a, b] = scene.origins as [Player, Player]
})
afterEach(() => scene.rest())
afterAll(async () => {
  await scene[Symbol.asyncDispose]()
  await dead.close()
})

async function callAt(target: string, ...fields: string[]): Promise<StrictResponse> {
  const client = await scene.client()
  await client.send(call(target, ...fields))
  return await client.readResponse({ method: 'POST' })
}

function statusOf({ fields }: StrictResponse): string {
  return valuesOf(fields, 'grpc-status').join()
}

describe('an error of the proxy itself', () => {
  it.each([
    ['/nowhere', '12', 'no_route'],
    ['/dead/Service/Method', '14', 'upstream_connect_failed'],
    ['/late/Service/Method', '4', 'upstream_response_timeout'],
    ['/short/Service/Method', '4', 'exchange_timeout'],
  ])('at %s is told to a call as status %s, in a head without content or page', async (target, status, error) => {
    a.play(async connection => {
      await connection.expectRequest()
      await connection.stall()
    })
    const response = await callAt(target)
    expect(response.status).toBe(200)
    expect(valuesOf(response.fields, 'content-type')).toEqual(['application/grpc+proto'])
    expect(statusOf(response)).toBe(status)
    expect(valuesOf(response.fields, 'grpc-message')).toHaveLength(1)
    expect(response.content.length).toBe(0)
    expect((await scene.records(1))[0]).toMatchObject({ status: 200, grpcStatus: Number(status), error })
  })

  it('has what the route adds to its responses, values of the request among it', async () => {
    const response = await callAt('/dead/S/M', 'Origin: https://app.example')
    expect(valuesOf(response.fields, 'access-control-allow-origin')).toEqual(['https://app.example'])
  })

  it('leaves requests that are no calls their page', async () => {
    const { status, content } = await scene.get('/nowhere')
    expect([status, content.toString()]).toEqual([200, 'a page'])
    expect((await scene.records(1))[0]).toMatchObject({ grpcStatus: -1 })
  })

  it('is told to a call of gRPC-Web in its own media type', async () => {
    const client = await scene.client()
    await client.send(call('/nowhere').replace('application/grpc+proto', 'application/grpc-web-text'))
    const { fields } = await client.readResponse({ method: 'POST' })
    expect(valuesOf(fields, 'content-type')).toEqual(['application/grpc-web-text'])
  })

  it('cuts a response that has begun', async () => {
    a.play(async connection => {
      await connection.expectRequest()
      await connection.send(GRPC_HEAD + chunk(MESSAGE))
      connection.reset()
    })
    const client = await scene.client()
    await client.send(call('/plain/S/M'))
    expect(await client.nextResponse({ method: 'POST' })).toMatchObject({ kind: 'cut', status: 200 })
    expect((await scene.records(1))[0]).toMatchObject({ grpcStatus: -1, error: 'upstream_closed' })
  })

  it('is also what an error becomes that a route answers with: plain text is its message', async () => {
    const response = await callAt('/closed/S/M')
    expect(response.status).toBe(200)
    expect(statusOf(response)).toBe('14')
    expect(valuesOf(response.fields, 'grpc-message')).toEqual(['Zur%C3%BCck 100%25 um 8'])
  })
})

describe('the deadline of a call', () => {
  it('ends it, whatever the route gives it', async () => {
    a.play(async connection => {
      await connection.expectRequest()
      await connection.stall()
    })
    const response = await callAt('/long/S/M', 'grpc-timeout: 50m')
    expect(statusOf(response)).toBe('4')
    expect((await scene.records(1))[0]).toMatchObject({ error: 'grpc_deadline', flag: 'DT' })
  })

  it('does not lengthen that of the route', async () => {
    a.play(async connection => {
      await connection.expectRequest()
      await connection.stall()
    })
    expect(statusOf(await callAt('/short/S/M', 'grpc-timeout: 8H'))).toBe('4')
    expect((await scene.records(1))[0]).toMatchObject({ error: 'exchange_timeout' })
  })

  it('goes on to the origin as it is, and so does what is none', async () => {
    a.playEach(connection => connection.send(answered(0)))
    await callAt('/plain/S/M', 'grpc-timeout: 10S')
    await callAt('/plain/S/M', 'grpc-timeout: soon')
    expect(a.requests.map(({ fields }) => valuesOf(fields, 'grpc-timeout'))).toEqual([['10S'], ['soon']])
  })

  it('says nothing of an endpoint that reports it', async () => {
    a.playEach(connection => connection.send(refused(4)))
    for (let count = 0; count < 4; count += 1) {
      expect(statusOf(await callAt('/deadlines/S/M', 'grpc-timeout: 10S'))).toBe('4')
    }
    expect(a.requests).toHaveLength(4)
  })
})

describe('a response of the origin', () => {
  it('goes on with its status, which the record has', async () => {
    a.playEach(connection => connection.send(answered(5)))
    const response = await callAt('/plain/S/M')
    expect(response.content.toString()).toBe(MESSAGE)
    expect(valuesOf(response.trailers, 'grpc-status')).toEqual(['5'])
    expect((await scene.records(1))[0]).toMatchObject({ status: 200, grpcStatus: 5 })
  })

  it('that is none of gRPC goes on as it is, and no page takes its place', async () => {
    a.playEach(connection => connection.send(`${head('HTTP/1.1 502 Bad', 'Content-Length: 3')}bad`))
    const response = await callAt('/plain/S/M')
    expect([response.status, response.content.toString()]).toEqual([502, 'bad'])
  })

  it('with a status that the route names is asked of another endpoint, although it is a POST', async () => {
    a.playEach(connection => connection.send(refused(14)))
    b.playEach(connection => connection.send(answered(0)))
    const response = await callAt('/retried/S/M')
    expect(valuesOf(response.trailers, 'grpc-status')).toEqual(['0'])
    expect(b.requests.map(({ content }) => content.toString())).toEqual([MESSAGE])
    expect((await scene.records(1))[0]).toMatchObject({ grpcStatus: 0, retries: 1, endpoint: 'b' })
  })

  it('with another status, or with messages, is not', async () => {
    a.playEach(connection => connection.send(refused(8)))
    expect(statusOf(await callAt('/retried/S/M'))).toBe('8')
    a.playEach(connection => connection.send(answered(14)))
    expect(valuesOf((await callAt('/retried/S/M')).trailers, 'grpc-status')).toEqual(['14'])
    expect(b.requests).toHaveLength(0)
  })

  it('with a status that is the fault of the server counts for circuits, in trailers too', async () => {
    a.playEach((connection, { target }) => connection.send(answered(target.endsWith('bad') ? 13 : 0)))
    await callAt('/broken/S/bad')
    await callAt('/broken/S/bad')
    expect(statusOf(await callAt('/broken/S/good'))).toBe('14')
    expect((await scene.records(3))[2]).toMatchObject({ grpcStatus: 14, error: 'upstream_circuit_open' })
  })
})
