import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { get, head, post } from '../../support/heads.ts'
import {
  answering,
  CONTINUATION,
  DATA,
  dataFrame,
  frame,
  HEADERS,
  type Http2Script,
  headersFrame,
  INITIAL_WINDOW_SIZE,
  MAX_CONCURRENT_STREAMS,
  PING,
  RST_STREAM,
  resetFrame,
  responseFields,
  settingsFrame,
  WINDOW_UPDATE,
  windowFrame,
} from '../../support/http2-peer.ts'
import { type Http2Scene, openHttp2Scene } from './http2-scene.ts'
import { byName, FORGIVING } from './scene.ts'

const CANCEL = 8
const PROTOCOL_ERROR = 1

let scene: Http2Scene
beforeAll(async () => {
  scene = await openHttp2Scene(1, address => {
    const plain = { ...FORGIVING, endpoints: [address], protocol: 'h2c' as const }
    return byName({
      a: plain,
      brief: { ...plain, pool: { idleTimeoutMs: 100 } },
      spent: { ...plain, pool: { requestsMax: 2 } },
      few: plain,
      one: { ...plain, endpoints: [{ address, connectionsMax: 1 }], queue: {} },
      hasty: { ...plain, timeouts: { responseMs: 150, idleMs: 150 } },
    })
  })
})
afterEach(() => scene.rest())
afterAll(() => scene[Symbol.asyncDispose]())

async function ask(request: string, method = 'GET') {
  const client = await scene.client()
  await client.send(request)
  return await client.readResponse({ method })
}

describe('a request to an origin that speaks HTTP/2', () => {
  it('has the fields of HTTP/2, and none of a connection of HTTP/1.1', async () => {
    scene.play(async peer => {
      const { head: request, content } = await peer.message()
      const lines = request.fields.filter(([name]) => !name.startsWith('x-'))
      expect(lines).toEqual([
        [':method', 'GET'],
        [':scheme', 'http'],
        [':path', '/a/b?c=d'],
        [':authority', 'a.example'],
        ['accept', '*/*'],
        ['te', 'trailers'],
        ['via', '1.1 sluice'],
      ])
      expect([request.endStream, content.length]).toEqual([true, 0])
      await peer.send(headersFrame(request.stream, responseFields(204), true))
    })
    const fields = ['Accept: */*', 'TE: trailers', 'Connection: keep-alive, x-hop, te', 'X-Hop: 1', 'Keep-Alive: 5']
    expect((await ask(get('/a/b?c=d', ...fields))).status).toBe(204)
  })

  it.each([
    ['with its length', 'Content-Length: 5', 'hello', '5'],
    ['in chunks', 'Transfer-Encoding: chunked', '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n', undefined],
  ])('brings its content: %s', async (_, framing, content, length) => {
    scene.play(
      answering(async (peer, { stream, head: request, content: came }) => {
        expect([request.get('content-length'), request.get('transfer-encoding')]).toEqual([length, undefined])
        await peer.send(headersFrame(stream, responseFields(200)), dataFrame(stream, came, true))
      }),
    )
    const answer = await ask(head('POST /a/ HTTP/1.1', 'Host: a', framing) + content, 'POST')
    expect(answer.content.toString()).toBe('hello')
  })

  it('brings trailers, and gets them', async () => {
    scene.play(
      answering(async (peer, { stream, trailers }) => {
        expect(trailers?.fields).toEqual([['x-sum', '7']])
        const fields = headersFrame(stream, responseFields(200, ['trailer', 'x-total']))
        await peer.send(fields, dataFrame(stream, 'hi'), headersFrame(stream, [['x-total', '9']], true))
      }),
    )
    const chunked = ['POST /a/ HTTP/1.1', 'Host: a', 'TE: trailers', 'Connection: te', 'Transfer-Encoding: chunked']
    const answer = await ask(`${head(...chunked)}1\r\nx\r\n0\r\nX-Sum: 7\r\n\r\n`, 'POST')
    expect([answer.content.toString(), answer.trailers]).toEqual(['hi', [['x-total', '9']]])
  })

  it('shares its connection with others', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, index) => ask(get(`/a/${index}`))))
    expect(scene.peers().length).toBe(1)
    const streams = scene
      .peers()[0]!
      .received.filter(({ type }) => type === HEADERS)
      .map(({ stream }) => stream)
    expect(new Set(streams).size).toBe(20)
  })

  it('gets its own response where one read brings those of several', async () => {
    scene.play(async peer => {
      const streams: number[] = []
      while (streams.length < 4) streams.push((await peer.message()).stream)
      const pieces = (piece: (stream: number) => Buffer) => streams.map(stream => piece(stream))
      await peer.send(
        ...pieces(stream => headersFrame(stream, responseFields(200))),
        ...pieces(stream => dataFrame(stream, `${stream} `)),
        ...pieces(stream => dataFrame(stream, `is ${stream}`, true)),
      )
    })
    const contents = (await Promise.all(Array.from({ length: 4 }, () => ask(get('/a/'))))).map(
      ({ content }) => `${content}`,
    )
    expect(contents.toSorted()).toEqual(['1 is 1', '3 is 3', '5 is 5', '7 is 7'])
  })

  it('has a thousand more beside it on few connections', { timeout: 20_000 }, async () => {
    scene.play(async peer => {
      const waiting: number[] = []
      await peer.send(settingsFrame([MAX_CONCURRENT_STREAMS, 100]))
      for (;;) {
        const { stream } = await peer.message()
        waiting.push(stream)
        if (waiting.length < 100) continue
        const all = waiting.splice(0).flatMap(id => [headersFrame(id, responseFields(200)), dataFrame(id, 'x', true)])
        await peer.send(...all)
      }
    })
    const clients = await Promise.all(Array.from({ length: 1000 }, () => scene.client()))
    await Promise.all(clients.map(client => client.send(get('/a/'))))
    const answers = await Promise.all(clients.map(client => client.readResponse({ deadlineMs: 15_000 })))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(scene.peers().length).toBeLessThanOrEqual(10)
  })
})

describe('a response of an origin that speaks HTTP/2', () => {
  it.each([
    ['to HEAD', 'HEAD', responseFields(200, ['content-length', '7'])],
    ['204', 'GET', responseFields(204)],
    ['304', 'GET', responseFields(304, ['content-length', '7'])],
  ])('has no content where there is to be none: %s', async (_, method, fields) => {
    scene.play(answering((peer, { stream }) => peer.send(headersFrame(stream, fields, true))))
    const client = await scene.client()
    for (let round = 0; round < 2; round += 1) {
      await client.send(head(`${method} /a/ HTTP/1.1`, 'Host: a'))
      const answer = await client.readResponse({ method })
      expect([`${answer.status}`, answer.content.length]).toEqual([fields[0]![1], 0])
    }
  })

  it('may come behind interim ones', async () => {
    scene.play(
      answering(async (peer, { stream }) => {
        await peer.send(headersFrame(stream, responseFields(103, ['link', '</a>'])))
        await peer.send(headersFrame(stream, responseFields(200)), dataFrame(stream, 'a', true))
      }),
    )
    const answer = await ask(get('/a/'))
    expect([answer.interim.map(({ status }) => status), answer.content.toString()]).toEqual([[103], 'a'])
  })

  it('may come before the request is whole: what is left of that is not sent', async () => {
    scene.play(async peer => {
      const { stream } = await peer.section()
      await peer.send(headersFrame(stream, responseFields(413, ['content-length', '0']), true))
      expect(await peer.resetOf(stream)).toBe(CANCEL)
      await answering()(peer, 0)
    })
    const client = await scene.client()
    await client.send(`${head('POST /a/ HTTP/1.1', 'Host: a', 'Content-Length: 1000')}some`)
    expect((await client.readResponse()).status).toBe(413)
    expect((await ask(get('/a/next'))).content.toString()).toBe('/a/next')
    expect(scene.peers().length).toBe(1)
  })

  it.each([
    ['a capital letter in a name', responseFields(200, ['X-Bad', '1'])],
    ['a field of HTTP/1.1', responseFields(200, ['connection', 'close'])],
    ['no status', [['x', 'y']] as const],
    ['101', responseFields(101)],
    ['a bad length', responseFields(200, ['content-length', '1x'])],
  ])('that is malformed costs its stream, and nothing else: %s', async (_, fields) => {
    scene.play(
      answering(async (peer, { stream, head: request }) => {
        if (request.get(':path') === '/a/good') return peer.send(headersFrame(stream, responseFields(200), true))
        await peer.send(headersFrame(stream, fields, true))
        expect(await peer.resetOf(stream)).toBe(PROTOCOL_ERROR)
      }),
    )
    expect((await ask(get('/a/'))).status).toBe(502)
    expect((await scene.records(1))[0]).toMatchObject({ error: 'upstream_response_malformed' })
    expect((await ask(get('/a/good'))).status).toBe(200)
    expect(scene.peers().length).toBe(1)
  })

  it.each([
    ['more', 'abcdef'],
    ['less', 'ab'],
  ])('cuts the client where there is %s content than its head tells of', async (_, content) => {
    scene.play(
      answering(async (peer, { stream }) => {
        const fields = responseFields(200, ['content-length', '4'])
        await peer.send(headersFrame(stream, fields), dataFrame(stream, content, true))
      }),
    )
    const client = await scene.client()
    await client.send(get('/a/'))
    expect(await client.nextResponse()).toMatchObject({ kind: 'cut' })
  })

  it('with interim responses without end is given up', async () => {
    scene.play(async peer => {
      const { stream } = await peer.section()
      await peer.send(...Array.from({ length: 30 }, () => headersFrame(stream, responseFields(103))))
      expect(await peer.resetOf(stream)).toBe(PROTOCOL_ERROR)
    })
    expect((await ask(get('/a/'))).interim.length).toBe(20)
  })
})

describe('a client that goes away', () => {
  it.each([
    ['before the response', []],
    ['in the middle of it', [responseFields(200)]],
  ])('cancels its stream, and nothing else: %s', async (_, heads) => {
    scene.play(async peer => {
      const first = await peer.section()
      await peer.send(...heads.flatMap(fields => [headersFrame(first.stream, fields), dataFrame(first.stream, 'a')]))
      const second = await peer.section()
      expect(await peer.resetOf(first.stream)).toBe(CANCEL)
      await peer.send(headersFrame(second.stream, responseFields(200)), dataFrame(second.stream, 'b', true))
    })
    const gone = await scene.client()
    await gone.send(get('/a/first'))
    const peer = await scene.peer(0)
    if (heads.length > 0) await gone.readUntil(unread => unread.includes('a\r\n'))
    const other = await scene.client()
    await other.send(get('/a/second'))
    await peer.seen(({ type, stream }) => type === HEADERS && stream === 3)
    gone.close()
    expect((await other.readResponse()).content.toString()).toBe('b')
  })

  it('in the middle of its upload cancels it', async () => {
    scene.play(async peer => {
      const { stream } = await peer.section()
      await peer.expect(DATA, stream)
      expect(await peer.resetOf(stream)).toBe(CANCEL)
    })
    const client = await scene.client()
    await client.send(`${head('POST /a/ HTTP/1.1', 'Host: a', 'Content-Length: 1000')}some`)
    const peer = await scene.peer(0)
    await peer.seen(({ type }) => type === DATA)
    client.close()
    await peer.seen(({ type }) => type === RST_STREAM)
  })
})

describe('flow control', () => {
  it('holds an upload back as long as the origin has no window for it', async () => {
    const content = 'x'.repeat(300_000)
    let seen = 0
    scene.play(async peer => {
      peer.givesWindows = false
      await peer.send(settingsFrame([INITIAL_WINDOW_SIZE, 0]))
      const first = await peer.message()
      await peer.send(headersFrame(first.stream, responseFields(204), true))
      const { stream } = await peer.section()
      await peer.settled()
      expect(peer.received.some(({ type }) => type === DATA)).toBe(false)
      for (const window of [1, 999, 64_535]) {
        await peer.send(windowFrame(stream, window))
        for (let left = window; left > 0; ) left -= (await peer.expect(DATA, stream)).payload.length
        seen += window
        await peer.settled()
        expect(peer.unread.some(({ type }) => type === DATA)).toBe(false)
      }
      await peer.send(settingsFrame([INITIAL_WINDOW_SIZE, 1_000_000]), windowFrame(0, 1_000_000))
      for (;;) {
        const { payload, flags } = await peer.expect(DATA, stream)
        seen += payload.length
        if ((flags & 1) !== 0) break
      }
      await peer.send(headersFrame(stream, responseFields(200)), dataFrame(stream, `${seen}`, true))
    })
    await ask(get('/a/'))
    expect((await ask(post('/a/', content), 'POST')).content.toString()).toBe('300000')
  })

  it('keeps what a client does not take at the origin, but for a window', { timeout: 20_000 }, async () => {
    const FRAME_BYTES = 16_384
    let sent = 0
    const stopped = Promise.withResolvers<number>()
    scene.play(async peer => {
      const { stream } = await peer.section()
      await peer.send(headersFrame(stream, responseFields(200)))
      let [ofStream, ofConnection] = [64 * 1024, 65_535]
      for (const { type, stream: id, payload } of peer.received) {
        if (type === WINDOW_UPDATE && id === 0) ofConnection += payload.readUInt32BE(0)
      }
      const full = Buffer.alloc(FRAME_BYTES, 'x')
      while (sent < 32 * 1024 * 1024) {
        while (ofStream < FRAME_BYTES || ofConnection < FRAME_BYTES) {
          const update = await peer.next(({ type }) => type === WINDOW_UPDATE, 'a window', 300).catch(() => null)
          if (update === null) {
            stopped.resolve(sent)
            return
          }
          const increment = update.payload.readUInt32BE(0)
          if (update.stream === 0) ofConnection += increment
          else ofStream += increment
        }
        await peer.send(dataFrame(stream, full))
        sent += FRAME_BYTES
        ofStream -= FRAME_BYTES
        ofConnection -= FRAME_BYTES
      }
    })
    const client = await scene.client()
    client.socket.pause()
    await client.send(get('/a/'))
    expect(await stopped.promise).toBeLessThan(24 * 1024 * 1024)
  })
})

describe('deadlines of a stream', () => {
  it.each([
    ['no response', [], 'upstream_response_timeout'],
    ['content that stops', [responseFields(200)], 'upstream_idle_timeout'],
  ])('end it, and nothing else: %s', async (_, heads, error) => {
    scene.play(async peer => {
      const { stream } = await peer.section()
      await peer.send(...heads.map(fields => headersFrame(stream, fields)))
      expect(await peer.resetOf(stream)).toBe(CANCEL)
      await answering()(peer, 0)
    })
    const client = await scene.client()
    await client.send(get('/hasty/'))
    await client.nextResponse()
    expect((await scene.records(1))[0]).toMatchObject({ error })
    expect((await ask(get('/hasty/next'))).content.toString()).toBe('/hasty/next')
    expect(scene.peers().length).toBe(1)
  })
})

describe('a connection', () => {
  it('that nobody uses ends with GOAWAY', async () => {
    await ask(get('/brief/'))
    const peer = await scene.peer(0)
    expect(await peer.goaway()).toMatchObject({ lastStream: 0, code: 0 })
    expect(await peer.closed).toBe('fin')
  })

  it('bears no more requests than it may', async () => {
    const client = await scene.client()
    for (let round = 0; round < 4; round += 1) {
      await client.send(get('/spent/'))
      expect((await client.readResponse()).status).toBe(200)
    }
    expect(scene.peers().length).toBe(2)
    expect(await (await scene.peer(0)).goaway()).toMatchObject({ code: 0 })
  })

  it('answers PING, and SETTINGS at any time', async () => {
    scene.play(async peer => {
      const { stream } = await peer.section()
      await peer.send(frame(PING, 0, 0, '12345678'), settingsFrame([INITIAL_WINDOW_SIZE, 70_000]))
      const { payload } = await peer.next(({ type, flags }) => type === PING && flags === 1)
      await peer.send(headersFrame(stream, responseFields(200)), dataFrame(stream, payload, true))
    })
    expect((await ask(get('/a/'))).content.toString()).toBe('12345678')
  })

  it('takes heads in several frames', async () => {
    scene.play(async peer => {
      const { stream } = await peer.section()
      const block = headersFrame(stream, responseFields(200, ['x-a', 'b'.repeat(1000)])).subarray(9)
      await peer.send(
        frame(HEADERS, 0, stream, block.subarray(0, 100)),
        frame(CONTINUATION, 4, stream, block.subarray(100)),
        dataFrame(stream, 'whole', true),
      )
    })
    expect((await ask(get('/a/'))).content.toString()).toBe('whole')
  })

  it('is another one as long as the first bears all that its peer allows', async () => {
    const release = Promise.withResolvers<void>()
    let heads = 0
    const script: Http2Script = async peer => {
      for (;;) {
        const { stream } = await peer.section()
        heads += 1
        if (heads === 5) release.resolve()
        void release.promise.then(() => peer.send(headersFrame(stream, responseFields(200), true)))
      }
    }
    scene.play(script, 0, { settings: [[MAX_CONCURRENT_STREAMS, 2]] })
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(get('/few/'))))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect(scene.peers().length).toBe(3)
  })

  it('bears fewer streams when its peer allows fewer', async () => {
    const seen: number[] = []
    const script: Http2Script = async peer => {
      const [first, second] = [await peer.section(), await peer.section()]
      await peer.send(settingsFrame([MAX_CONCURRENT_STREAMS, 1]))
      await peer.settled()
      await peer.send(headersFrame(first.stream, responseFields(200), true))
      await peer.settled()
      seen.push(peer.unread.filter(({ type }) => type === HEADERS).length)
      await peer.send(headersFrame(second.stream, responseFields(200), true))
      const third = await peer.section()
      await peer.send(headersFrame(third.stream, responseFields(200), true))
    }
    scene.play(script, 0, { settings: [[MAX_CONCURRENT_STREAMS, 2]] })
    const answers = await Promise.all(Array.from({ length: 3 }, () => ask(get('/one/'))))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect([seen, scene.peers().length]).toEqual([[0], 1])
  })

  it('has its streams reset one by one', async () => {
    scene.play(
      answering(async (peer, { stream, head: request }) => {
        if (request.get(':path') === '/a/bad') await peer.send(resetFrame(stream, 2))
        else await peer.send(headersFrame(stream, responseFields(200), true))
      }),
    )
    const [bad, good] = await Promise.all([ask(post('/a/bad', 'x'), 'POST'), ask(get('/a/good'))])
    expect([bad.status, good.status, scene.peers().length]).toEqual([502, 200, 1])
    const [record] = (await scene.records(2)).filter(({ status }) => status === 502)
    expect(record).toMatchObject({ error: 'upstream_closed', errorDetail: 'INTERNAL_ERROR' })
  })
})
