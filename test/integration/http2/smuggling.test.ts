import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Fields } from '../../support/http2-fields.ts'
import {
  DATA,
  dataFrame,
  END_STREAM,
  HEADERS,
  type Http2Origin,
  headersFrame,
  http2Client,
  http2Origin,
  type Message,
  RST_STREAM,
  requestFields,
  responseFields,
} from '../../support/http2-peer.ts'
import { type SameThreadProxy, startSameThreadProxy } from '../../support/proxy.ts'
import { rawClient } from '../../support/raw-client.ts'
import { type RecordingOrigin, recordingOrigin } from '../../support/recording-origin.ts'
import { valuesOf } from '../../support/strict-head.ts'

/** What an origin has made of a request. */
interface Seen {
  readonly id: string
  readonly method: string
  readonly fields: Fields
  readonly content: string
  readonly trailers: Fields
}

const runs = { numRuns: 200 }

const SPLIT = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-id: smuggled\r\n\r\n'
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nhost: example.com\r\n\r\n'
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
const VALUE = /^$|^[\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/
const OF_A_CONNECTION = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']

/** Why a recipient of HTTP/2 would have to call a message malformed (RFC 9113, section 8); `''` where it would not. */
function flawOf({ head, content, trailers }: Message, wantedPseudo: string, hasContent = true): string {
  const { fields } = head
  const names = fields.map(([name]) => name)
  const pseudo = names.filter(name => name.startsWith(':'))
  if (names.slice(0, pseudo.length).some(name => !name.startsWith(':'))) return 'a pseudo-field behind a field'
  if (pseudo.sort().join() !== wantedPseudo) return `pseudo-fields ${pseudo}`
  const lines = [...fields.filter(([name]) => !name.startsWith(':')), ...(trailers?.fields ?? [])]
  const wrong = lines.find(([name, value]) => {
    if (!TOKEN.test(name) || !VALUE.test(value) || OF_A_CONNECTION.includes(name)) return true
    return name === 'te' && value !== 'trailers'
  })
  if (wrong !== undefined) return `field ${JSON.stringify(wrong)}`
  const lengths = fields.filter(([name]) => name === 'content-length').map(([, value]) => value)
  const isTrue =
    lengths.length === 0 || (lengths.length === 1 && (!hasContent || Number(lengths[0]) === content.length))
  return isTrue ? '' : `content-length ${lengths} for ${content.length} bytes`
}

function flawOfRequest(message: Message): string {
  const isPath = /^[\x21-\x22\x24-\x7e]+$/.test(message.head.get(':path') ?? '')
  if (!isPath || message.head.get('host') !== undefined)
    return `:path or host of ${JSON.stringify(message.head.fields)}`
  return flawOf(message, ':authority,:method,:path,:scheme')
}

function flawOfResponse(message: Message): string {
  const interim = message.interim.map(head => flawOf({ ...message, head, trailers: null }, ':status', false))
  return interim.join('') + flawOf(message, ':status', message.head.get(':status') !== '304')
}

let http1: RecordingOrigin
let http2: Http2Origin
let proxy: SameThreadProxy
const seenOverHttp2: Seen[] = []
const flaws: string[] = []
/** What the origin of HTTP/2 answers to the requests with these marks. */
let answers: ReadonlyMap<string, Response> = new Map()

beforeAll(async () => {
  http1 = await recordingOrigin()
  http2 = await http2Origin(async peer => {
    while (peer.open) {
      // One that is reset in its middle is none.
      const message = await peer.message().catch(() => null)
      if (message === null) continue
      const { head, content, trailers, stream } = message
      const answer = answers.get(head.get('x-id') ?? '')
      if (answer !== undefined) {
        await peer.send(answerOf(answer, head.get('x-id') ?? '', stream))
        continue
      }
      const flaw = flawOfRequest(message)
      if (flaw !== '') flaws.push(flaw)
      seenOverHttp2.push({
        id: head.get('x-id') ?? '',
        method: head.get(':method') ?? '',
        fields: head.fields,
        content: content.toString('latin1'),
        trailers: trailers?.fields ?? [],
      })
      await peer.send(headersFrame(stream, responseFields(200), true))
    }
  })
  proxy = await startSameThreadProxy({
    listeners: [{}, {}],
    upstreams: { http1: [http1.address], http2: { endpoints: [http2.address], protocol: 'h2c' } },
    routes: [
      { match: { listeners: [0] }, to: 'http1' },
      { match: { listeners: [1] }, to: 'http2' },
    ],
  })
})

afterAll(async () => {
  await proxy.stop()
  await Promise.all([http1.close(), http2.close()])
})

const seenOverHttp1 = (): Seen[] =>
  http1.requests.map(({ method, fields, content, trailers }) => ({
    id: valuesOf(fields, 'x-id').join(),
    method,
    fields,
    content: content.toString('latin1'),
    trailers,
  }))

const evil = fc.constantFrom(
  `x\r\n\r\n${SMUGGLED}`,
  ...['\r\n', '\n', '\r', '\0', '\t', ' ', 'x\r\ny: z', 'x\ny: z', '\x7f', '\x80', '\xff', ':', ',', ';', '"', 'x'],
)
const text = fc.array(evil, { maxLength: 3 }).map(parts => parts.join(''))
const name = fc.oneof(
  fc.constantFrom(
    ...['transfer-encoding', 'content-length', 'connection', 'te', 'host', 'cookie', 'via', 'forwarded', 'upgrade'],
    ...['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-client-cert', 'x-request-id', 'http2-settings'],
    ...['keep-alive', 'proxy-connection', 'expect', 'trailer', 'x-a', 'X-Upper', 'x a', 'x:a', ' x', 'x ', ''],
    ...['x\r\na', ':path', ':authority', ':x', ':', 'transfer-encoding ', 'transfer_encoding', 'proxy-authorization'],
    ...['priority', 'sec-websocket-key', 'content-length\0', 'x\x80', '(', 'transfer-encoding\r\nx'],
  ),
  text,
)
const value = fc.oneof(
  text,
  fc.constantFrom('chunked', 'trailers', 'close, x-id', 'x-id', '0', '3', '+3', '3, 3', '03', '-1', 'abc', '1e1'),
  fc.constantFrom(
    '100-continue',
    'websocket',
    'h2c',
    'example.com',
    'evil.example',
    '192.0.2.1',
    'a=b',
    'gzip, chunked',
  ),
)
const fields = fc.array(fc.tuple(name, value), { maxLength: 3 })
const seldom = <T>(usual: T, other: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other })

const requests = fc.array(
  fc.record({
    method: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('GET', 'POST', 'PUT', 'HEAD', 'OPTIONS', 'DELETE', 'TRACE') },
      {
        weight: 1,
        arbitrary: fc.constantFrom('get', 'GE T', 'GET / HTTP/1.1\r\nx: y\r\n', 'CONNECT', 'PRI', 'FOO', ''),
      },
    ),
    path: seldom(
      '/p',
      fc.oneof(text, fc.constantFrom('*', 'http://x/', '//x', '/#f', '', '/ HTTP/1.1\r\nx: y', '/\x80')),
    ),
    authority: seldom('example.com', fc.oneof(text, fc.constantFrom('a@b', 'a/b', 'a,b', '[::1]:1', 'a b', 'b:0', ''))),
    scheme: seldom('http', fc.constantFrom('https', 'ftp', 'http\r\nx: y', '')),
    fields,
    /** Besides its own: before the others, so that a recipient may take either. */
    length: seldom('', fc.constantFrom('true', '0', '3', '999', '+3', '3\r\n', ' 3', '3, 3')),
    content: fc.constantFrom('', 'abc', '0\r\n\r\n', SMUGGLED, `0\r\n\r\n${SMUGGLED}`),
    trailers: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fields }),
  }),
  { minLength: 1, maxLength: 5 },
)
type Request = (typeof requests extends fc.Arbitrary<infer All> ? All : never)[number] & { readonly id: string }

function framesOf({ method, path, authority, scheme, fields, length, content, trailers, id }: Request, stream: number) {
  const told = length === 'true' ? `${content.length}` : length
  const head: Fields = [
    ...([
      [':method', method],
      [':scheme', scheme],
      [':path', path],
      [':authority', authority],
      ['x-id', id],
    ] as const),
    ...(told === '' ? [] : ([['content-length', told]] as const)),
    ...fields,
  ]
  const ends = content === '' && trailers === null
  return {
    head: headersFrame(stream, head, ends),
    rest: [
      ...(content === '' ? [] : [dataFrame(stream, content, trailers === null)]),
      ...(trailers === null ? [] : [headersFrame(stream, trailers, true)]),
    ],
  }
}

let count = 0

/** Sends them all at once, on one connection, and waits for whatever becomes of each. */
async function ask(port: number, asked: readonly Request[]): Promise<void> {
  using peer = await http2Client(port)
  const frames = asked.map((request, index) => framesOf(request, index * 2 + 1))
  await peer.send(...frames.map(({ head }) => head), ...frames.flatMap(({ rest }) => rest)).catch(() => {})
  for (const [index] of asked.entries()) {
    const stream = index * 2 + 1
    const isOver = ({ type, flags, stream: of }: { type: number; flags: number; stream: number }) =>
      of === stream && (type === RST_STREAM || ((type === DATA || type === HEADERS) && (flags & END_STREAM) !== 0))
    await peer.next(isOver, `the end of stream ${stream}`).catch(error => {
      if (peer.open) throw error
    })
  }
}

function judge(asked: readonly Request[], seen: readonly Seen[]): void {
  for (const { id, method, fields, content, trailers } of seen) {
    const request = asked.find(one => one.id === id)
    expect(request, `a request that nobody has sent: ${method} ${JSON.stringify(fields)}`).toBeDefined()
    expect({ method, content }).toEqual({ method: request?.method, content: request?.content })
    expect(valuesOf(fields, 'via').at(-1)).toBe('2 sluice')
    expect(valuesOf(fields, 'x-forwarded-for')).toEqual(['127.0.0.1'])
    expect(valuesOf(fields, 'x-forwarded-proto')).toEqual(['http'])
    for (const ours of [
      'x-forwarded-client-cert',
      'forwarded',
      'http2-settings',
      'proxy-authorization',
      'keep-alive',
    ]) {
      expect(valuesOf(fields, ours), ours).toEqual([])
    }
    for (const never of ['x-forwarded-for', 'x-forwarded-client-cert', 'via', 'host', 'content-length', 'cookie']) {
      expect(valuesOf(trailers, never), `${never} among the trailers`).toEqual([])
    }
  }
  expect(new Set(seen.map(({ id }) => id)).size, 'requests that came twice').toBe(seen.length)
}

describe('whatever a client of HTTP/2 puts into its requests', () => {
  it('an origin of HTTP/1.1 reads them as they were meant, and nothing besides', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(requests, async drawn => {
        const asked = drawn.map(request => ({ ...request, id: `${count++}` }))
        http1.forget()
        await ask(proxy.portOf(0), asked)
        expect(http1.malformed).toEqual([])
        judge(asked, seenOverHttp1())
      }),
      runs,
    )
  })

  it('so does one of HTTP/2', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(requests, async drawn => {
        const asked = drawn.map(request => ({ ...request, id: `${count++}` }))
        seenOverHttp2.length = 0
        await ask(proxy.portOf(1), asked)
        expect(flaws).toEqual([])
        judge(asked, seenOverHttp2)
      }),
      runs,
    )
  })
})

const responses = fc.array(
  fc.record({
    interim: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fields }),
    status: seldom('200', fc.constantFrom('204', '304', '100', '101', '99', '600', '2000', '20 0', '200\r\nx: y', '')),
    fields,
    length: seldom('', fc.constantFrom('true', '0', '3', '999', '+3', '3\r\n', '3, 3')),
    content: fc.constantFrom('', 'abc', '0\r\n\r\n', SPLIT, `0\r\n\r\n${SPLIT}`),
    trailers: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fields }),
  }),
  { minLength: 1, maxLength: 4 },
)
type Response = typeof responses extends fc.Arbitrary<(infer One)[]> ? One : never

function answerOf({ interim, status, fields, length, content, trailers }: Response, id: string, stream: number) {
  const told = length === 'true' ? `${content.length}` : length
  const head: Fields = [
    [':status', status],
    ['x-id', id],
    ...(told === '' ? [] : ([['content-length', told]] as const)),
    ...fields,
  ]
  const ends = content === '' && trailers === null
  return Buffer.concat([
    ...(interim === null ? [] : [headersFrame(stream, [[':status', '103'], ...interim])]),
    headersFrame(stream, head, ends),
    ...(content === '' ? [] : [dataFrame(stream, content, trailers === null)]),
    ...(trailers === null ? [] : [headersFrame(stream, trailers, true)]),
  ])
}

describe('whatever an origin of HTTP/2 puts into its responses', () => {
  it('a client of HTTP/1.1 reads one response for each request, and its own', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(responses, async drawn => {
        answers = new Map(drawn.map(response => [`${count++}`, response]))
        using client = await rawClient(proxy.portOf(1))
        for (const [id, { content, length }] of answers) {
          await client.send(`GET /answer HTTP/1.1\r\nHost: example.com\r\nX-Id: ${id}\r\n\r\n`)
          const read = await client.nextResponse()
          if (read.kind === 'cut') return
          if (read.kind === 'malformed')
            throw new Error(`${read.reason}: ${JSON.stringify(read.received.toString('latin1'))}`)
          const { status, fields, content: got } = read.response
          if (status === 502) continue
          expect(valuesOf(fields, 'x-id')).toContain(id)
          // Where the head has gone on before the content turned out to be more, that is left out.
          const wanted = content.slice(0, got.length === Number(length) ? got.length : undefined)
          expect(got.toString('latin1')).toBe(status === 204 || status === 304 ? '' : wanted)
          expect(client.unread.toString('latin1')).toBe('')
        }
      }),
      runs,
    )
  })

  it('so does one of HTTP/2', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(responses, async drawn => {
        answers = new Map(drawn.map(response => [`${count++}`, response]))
        using peer = await http2Client(proxy.portOf(1))
        const ids = [...answers.keys()]
        await peer.send(
          ...ids.map((id, index) => headersFrame(index * 2 + 1, requestFields('GET', '/answer', ['x-id', id]), true)),
        )
        for (const [index, id] of ids.entries()) {
          const message = await peer.message(index * 2 + 1).catch(error => {
            if (/was reset/.test((error as Error).message)) return null
            throw error
          })
          if (message === null) continue
          expect(flawOfResponse(message)).toBe('')
          const status = message.head.get(':status')
          if (status === '502') continue
          expect(valuesOf(message.head.fields, 'x-id')).toContain(id)
          const wanted = status === '204' || status === '304' ? '' : answers.get(id)?.content
          expect(message.content.toString('latin1')).toBe(wanted)
        }
      }),
      runs,
    )
  })

  it('and nothing of ours breaks over any of it', () => {
    expect(proxy.events).toEqual([])
  })
})
