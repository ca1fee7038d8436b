/** What RFC 9113, section 8, binds a client to: which responses are malformed, and what its requests are like. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { chunk, get, head, lastChunk, post } from '../../support/heads.ts'
import {
  answering,
  DATA,
  dataFrame,
  END_STREAM,
  goawayFrame,
  HEADERS,
  headersFrame,
  type Message,
  resetFrame,
  responseFields,
} from '../../support/http2-peer.ts'
import { type ClientScene, cutResponse, goesOn, good, openClient, type Rule, streamError } from './client-scene.ts'
import { CANCEL, PROTOCOL_ERROR } from './server-scene.ts'

let client: ClientScene
beforeAll(async () => {
  client = await openClient()
})
afterEach(() => client.scene.rest())
afterAll(() => client[Symbol.asyncDispose]())

const ok = responseFields(200)
const malformed = streamError(PROTOCOL_ERROR)
const malformedLate = { ...malformed, isAnswered: true }

/** A response with one more field. */
const withField = (section: string, name: string, value = 'x'): Rule => [
  `${section}: ${JSON.stringify(name)} with ${JSON.stringify(value)}`,
  s => [headersFrame(s, responseFields(200, [name, value])), dataFrame(s, 'good', true)],
  malformed,
]

const messages: Rule[] = [
  ['8.1: content comes behind a head', s => [dataFrame(s, 'good', true)], malformed],
  [
    '8.1: and not behind an interim one',
    s => [headersFrame(s, responseFields(103)), dataFrame(s, 'x', true)],
    malformed,
  ],
  ['8.1: an interim response does not end the stream', s => [headersFrame(s, responseFields(103), true)], malformed],
  [
    '8.1: interim responses may come',
    s => [headersFrame(s, responseFields(103)), headersFrame(s, responseFields(100)), good(s)],
    goesOn,
  ],
  [
    '8.1: trailers end the stream',
    s => [headersFrame(s, ok), dataFrame(s, 'good'), headersFrame(s, [['x', 'y']])],
    malformed,
  ],
  [
    '8.1: trailers may come',
    s => [headersFrame(s, ok), dataFrame(s, 'good'), headersFrame(s, [['x', 'y']], true)],
    goesOn,
  ],
  [
    '8.1: so may an end without content',
    s => [headersFrame(s, ok), dataFrame(s, 'good'), dataFrame(s, '', true)],
    goesOn,
  ],
  ['8.1: a response is whole although the rest of the request is not wanted', s => [good(s), resetFrame(s, 0)], goesOn],
  [
    '8.1.1: less content than is told of',
    s => [headersFrame(s, responseFields(200, ['content-length', '5'])), dataFrame(s, 'good', true)],
    cutResponse,
  ],
  [
    '8.1.1: more',
    s => [headersFrame(s, responseFields(200, ['content-length', '3'])), dataFrame(s, 'good', true)],
    malformed,
  ],
  [
    '8.1.1: as much',
    s => [headersFrame(s, responseFields(200, ['content-length', '4'])), dataFrame(s, 'go'), dataFrame(s, 'od', true)],
    goesOn,
  ],
  ['8.1.1: none, with the head', s => [headersFrame(s, responseFields(200, ['content-length', '4']), true)], malformed],
  [
    '8.1.1: none, with trailers',
    s => [headersFrame(s, responseFields(200, ['content-length', '4'])), headersFrame(s, [['x', 'y']], true)],
    cutResponse,
  ],
  [
    '8.1.1: a length that is none',
    s => [headersFrame(s, responseFields(200, ['content-length', '+4'])), dataFrame(s, 'good', true)],
    malformed,
  ],
  [
    '8.1.1: two lengths',
    s => [
      headersFrame(s, responseFields(200, ['content-length', '4'], ['content-length', '5'])),
      dataFrame(s, 'good', true),
    ],
    malformed,
  ],
  ['8.1.1: content of 204', s => [headersFrame(s, responseFields(204)), dataFrame(s, 'x', true)], malformedLate],
  ['8.1.1: content of 304', s => [headersFrame(s, responseFields(304)), dataFrame(s, 'x', true)], malformedLate],
  withField('8.2', 'X-Upper'),
  withField('8.2.1', ''),
  withField('8.2.1', 'x y'),
  withField('8.2.1', 'x\u007f'),
  withField('8.2.1', 'x\u00e9'),
  withField('8.2.1', 'x:y'),
  withField('8.2.1', 'x\r\ny'),
  withField('8.2.1', 'x', 'a\0b'),
  withField('8.2.1', 'x', 'a\nb'),
  withField('8.2.1', 'x', 'a\rb'),
  withField('8.2.1', 'x', ' a'),
  withField('8.2.1', 'x', 'a\t'),
  withField('8.2.2', 'connection', 'close'),
  withField('8.2.2', 'proxy-connection', 'close'),
  withField('8.2.2', 'keep-alive', 'timeout=5'),
  withField('8.2.2', 'transfer-encoding', 'chunked'),
  withField('8.2.2', 'upgrade', 'websocket'),
  withField('8.2.2', 'te', 'gzip'),
  [
    '8.3: pseudo-fields come first',
    s => [
      headersFrame(
        s,
        [
          ['x', 'y'],
          [':status', '200'],
        ],
        true,
      ),
    ],
    malformed,
  ],
  [
    '8.3: none that is not known',
    s => [
      headersFrame(
        s,
        [
          [':status', '200'],
          [':x', 'y'],
        ],
        true,
      ),
    ],
    malformed,
  ],
  [
    '8.3: none of a request',
    s => [
      headersFrame(
        s,
        [
          [':status', '200'],
          [':path', '/'],
        ],
        true,
      ),
    ],
    malformed,
  ],
  [
    '8.3: none among trailers',
    s => [headersFrame(s, ok), dataFrame(s, 'good'), headersFrame(s, [[':status', '200']], true)],
    malformed,
  ],
  ['8.3.2: a response has a status', s => [headersFrame(s, [['x', 'y']], true)], malformed],
  [
    '8.3.2: just one',
    s => [
      headersFrame(
        s,
        [
          [':status', '200'],
          [':status', '200'],
        ],
        true,
      ),
    ],
    malformed,
  ],
  ['8.3.2: of three digits', s => [headersFrame(s, [[':status', '2000']], true)], malformed],
  ['8.3.2: which are digits', s => [headersFrame(s, [[':status', '2x0']], true)], malformed],
  ['8.6: nothing is switched to', s => [headersFrame(s, responseFields(101))], malformed],
  [
    '8.2.2: nor among trailers is anything of a connection',
    s => [headersFrame(s, ok), dataFrame(s, 'good'), headersFrame(s, [['connection', 'x']], true)],
    malformed,
  ],
]

describe('RFC 9113, section 8, responses', () => {
  it.each(messages)('%s', (...rule) => client.check(rule))
})

describe('RFC 9113, section 8, requests', () => {
  const asked: Message[] = []
  async function ask(request: string): Promise<Message> {
    client.scene.play(
      answering((peer, message) => {
        asked.push(message)
        return peer.send(good(message.stream))
      }),
    )
    const asking = await client.scene.client()
    await asking.send(request)
    expect((await asking.readResponse()).status).toBe(200)
    return asked.pop() as Message
  }

  it('8.2, 8.3: names are in lower case, pseudo-fields come first, each once', async () => {
    const { head: section } = await ask(head('GET /a?b HTTP/1.1', 'HOST: A.example', 'X-Upper: Value', 'Cookie: a=b'))
    const names = section.fields.map(([name]) => name)
    expect(names.filter(name => name.startsWith(':')).toSorted()).toEqual([':authority', ':method', ':path', ':scheme'])
    expect(names.slice(0, 4).every(name => name.startsWith(':'))).toBe(true)
    expect(names).toEqual(names.map(name => name.toLowerCase()))
    expect(['host', ':authority', ':path'].map(section.get)).toEqual([undefined, 'A.example', '/a?b'])
  })

  it('8.2.2: nothing of a connection goes along, nor what it names', async () => {
    const { head: section, content } = await ask(
      head(
        'PUT / HTTP/1.1',
        'Host: a',
        'Connection: keep-alive, x-hop',
        'X-Hop: 1',
        'Keep-Alive: timeout=5',
        'Proxy-Connection: x',
        'TE: gzip, trailers',
        'Transfer-Encoding: chunked',
        'Upgrade: h2c',
        'HTTP2-Settings: AAMAAABkAAQAAP__',
      ) +
        chunk('abc') +
        lastChunk(),
    )
    const gone = [
      'connection',
      'x-hop',
      'keep-alive',
      'proxy-connection',
      'transfer-encoding',
      'upgrade',
      'http2-settings',
    ]
    expect(gone.map(section.get)).toEqual(gone.map(() => undefined))
    expect([undefined, 'trailers']).toContain(section.get('te'))
    expect(content.toString()).toBe('abc')
  })

  it('8.3.1: OPTIONS of the server as a whole has the path *', async () => {
    const { head: section } = await ask(head('OPTIONS * HTTP/1.1', 'Host: a'))
    expect([':method', ':path'].map(section.get)).toEqual(['OPTIONS', '*'])
  })

  it('8.3.1: an absolute target becomes an authority and a path', async () => {
    const { head: section } = await ask(head('GET http://b.example HTTP/1.1', 'Host: a'))
    expect([':authority', ':path'].map(section.get)).toEqual(['b.example', '/'])
  })

  it.each([
    ['GET', '', true],
    ['POST', 'Content-Length: 0', true],
  ])('8.1: a %s without content ends with its head', async (method, length, endStream) => {
    const { head: section } = await ask(head(`${method} / HTTP/1.1`, 'Host: a', ...(length === '' ? [] : [length])))
    expect(section.endStream).toBe(endStream)
  })

  it('8.1.1: content is as long as its length says, or the stream is reset', async () => {
    client.scene.play(async peer => {
      const { stream } = await peer.section()
      expect(await peer.resetOf(stream)).toBe(CANCEL)
      const ended = peer.received.some(({ type, flags }) => type === DATA && (flags & END_STREAM) !== 0)
      expect(ended).toBe(false)
    })
    const asking = await client.scene.client()
    await asking.send(`${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 10')}123`)
    const peer = await client.scene.peer(0)
    await peer.seen(({ type }) => type === DATA)
    asking.close()
    await peer.seen(({ type }) => type === 3)
  })

  it('6.8: no stream is opened behind GOAWAY', async () => {
    client.scene.play(async peer => {
      const { stream } = await peer.section()
      await peer.send(goawayFrame(stream, 0))
      client.scene.play(answering((next, message) => next.send(good(message.stream))))
      await peer.settled().catch(() => {})
      await client.scene.peer(1)
      await peer.send(good(stream))
      await peer.closed
      expect(peer.received.filter(({ type }) => type === HEADERS).length).toBe(1)
    })
    const asking = await client.scene.client()
    await asking.send(post('/', 'x'))
    await (await client.scene.peer(0)).seen(({ type }) => type === HEADERS)
    // Read by the proxy only once it has been answered.
    await (await client.scene.peer(0)).seen(({ type, flags }) => type === 6 && flags === 1)
    const next = await client.scene.client()
    await next.send(get('/'))
    expect((await next.readResponse()).status).toBe(200)
    expect((await asking.readResponse()).status).toBe(200)
  })
})
