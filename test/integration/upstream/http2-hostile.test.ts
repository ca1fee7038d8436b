import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { get, head, post } from '../../support/heads.ts'
import {
  answering,
  DATA,
  dataFrame,
  frame,
  goawayFrame,
  HEADERS,
  type Http2Peer,
  type Http2Script,
  headersFrame,
  INITIAL_WINDOW_SIZE,
  MAX_CONCURRENT_STREAMS,
  PRIORITY,
  RST_STREAM,
  resetFrame,
  responseFields,
  SETTINGS,
  settingsFrame,
  WINDOW_UPDATE,
  windowFrame,
} from '../../support/http2-peer.ts'
import { type Http2Scene, openHttp2Scene } from './http2-scene.ts'
import { byName, FORGIVING, later } from './scene.ts'

/** What origins may do to the streams and windows of theirs, and what that must not do to anybody else's. */

const CONNECT_MS = 150

let scene: Http2Scene
beforeAll(async () => {
  scene = await openHttp2Scene(1, address => {
    const plain = { ...FORGIVING, endpoints: [{ address, connectionsMax: 20 }], protocol: 'h2c' as const }
    const retry = { ...FORGIVING.retry, attempts: 0 }
    return byName({
      a: { ...plain, timeouts: { connectMs: CONNECT_MS } },
      once: { ...plain, retry },
      hasty: { ...plain, retry, timeouts: { connectMs: CONNECT_MS, responseMs: 200, idleMs: 200 } },
      narrow: { ...plain, http2: { streamsMax: 1 }, queue: {} },
    })
  })
})
afterEach(async () => {
  await scene.rest()
  for (const name of ['a', 'once', 'hasty', 'narrow']) {
    expect(scene.proxy.upstream(name).endpoints()).toMatchObject([{ requests: 0, connections: 0 }])
  }
})
afterAll(() => scene[Symbol.asyncDispose]())

async function ask(request: string) {
  const client = await scene.client()
  await client.send(request)
  return await client.nextResponse()
}

async function contentOf(request: string): Promise<string> {
  const outcome = await ask(request)
  return outcome.kind === 'whole' ? outcome.response.content.toString() : outcome.kind
}

describe('an upload that the origin has no window for', () => {
  it('is in nobody else\u2019s way', async () => {
    scene.play(
      async peer => {
        const stuck = await peer.section()
        await peer.next(({ type, stream }) => type === DATA && stream === stuck.stream)
        for (;;) {
          const { stream } = await peer.section()
          let length = 0
          for (let ended = false; !ended; ) {
            const { payload, flags } = await peer.expect(DATA, stream)
            length += payload.length
            ended = (flags & 1) !== 0
          }
          await peer.send(headersFrame(stream, responseFields(200)), dataFrame(stream, `${length}`, true))
          if (length === 900) await peer.send(headersFrame(stuck.stream, responseFields(200), true))
        }
      },
      0,
      { settings: [[INITIAL_WINDOW_SIZE, 1_000]] },
    )
    const stuck = await scene.client()
    await stuck.send(head('POST /a/ HTTP/1.1', 'Host: a', 'Content-Length: 5000'))
    const peer = await scene.peer(0)
    peer.givesWindows = false
    await peer.settled()
    await stuck.send('x'.repeat(2_000))
    await peer.seen(({ type }) => type === DATA)
    // The content comes behind the head, in a turn in which nothing else is to be sent.
    const other = await scene.client()
    await other.send(head('POST /a/ HTTP/1.1', 'Host: a', 'Content-Length: 900'))
    await peer.seen(({ type, stream }) => type === HEADERS && stream === 3)
    await other.send('y'.repeat(900))
    expect((await other.readResponse()).content.toString()).toBe('900')
    expect((await stuck.readResponse()).status).toBe(200)
  })

  it('ends in time, and so does its client', async () => {
    const code = Promise.withResolvers<number>()
    const play: Http2Script = async peer => code.resolve(await peer.resetOf((await peer.section()).stream))
    scene.play(play, 0, { settings: [[INITIAL_WINDOW_SIZE, 0]] })
    const client = await scene.client()
    await client.send(head('POST /hasty/ HTTP/1.1', 'Host: a', 'Content-Length: 200000'))
    await (await scene.peer(0)).settled()
    await client.send('x'.repeat(200_000))
    const outcome = await client.nextResponse()
    expect(outcome).toMatchObject({ kind: 'whole', response: { status: 504 } })
    expect(await code.promise).toBe(8)
  })
})

/** Sends as much as its windows take, on every stream but that of `/small`, which it answers in the end. */
const bulk: Http2Script = async peer => {
  const windows = new Map<number, number>([[0, 65_535]])
  const initial = () => peer.settings.get(INITIAL_WINDOW_SIZE) ?? 65_535
  const full = Buffer.alloc(16_384, 'x')
  let at = 0
  const read = () => {
    for (; at < peer.received.length; at += 1) {
      const { type, stream, payload } = peer.received[at]!
      if (type === WINDOW_UPDATE) windows.set(stream, (windows.get(stream) ?? initial()) + payload.readUInt32BE(0))
    }
  }
  const take = (stream: number, bytes: number) => {
    read()
    const [all, own] = [windows.get(0)!, windows.get(stream) ?? initial()]
    if (Math.min(all, own) < bytes) return false
    windows.set(0, all - bytes)
    windows.set(stream, own - bytes)
    return true
  }
  const pour = async (stream: number) => {
    while (peer.open) {
      if (take(stream, full.length)) await peer.send(dataFrame(stream, full))
      else await later(5, () => {})
    }
  }
  for (;;) {
    const { stream, get: field } = await peer.section()
    await peer.send(headersFrame(stream, responseFields(200)))
    if (field(':path') === '/a/bulk') void pour(stream)
    else if (take(stream, 5)) await peer.send(dataFrame(stream, 'small', true))
  }
}

describe('clients that take nothing of what an origin sends', () => {
  it('keep no other waiting, however many they are', async () => {
    scene.play(bulk)
    for (let count = 0; count < 6; count += 1) {
      const slow = await scene.client()
      slow.socket.pause()
      await slow.send(get('/a/bulk'))
    }
    const peer = await scene.peer(0)
    const came = () => peer.received.filter(({ type }) => type === WINDOW_UPDATE).length
    for (let before = -1; before < came(); await later(100, () => {})) before = came()
    expect(await contentOf(get('/a/small'))).toBe('small')
    expect(scene.peers().length).toBe(1)
  })
})

describe('content that stops in the middle of a frame', () => {
  it('has the deadline of its stream, and none of its connection', async () => {
    scene.play(
      answering(async (peer, { stream, head: request }) => {
        const content = dataFrame(stream, request.get(':path') ?? '', true)
        await peer.send(headersFrame(stream, responseFields(200)), content.subarray(0, 12))
        await later(CONNECT_MS * 3, () => peer.send(content.subarray(12)))
      }),
    )
    expect(await contentOf(get('/a/whole'))).toBe('/a/whole')
  })
})

describe('an origin that allows no streams', () => {
  it('is not asked for connections by those that wait, who go on when it does', async () => {
    scene.play(answering(), 0, { settings: [[MAX_CONCURRENT_STREAMS, 0]] })
    // One goes ahead of the SETTINGS.
    expect(await contentOf(get('/a/first'))).toBe('/a/first')
    const all = Array.from({ length: 30 }, (_, index) => contentOf(get(`/a/${index}`)))
    const peer = await scene.peer(0)
    const begun = () => scene.proxy.stats().exchangesActive === 30
    while (!begun()) await later(5, () => {})
    expect(scene.peers().length).toBe(1)
    await peer.send(settingsFrame([MAX_CONCURRENT_STREAMS, 10]))
    expect(await Promise.all(all)).toEqual(all.map((_, index) => `/a/${index}`))
  })

  it('any more answers those that wait in time', async () => {
    scene.play(
      async peer => {
        const { stream } = await peer.section()
        await peer.send(settingsFrame([MAX_CONCURRENT_STREAMS, 0]))
        await peer.settled()
        await peer.send(headersFrame(stream, responseFields(200), true))
      },
      0,
      { settings: [[MAX_CONCURRENT_STREAMS, 1]] },
    )
    expect(await contentOf(get('/hasty/'))).toBe('')
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => ask(get('/hasty/'))))
    for (const outcome of outcomes) expect(outcome).toMatchObject({ kind: 'whole', response: { status: 504 } })
  })
})

describe('a connection that bears one stream after the other', () => {
  it('lasts, whatever frames an origin sends beside its responses', async () => {
    scene.play(
      answering((peer, { stream }) =>
        peer.send(
          headersFrame(stream, responseFields(204), true),
          resetFrame(stream, 0),
          windowFrame(0, 1),
          frame(PRIORITY, 0, stream, Buffer.alloc(5)),
        ),
      ),
    )
    const client = await scene.client()
    for (let round = 0; round < 500; round += 1) {
      await client.send(get('/once/'))
      expect((await client.readResponse()).status).toBe(204)
    }
    expect(scene.peers().length).toBe(1)
  })

  it('serves a thousand requests, where no more are to run at once', async () => {
    const clients = await Promise.all(Array.from({ length: 40 }, () => scene.client()))
    const contents: string[] = []
    await Promise.all(
      clients.map(async (client, index) => {
        for (let round = 0; round < 25; round += 1) {
          await client.send(get(`/narrow/${index}-${round}`))
          contents.push((await client.readResponse()).content.toString())
        }
      }),
    )
    expect(new Set(contents).size).toBe(1_000)
    expect(scene.peers().length).toBeLessThanOrEqual(40)
  })
})

const GET = get('/once/')
const POST = post('/once/', 'some content')
const REFUSED_STREAM = 7

describe('a stream that is reset', () => {
  const codes = [...Array.from({ length: 14 }, (_, code) => code), 0xffff_ffff]

  it.each(codes)('with %i before its response: not twice, unless nothing was done for it', async code => {
    const methods: (string | undefined)[] = []
    scene.play(
      answering((peer, { stream, head: request }) => {
        methods.push(request.get(':method'))
        return peer.send(resetFrame(stream, code))
      }),
    )
    for (const request of [GET, POST]) {
      expect(await ask(request)).toMatchObject({ kind: 'whole', response: { status: 502 } })
    }
    expect(methods).toEqual(code === REFUSED_STREAM ? ['GET', 'GET', 'POST', 'POST'] : ['GET', 'POST'])
  })

  it.each(codes)('with %i within its response: not twice', async code => {
    const methods: (string | undefined)[] = []
    scene.play(
      answering((peer, { stream, head: request }) => {
        methods.push(request.get(':method'))
        return peer.send(headersFrame(stream, responseFields(200)), dataFrame(stream, 'half'), resetFrame(stream, code))
      }),
    )
    for (const request of [GET, POST]) expect((await ask(request)).kind).toBe('cut')
    expect(methods).toEqual(['GET', 'POST'])
  })

  it.each([0, 2, 5, 8, 0xffff_ffff])('with %i in the middle of its upload: not twice', async code => {
    let heads = 0
    scene.play(async peer => {
      for (;;) {
        const { stream } = await peer.section()
        heads += 1
        await peer.expect(DATA, stream)
        await peer.send(resetFrame(stream, code))
      }
    })
    const client = await scene.client()
    await client.send(`${head('POST /once/ HTTP/1.1', 'Host: a', 'Content-Length: 1000')}some`)
    expect(await client.nextResponse()).toMatchObject({ kind: 'whole', response: { status: 502 } })
    expect(heads).toBe(1)
  })
})

describe('GOAWAY', () => {
  const good = (stream: number) => [headersFrame(stream, responseFields(200)), dataFrame(stream, 'good', true)]

  const all: [string, (peer: Http2Peer, stream: number) => Promise<unknown>, string, number][] = [
    ['that knows the stream, then its response', (peer, s) => peer.send(goawayFrame(s, 0), ...good(s)), 'good', 1],
    ['of the highest number', (peer, s) => peer.send(goawayFrame(0x7fffffff, 0), ...good(s)), 'good', 1],
    ['twice', (peer, s) => peer.send(goawayFrame(0x7fffffff, 0), goawayFrame(s, 0), ...good(s)), 'good', 1],
    [
      'a second time, that does not know it any more',
      (peer, s) => peer.send(goawayFrame(s, 0), goawayFrame(0, 0)),
      'again',
      2,
    ],
    ['that does not know it', peer => peer.send(goawayFrame(0, 0)), 'again', 2],
    [
      'that does not know it, with an error',
      peer => peer.send(goawayFrame(0, 2, 'why')).then(() => peer.end()),
      'again',
      2,
    ],
    ['behind the response', (peer, s) => peer.send(...good(s), goawayFrame(s, 0)), 'good', 1],
    [
      'in the middle of the response',
      (peer, s) => peer.send(headersFrame(s, responseFields(200)), goawayFrame(s, 0), dataFrame(s, 'good', true)),
      'good',
      1,
    ],
    [
      'in the middle of the response, which it does not know',
      (peer, s) => peer.send(headersFrame(s, responseFields(200)), dataFrame(s, 'half'), goawayFrame(0, 0)),
      'cut',
      1,
    ],
    [
      'that knows it, and the end without its response',
      (peer, s) => peer.send(goawayFrame(s, 0)).then(() => peer.end()),
      '502',
      1,
    ],
    ['that knows it, and RST', (peer, s) => peer.send(goawayFrame(s, 11)).then(() => peer.reset()), '502', 1],
  ]

  it.each(all)('%s', async (_, act, content, times) => {
    let asked = 0
    scene.play(
      answering(async (peer, { stream }) => {
        asked += 1
        if (asked === 1) await act(peer, stream)
        else await peer.send(headersFrame(stream, responseFields(200)), dataFrame(stream, 'again', true))
      }),
    )
    expect((await contentOf(POST)).slice(0, content.length)).toBe(content)
    expect(asked).toBe(times)
    expect(await contentOf(POST)).toBe('again')
  })

  it('before anything has been asked of the connection', async () => {
    let connections = 0
    scene.play(async (peer, index) => {
      connections += 1
      if (connections > 1) return answering()(peer, index)
      await peer.send(goawayFrame(0, 0))
      await peer.closed
    })
    expect(await contentOf(post('/once/x', 'x'))).toBe('/once/x')
  })

  it('from every connection does not lead to another one for ever', async () => {
    scene.play(async peer => {
      await peer.send(goawayFrame(0, 0))
      await peer.closed
    })
    expect(await ask(POST)).toMatchObject({ kind: 'whole', response: { status: 502 } })
    expect(scene.peers().length).toBeLessThan(10)
  })
})

describe('a connection that ends', () => {
  const ends: [string, (peer: Http2Peer) => unknown][] = [
    ['with FIN', peer => peer.end()],
    ['with RST', peer => peer.reset()],
  ]
  const steps: [string, (peer: Http2Peer, stream: number) => Promise<unknown>][] = [
    ['before anything', async () => {}],
    ['behind an interim response', (peer, s) => peer.send(headersFrame(s, responseFields(103)))],
    ['within a head', (peer, s) => peer.send(headersFrame(s, responseFields(200)).subarray(0, 12))],
    ['within the header of a frame', peer => peer.send(frame(SETTINGS, 0, 0).subarray(0, 4))],
    ['behind the head', (peer, s) => peer.send(headersFrame(s, responseFields(200)))],
    [
      'within content',
      (peer, s) => peer.send(headersFrame(s, responseFields(200)), dataFrame(s, 'half').subarray(0, 11)),
    ],
    [
      'behind content as long as its length',
      (peer, s) => peer.send(headersFrame(s, responseFields(200, ['content-length', '4'])), dataFrame(s, 'whol')),
    ],
  ]

  it.each(ends.flatMap(([how, end]) => steps.map(([when, step]) => [how, when, end, step] as const)))(
    '%s %s cuts what it bore, once',
    async (_how, _when, end, step) => {
      let asked = 0
      scene.play(async (peer, index) => {
        const { stream } = await peer.section()
        asked += 1
        if (asked > 1) return
        await step(peer, stream)
        await peer.settled().catch(() => {})
        scene.play(answering())
        end(peer)
        return index
      })
      const outcome = await ask(POST)
      if (outcome.kind === 'whole') expect([200, 502]).toContain(outcome.response.status)
      expect(asked).toBe(1)
      // The client may have all that it waits for before the connection has ended.
      while (scene.proxy.upstream('once').endpoints()[0]?.connections !== 0) await later(2, () => {})
      expect(await contentOf(get('/once/next'))).toBe('/once/next')
    },
  )
})

describe('an origin beside another', () => {
  let pair: Http2Scene
  beforeAll(async () => {
    pair = await openHttp2Scene(2, (a, b) => {
      const plain = { ...FORGIVING, protocol: 'h2c' as const }
      const timeouts = { connectMs: CONNECT_MS, responseMs: 300, idleMs: 300 }
      return byName(
        {
          copied: { ...plain, endpoints: [a!] },
          copies: { ...plain, endpoints: [{ address: b!, connectionsMax: 3 }], timeouts },
          hedged: {
            ...plain,
            endpoints: [b!, a!].map((address, priority) => ({ address, priority, connectionsMax: 3 })),
            hedge: { afterMs: 20, budget: 10 },
          },
        },
        { copied: { mirror: { upstream: 1, share: 1, concurrencyMax: 100, contentBytesMax: 10_000 } } },
      )
    })
  })
  afterEach(async () => {
    await pair.rest()
    for (const name of ['copies', 'hedged']) {
      for (const endpoint of pair.proxy.upstream(name).endpoints()) {
        expect(endpoint).toMatchObject({ requests: 0, connections: 0 })
      }
    }
  })
  afterAll(() => pair[Symbol.asyncDispose]())

  /** Takes no content, and answers nothing. */
  const shut: Http2Script = async peer => {
    peer.givesWindows = false
    await peer.closed
  }

  it('that takes no copies costs the requests nothing', async () => {
    pair.play(shut, 1, { settings: [[INITIAL_WINDOW_SIZE, 0]] })
    const clients = await Promise.all(Array.from({ length: 20 }, () => pair.client()))
    const dropped = () => pair.proxy.stats().mirrorsDropped
    await Promise.all(
      clients.map(async (client, index) => {
        await client.send(post(`/copied/${index}`, 'x'.repeat(index % 2 === 0 ? 50_000 : 50)))
        expect((await client.readResponse()).content.toString()).toBe(`/copied/${index}`)
      }),
    )
    expect(dropped()).toBeGreaterThanOrEqual(10)
  })

  it('that takes nothing leaves the requests to the other, and its streams are reset', async () => {
    pair.play(shut, 1, { settings: [[INITIAL_WINDOW_SIZE, 0]] })
    const clients = await Promise.all(Array.from({ length: 20 }, () => pair.client()))
    await Promise.all(
      clients.map(async (client, index) => {
        await client.send(get(`/hedged/${index}`))
        expect((await client.readResponse()).content.toString()).toBe(`/hedged/${index}`)
      }),
    )
    const opened = (peer: Http2Peer, wanted: number) => peer.received.filter(({ type }) => type === wanted).length
    for (const peer of pair.peers(1)) {
      await peer.settled()
      expect(opened(peer, RST_STREAM)).toBe(opened(peer, HEADERS))
    }
  })
})
