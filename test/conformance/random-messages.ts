import fc from 'fast-check'
import type { ForwardedRequest, RequestCase, ResponseCase, WholeResponse } from './cases.ts'

/** fast-check arbitraries for valid messages, each with what must become of it. */

const from = (characters: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...characters), minLength, maxLength })

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
const tokenCharacters = `${letters}!#$%&'*+-.^_\`|~`
const pathCharacters = `${letters}-_~!$&'()*+,;=:@/`
const visible = Array.from({ length: 94 }, (_, index) => String.fromCharCode(0x21 + index)).join('')
const obsText = Array.from({ length: 128 }, (_, index) => String.fromCharCode(0x80 + index)).join('')
const latin1 = Array.from({ length: 256 }, (_, index) => String.fromCharCode(index)).join('')

const optionalWhitespace = from(' \t', 0, 3)
/** No name that means something to a proxy begins like this. */
const fieldName = from(tokenCharacters, 0, 12).map(rest => `X-R-${rest}`)
const fieldValue = from(`${visible}${obsText} \t`, 0, 30).map(value => value.replace(/^[ \t]+|[ \t]+$/g, ''))
const field = fc.record({ name: fieldName, value: fieldValue, before: optionalWhitespace, after: optionalWhitespace })
const fields = fc.array(field, { maxLength: 6 })
type Field = typeof field extends fc.Arbitrary<infer T> ? T : never

const wire = ({ name, value, before, after }: Field) => `${name}:${before}${value}${after}\r\n`
const plain = ({ name, value }: Field) => `${name}: ${value}`

const token = from(tokenCharacters, 1, 6)
const quoted = from(`${letters} ;,=\t${obsText}`, 0, 8).map(text => `"${text}"`)
const extension = fc.tuple(token, fc.option(fc.oneof(token, quoted))).map(([name, value]) => {
  return value === null ? `;${name}` : `;${name}=${value}`
})
const chunk = fc.record({
  data: from(latin1, 1, 40),
  extensions: fc.array(extension, { maxLength: 2 }),
  upperCase: fc.boolean(),
})
type Chunk = typeof chunk extends fc.Arbitrary<infer T> ? T : never

function chunkOf({ data, extensions, upperCase }: Chunk): string {
  const size = data.length.toString(16)
  return `${upperCase ? size.toUpperCase() : size}${extensions.join('')}\r\n${data}\r\n`
}

interface Content {
  /** Field lines that declare the framing. */
  readonly fields: string
  readonly wire: string
  readonly content: string
  readonly trailers: readonly string[]
}

const noContent: Content = { fields: '', wire: '', content: '', trailers: [] }
const lengthContent = from(latin1, 0, 60).map(
  (content): Content => ({ ...noContent, fields: `Content-Length: ${content.length}\r\n`, wire: content, content }),
)
const chunkedContent = fc
  .tuple(fc.array(chunk, { maxLength: 4 }), fc.array(field, { maxLength: 2 }))
  .map(([chunks, trailers]): Content => {
    return {
      fields: 'Transfer-Encoding: chunked\r\n',
      wire: `${chunks.map(chunkOf).join('')}0\r\n${trailers.map(wire).join('')}\r\n`,
      content: chunks.map(({ data }) => data).join(''),
      trailers: trailers.map(plain),
    }
  })

interface Message {
  readonly bytes: string
  readonly expected: ForwardedRequest
}

/** Paths in their canonical form: they go on as they are. */
const target = fc
  .tuple(from(pathCharacters, 0, 20), fc.option(from(`${pathCharacters}.?`, 0, 20)))
  .map(([path, query]) => `${`/${path}`.replaceAll(/\/+/g, '/')}${query === null ? '' : `?${query}`}`)

const request: fc.Arbitrary<Message> = fc
  .record({
    method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'QUERY'),
    target,
    before: fields,
    after: fields,
    content: fc.oneof(fc.constant(noContent), lengthContent, chunkedContent),
  })
  .map(({ method, target, before, after, content }) => {
    const head = `${method} ${target} HTTP/1.1\r\n${before.map(wire).join('')}Host: example.com\r\n`
    return {
      bytes: `${head}${content.fields}${after.map(wire).join('')}\r\n${content.wire}`,
      expected: {
        line: `${method} ${target} HTTP/1.1`,
        lines: [...before, ...after].map(plain),
        content: content.content,
        trailers: content.trailers,
      },
    }
  })

/** One to four valid requests on one connection. */
export const validRequests: fc.Arbitrary<RequestCase> = fc
  .array(request, { minLength: 1, maxLength: 4 })
  .map(messages => ({
    name: 'random',
    source: 'random',
    bytes: messages.map(({ bytes }) => bytes),
    expect: { forwarded: messages.map(({ expected }) => expected) },
  }))

const reason = from(`${letters} `, 0, 12)
const interim = fc.array(fc.constantFrom(102, 103), { maxLength: 2 })
const closeDelimited = from(latin1, 0, 60).map((content): Content => ({ ...noContent, wire: content, content }))

/** A valid response to a GET. */
export const validResponse: fc.Arbitrary<ResponseCase> = fc
  .record({
    status: fc.constantFrom(200, 201, 206, 299, 301, 404, 410, 500, 503, 599),
    reason,
    interim,
    before: fields,
    after: fields,
    framed: fc.oneof(
      fc.record({ content: lengthContent, ending: fc.constant(undefined) }),
      fc.record({ content: chunkedContent, ending: fc.constant(undefined) }),
      fc.record({ content: closeDelimited, ending: fc.constant('close' as const) }),
    ),
  })
  .map(({ status, reason, interim, before, after, framed: { content, ending } }) => {
    const hints = interim.map(code => `HTTP/1.1 ${code} Hint\r\nX-Hint: a\r\n\r\n`).join('')
    const head = `HTTP/1.1 ${status} ${reason}\r\n${before.map(wire).join('')}${content.fields}`
    const expected: WholeResponse = {
      outcome: 'ok',
      status,
      reason,
      interim,
      content: content.content,
      lines: [...before, ...after].map(plain),
      trailers: content.trailers,
      pooled: ending === undefined,
    }
    return {
      name: 'random',
      source: 'random',
      request: 'GET /case HTTP/1.1\r\nHost: example.com\r\nConnection: TE\r\nTE: trailers\r\n\r\n',
      origin: `${hints}${head}${after.map(wire).join('')}\r\n${content.wire}`,
      ...(ending === undefined ? {} : { ending }),
      expect: expected,
    }
  })

/** A place in a message, as a share of its length. Of integers, for `fc.double` is nearly always next to nothing. */
const share = fc.integer({ min: 0, max: 9_999 }).map(number => number / 10_000)

/** Places at which to cut. */
export const cuts: fc.Arbitrary<readonly number[]> = fc.array(share, { minLength: 1, maxLength: 12 })

export function offsetsOf(shares: readonly number[], length: number): number[] {
  return shares.map(share => Math.floor(share * length))
}

export interface Mutation {
  readonly at: number
  readonly remove: number
  readonly insert: string
}

const awkward = [
  '\0',
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '"',
  '0',
  '5',
  '\x0b',
  '\x7f',
  '\xff',
  '#',
]
const words = [
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Host: b\r\n',
  'GET / HTTP/1.1\r\n',
  'HTTP/1.0',
]

/** Small damage to a message: bytes cut out, and bytes that parsers disagree about put in. */
export const mutations: fc.Arbitrary<readonly Mutation[]> = fc.array(
  fc.record({
    at: share,
    remove: fc.nat({ max: 3 }),
    insert: fc.oneof(fc.constantFrom('', ...awkward), fc.constantFrom(...words), from(latin1, 1, 3)),
  }),
  { minLength: 1, maxLength: 3 },
)

export function mutate(text: string, changes: readonly Mutation[]): string {
  return changes.reduce((result, { at, remove, insert }) => {
    const from = Math.floor(at * result.length)
    return result.slice(0, from) + insert + result.slice(from + remove)
  }, text)
}
