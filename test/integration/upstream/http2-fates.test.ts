import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Address } from '../../../engine/snapshot.ts'
import { get, head, post } from '../../support/heads.ts'
import {
  answering,
  DATA,
  dataFrame,
  END_STREAM,
  GOAWAY,
  goawayFrame,
  HEADERS,
  type Http2Peer,
  type Http2Script,
  headersFrame,
  type Message,
  resetFrame,
  responseFields,
} from '../../support/http2-peer.ts'
import { type Http2Scene, openHttp2Scene } from './http2-scene.ts'
import { byName, FORGIVING } from './scene.ts'

const INTERNAL_ERROR = 2
const REFUSED_STREAM = 7
const ENHANCE_YOUR_CALM = 11

let scene: Http2Scene
let addresses: [Address, Address]
beforeAll(async () => {
  scene = await openHttp2Scene(2, (a, b) => {
    addresses = [a!, b!]
    return options(0, a!, b!)
  })
})
afterEach(() => scene.rest())
afterAll(() => scene[Symbol.asyncDispose]())

/** `round` makes one configuration different from another. */
function options(round: number, a: Address, b: Address) {
  const endpoints = [a, b].map((address, priority) => ({ address, name: 'ab'[priority]!, priority }))
  const plain = { ...FORGIVING, protocol: 'h2c' as const }
  return byName(
    {
      two: { ...plain, endpoints, retry: { ...FORGIVING.retry, attempts: 1, statuses: [503] } },
      one: {
        ...plain,
        endpoints: endpoints.slice(0, 1),
        retry: { ...FORGIVING.retry, attempts: 0 },
        pool: { idleMax: 100 + round },
      },
      hedged: { ...plain, endpoints, hedge: { afterMs: 60, budget: 10 } },
      full: { ...plain, endpoints: [{ ...endpoints[0]!, connectionsMax: 1 }], queue: {} },
      mirrored: { ...plain, endpoints: endpoints.slice(0, 1) },
      mirror: { ...plain, endpoints: endpoints.slice(1) },
    },
    { mirrored: { mirror: { upstream: 5, share: 1, concurrencyMax: 10, contentBytesMax: 1_000_000 } } },
  )
}

async function ask(request: string) {
  const client = await scene.client()
  await client.send(request)
  return await client.readResponse()
}

const answer = (peer: Http2Peer, { stream }: { stream: number }, content: string) =>
  peer.send(headersFrame(stream, responseFields(200)), dataFrame(stream, content, true))

/** Answers what comes with its name, but for the first `count` requests over all connections, with which it does something else. */
function atFirst(count: number, first: (peer: Http2Peer, request: Message) => unknown, name = 'later'): Http2Script {
  let left = count
  return answering((peer, request) => {
    left -= 1
    return left >= 0 ? first(peer, request) : answer(peer, request, name)
  })
}

const sayB = answering((peer, request) => answer(peer, request, 'b'))

describe('a status that another endpoint is asked for', () => {
  it.each([
    ['GET', get('/two/'), 200, 1],
    ['POST', post('/two/', 'x'), 503, 0],
  ])('asks it where that may be done with a %s', async (_, request, status, retries) => {
    scene.play(answering((peer, { stream }) => peer.send(headersFrame(stream, responseFields(503), true))))
    scene.play(sayB, 1)
    expect((await ask(request)).status).toBe(status)
    expect((await scene.records(1))[0]).toMatchObject({ status, retries })
  })
})

describe('a stream that is refused', () => {
  const refuse = (peer: Http2Peer, { stream }: Message) => peer.send(resetFrame(stream, REFUSED_STREAM))

  it('is sent once more to the same endpoint, whatever the method, on another connection', async () => {
    scene.play(atFirst(1, refuse))
    expect((await ask(post('/one/', 'x'))).content.toString()).toBe('later')
    expect(scene.peers().length).toBe(2)
    expect((await scene.records(1))[0]).toMatchObject({ retries: 1, error: '' })
  })

  it('is sent to the next endpoint when it is refused again', async () => {
    scene.play(atFirst(100, refuse))
    scene.play(sayB, 1)
    expect((await ask(post('/two/', 'x'))).content.toString()).toBe('b')
  })

  it.each([
    ['is sent once more with content that came later, as far as that is kept', 1_000, 200],
    ['is not sent once more where its content was more than is kept', 200_000, 502],
  ])('%s', async (_, size, status) => {
    scene.play(async peer => {
      for (let left = size; left > 0; ) left -= (await peer.expect(DATA)).payload.length
      if (peer === scene.peers()[0]) await peer.send(resetFrame(1, REFUSED_STREAM))
      else await peer.send(headersFrame(1, responseFields(200)), dataFrame(1, `${size}`, true))
    })
    const client = await scene.client()
    await client.send(head('POST /one/ HTTP/1.1', 'Host: a', `Content-Length: ${size}`))
    await (await scene.peer(0)).seen(({ type }) => type === HEADERS)
    await client.send('x'.repeat(size))
    const answered = await client.readResponse()
    expect(answered.status).toBe(status)
    if (status === 200) expect(answered.content.toString()).toBe(`${size}`)
    expect(scene.peers().length).toBe(status === 200 ? 2 : 1)
  })

  it('fails the request when nobody is left', async () => {
    scene.play(atFirst(100, refuse))
    expect((await ask(post('/one/', 'x'))).status).toBe(502)
    expect((await scene.records(1))[0]).toMatchObject({ error: 'upstream_refused', errorDetail: 'REFUSED_STREAM' })
  })
})

describe('a stream that is reset', () => {
  const reset = (peer: Http2Peer, { stream }: Message) => peer.send(resetFrame(stream, INTERNAL_ERROR))

  it('is asked of another endpoint where that is safe', async () => {
    scene.play(atFirst(100, reset))
    scene.play(sayB, 1)
    expect((await ask(get('/two/'))).content.toString()).toBe('b')
    expect((await ask(post('/two/', 'x'))).status).toBe(502)
    expect(scene.peers().length).toBe(1)
  })

  it('in the middle of its response cuts the client', async () => {
    scene.play(
      atFirst(1, async (peer, { stream }) => {
        await peer.send(headersFrame(stream, responseFields(200)), dataFrame(stream, 'half'))
        await peer.send(resetFrame(stream, INTERNAL_ERROR))
      }),
    )
    const client = await scene.client()
    await client.send(get('/two/'))
    expect(await client.nextResponse()).toMatchObject({ kind: 'cut', status: 200 })
    expect((await ask(get('/two/'))).content.toString()).toBe('later')
  })

  it('with an interim response before it has been received', async () => {
    scene.play(
      atFirst(1, async (peer, { stream }) => {
        await peer.send(headersFrame(stream, responseFields(103)), resetFrame(stream, INTERNAL_ERROR))
      }),
    )
    scene.play(sayB, 1)
    const { status, interim } = await ask(post('/two/', 'x'))
    expect([status, interim.length]).toEqual([502, 1])
  })

  it('without an error behind a whole response is none of our business', async () => {
    scene.play(async peer => {
      const { stream } = await peer.section()
      await peer.send(headersFrame(stream, responseFields(200, ['content-length', '0']), true), resetFrame(stream, 0))
      await sayB(peer, 0)
    })
    const client = await scene.client()
    await client.send(`${head('POST /one/ HTTP/1.1', 'Host: a', 'Content-Length: 9')}some`)
    expect((await client.readResponse()).status).toBe(200)
    expect((await ask(get('/one/'))).content.toString()).toBe('b')
    expect(scene.peers().length).toBe(1)
  })
})

describe('GOAWAY', () => {
  it('has what is behind its last stream sent once more, and what is before it answered', async () => {
    scene.play(async (peer, index) => {
      if (peer !== scene.peers()[0]) return sayB(peer, index)
      const warm = await peer.message()
      await answer(peer, warm, 'warm')
      const first = await peer.message()
      await peer.message()
      await peer.send(goawayFrame(first.stream, 0))
      await answer(peer, first, 'first')
      expect(await peer.closed).toBe('fin')
    })
    await ask(get('/one/'))
    const client = await scene.client()
    await client.send(post('/one/first', 'x'))
    await (await scene.peer(0)).seen(({ type, stream }) => type === HEADERS && stream === 3)
    const second = ask(post('/one/second', 'x'))
    expect((await second).content.toString()).toBe('b')
    expect((await client.readResponse()).content.toString()).toBe('first')
    expect(scene.peers().length).toBe(2)
    expect((await scene.records(3)).map(({ error }) => error)).toEqual(['', '', ''])
  })

  it('with an error has the rest sent once more, too', async () => {
    scene.play(
      atFirst(1, async (peer, { stream }) => {
        await peer.send(goawayFrame(stream - 2 < 0 ? 0 : stream - 2, ENHANCE_YOUR_CALM, 'too much'))
        peer.end()
      }),
    )
    expect((await ask(post('/one/', 'x'))).content.toString()).toBe('later')
  })

  it('between two requests leads the next one to another connection', async () => {
    scene.play(
      answering(async (peer, request) => {
        await answer(peer, request, 'a')
        await peer.send(goawayFrame(request.stream, 0))
      }),
    )
    for (let round = 0; round < 3; round += 1) {
      expect((await ask(get('/one/'))).content.toString()).toBe('a')
      await (await scene.peer(round)).closed
    }
    expect(scene.peers().length).toBe(3)
  })
})

describe('a connection that breaks', () => {
  it('gives each stream the fate that it has earned', async () => {
    scene.play(
      atFirst(3, async peer => {
        const heads = () => peer.received.filter(({ type }) => type === HEADERS).length
        if (heads() < 3) return
        await peer.send(headersFrame(1, responseFields(200)), dataFrame(1, 'half'))
        await peer.settled()
        peer.reset()
      }),
    )
    scene.play(sayB, 1)
    const half = await scene.client()
    await half.send(get('/two/half'))
    await (await scene.peer(0)).seen(({ type }) => type === HEADERS)
    const [safe, unsafe] = await Promise.all([ask(get('/two/get')), ask(post('/two/post', 'x'))])
    expect(await half.nextResponse()).toMatchObject({ kind: 'cut', status: 200 })
    expect([safe.content.toString(), unsafe.status]).toEqual(['b', 502])
  })

  it('as we write to it costs one more try on a fresh one', async () => {
    scene.play(
      answering(async (peer, request) => {
        await answer(peer, request, `${scene.peers().indexOf(peer)}`)
        peer.open && peer.reset()
      }),
    )
    for (const expected of ['0', '1', '2']) expect((await ask(get('/one/'))).content.toString()).toBe(expected)
  })

  it('with a preface of HTTP/1.1 is told of as malformed', async () => {
    scene.play(peer => peer.send('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'))
    expect((await ask(post('/one/', 'x'))).status).toBe(502)
    expect((await scene.records(1))[0]).toMatchObject({ error: 'upstream_response_malformed' })
  })
})

describe('a request over HTTP/2', () => {
  it('is asked of another endpoint for the status of its response', async () => {
    scene.play(answering((peer, { stream }) => peer.send(headersFrame(stream, responseFields(503), true))))
    scene.play(sayB, 1)
    expect((await ask(get('/two/'))).content.toString()).toBe('b')
    expect(scene.proxy.stats().inFlight.every(({ requests }) => requests === 0)).toBe(true)
  })

  it('may have a second try beside it, and cancels the one that loses', async () => {
    scene.play(async peer => {
      const { stream } = await peer.section()
      expect(await peer.resetOf(stream)).toBe(8)
    })
    scene.play(sayB, 1)
    expect((await ask(get('/hedged/'))).content.toString()).toBe('b')
    const peer = await scene.peer(0)
    await peer.seen(({ type }) => type === 3)
  })

  it('brings its content again to where it is sent again', async () => {
    const contents: string[] = []
    const note = (then: (peer: Http2Peer, request: Message) => unknown) => (peer: Http2Peer, request: Message) => {
      contents.push(request.content.toString(), `${request.trailers?.get('x-sum')}`)
      return then(peer, request)
    }
    scene.play(answering(note((peer, { stream }) => peer.send(resetFrame(stream, INTERNAL_ERROR)))))
    scene.play(answering(note((peer, request) => answer(peer, request, 'b'))), 1)
    const chunked = head('PUT /two/ HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')
    const { content } = await ask(`${chunked}3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n`)
    expect([content.toString(), contents]).toEqual(['b', ['abcde', '5', 'abcde', '5']])
  })
})

describe('a limit on connections', () => {
  it('is one on connections, not on streams', async () => {
    const release = Promise.withResolvers<void>()
    let waiting = 0
    scene.play(async peer => {
      for (;;) {
        const request = await peer.message()
        waiting += 1
        if (waiting === 5) release.resolve()
        void release.promise.then(() => answer(peer, request, 'full'))
      }
    })
    const all = await Promise.all(Array.from({ length: 5 }, () => ask(get('/full/'))))
    expect(all.every(({ content }) => content.toString() === 'full')).toBe(true)
    expect(scene.peers().length).toBe(1)
  })
})

describe('a copy of a request', () => {
  it('goes over HTTP/2 as well, and its response is nobody\u2019s', async () => {
    scene.play(sayB)
    scene.play(
      answering(async (peer, request) => {
        expect(request.content.length).toBe(100_000)
        await answer(peer, request, 'of the mirror')
      }),
      1,
    )
    expect((await ask(post('/mirrored/', 'x'.repeat(100_000)))).content.toString()).toBe('b')
    const mirror = await scene.peer(0, 1)
    await mirror.seen(({ type, flags }) => type === DATA && (flags & END_STREAM) !== 0)
    await mirror.settled()
    expect(scene.proxy.stats().mirrored).toBe(1)
  })
})

describe('an endpoint that is taken out', () => {
  it('loses its idle connections at once, and the others when they are', async () => {
    const release = Promise.withResolvers<void>()
    scene.play(
      answering(async (peer, request) => {
        if (request.head.get(':path') === '/one/slow') await release.promise
        await answer(peer, request, 'a')
      }),
    )
    const slow = ask(get('/one/slow'))
    const peer = await scene.peer(0)
    await peer.seen(({ type }) => type === HEADERS)
    const drained = scene.proxy.upstream('one').drain('a')
    expect((await ask(get('/one/'))).status).toBe(503)
    release.resolve()
    expect((await slow).content.toString()).toBe('a')
    await drained
    await scene.proxy.upstream('one').up('a')
    expect((await ask(get('/one/'))).content.toString()).toBe('a')
  })
})

describe('another configuration', () => {
  it('lets the streams of the one before it end, and then their connections', async () => {
    const release = Promise.withResolvers<void>()
    scene.play(
      answering(async (peer, request) => {
        if (request.head.get(':path') === '/one/slow') await release.promise
        await answer(peer, request, 'a')
      }),
    )
    const slow = ask(get('/one/slow'))
    const peer = await scene.peer(0)
    await peer.seen(({ type }) => type === HEADERS)
    await scene.proxy.reload(options(1, ...addresses))
    expect((await ask(get('/one/'))).content.toString()).toBe('a')
    expect(scene.peers().length).toBe(2)
    expect(peer.received.some(({ type }) => type === GOAWAY)).toBe(false)
    release.resolve()
    expect((await slow).content.toString()).toBe('a')
    expect(await peer.goaway()).toMatchObject({ code: 0 })
    expect(await peer.closed).toBe('fin')
  })
})
