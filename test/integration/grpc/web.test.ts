import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { chunk, head, lastChunk } from '../../support/heads.ts'
import type { RawClient } from '../../support/raw-client.ts'
import { valuesOf } from '../../support/strict-head.ts'
import type { StrictResponse } from '../../support/strict-response.ts'
import { byName, FORGIVING, openScene, type Player, type Scene } from '../upstream/scene.ts'

let scene: Scene
let origin: Player
beforeAll(async () => {
  scene = await openScene('a', first => {
    const endpoints = [{ address: first.address, name: 'a' }]
    return byName({ web: { endpoints, ...FORGIVING }, plain: { endpoints, ...FORGIVING } }, { web: { grpcWeb: true } })
  })
  ;[origin] = scene.origins as [Player]
})
afterEach(() => scene.rest())
afterAll(() => scene[Symbol.asyncDispose]())

function message(content: string, flags = 0): Buffer {
  const bytes = Buffer.alloc(5 + content.length)
  bytes[0] = flags
  bytes.writeUInt32BE(content.length, 1)
  bytes.write(content, 5, 'latin1')
  return bytes
}

const HELLO = message('hello')

const GRPC_HEAD = head(
  'HTTP/1.1 200 OK',
  'Content-Type: application/grpc+proto',
  'Trailer: grpc-status',
  'X-Meta: 1',
  'Transfer-Encoding: chunked',
)
const ENDED = lastChunk('Grpc-Status: 0', 'grpc-message: fine')
const TRAILERS = message('grpc-status:0\r\ngrpc-message:fine\r\n', 0x80)

function request(target: string, type: string, content: string | Buffer, ...fields: string[]): Buffer {
  const lines = [`POST ${target} HTTP/1.1`, `Content-Type: ${type}`, 'Host: a.example', ...fields]
  return Buffer.concat([
    Buffer.from(head(...lines, `Content-Length: ${content.length}`), 'latin1'),
    Buffer.from(content as string, 'latin1'),
  ])
}

async function call(bytes: Buffer, offsets: readonly number[] = []): Promise<StrictResponse> {
  const client = await scene.client()
  await client.sendSplit(bytes, offsets)
  return await client.readResponse({ method: 'POST' })
}

const TEXT = 'application/grpc-web-text+proto'
const BINARY = 'application/grpc-web+proto'

/** Decodes as clients do: padding may stand between any four characters. */
function decoded(text: Buffer): Buffer {
  const pieces = text.toString('latin1').match(/[^=]+=*/g) ?? []
  return Buffer.concat(pieces.map(piece => Buffer.from(piece, 'base64')))
}

describe('a call of gRPC-Web', () => {
  it('is a call of gRPC to the origin, whose trailers become the last message', async () => {
    origin.playEach(connection => connection.send(GRPC_HEAD + chunk(HELLO.toString('latin1')) + ENDED))
    const response = await call(request('/web/S/M', BINARY, HELLO, 'X-Grpc-Web: 1', 'X-User: me'))
    const [asked] = origin.requests
    expect(valuesOf(asked?.fields ?? [], 'content-type')).toEqual(['application/grpc+proto'])
    expect(valuesOf(asked?.fields ?? [], 'te')).toEqual(['trailers'])
    expect(valuesOf(asked?.fields ?? [], 'host')).toEqual(['a.example'])
    expect(valuesOf(asked?.fields ?? [], 'x-user')).toEqual(['me'])
    expect(asked?.content.equals(HELLO)).toBe(true)
    expect(valuesOf(response.fields, 'content-type')).toEqual([BINARY])
    expect(valuesOf(response.fields, 'x-meta')).toEqual(['1'])
    expect(valuesOf(response.fields, 'trailer')).toEqual([])
    expect(response.trailers).toEqual([])
    expect(response.content.equals(Buffer.concat([HELLO, TRAILERS]))).toBe(true)
    expect((await scene.records(1))[0]).toMatchObject({ status: 200, grpcStatus: 0 })
  })

  it('in text is decoded, and answered in text', async () => {
    origin.playEach(connection => connection.send(GRPC_HEAD + chunk(HELLO.toString('latin1')) + ENDED))
    const response = await call(request('/web/S/M', TEXT, HELLO.toString('base64')))
    expect(origin.requests[0]?.content.equals(HELLO)).toBe(true)
    expect(valuesOf(response.fields, 'content-type')).toEqual([TEXT])
    expect(decoded(response.content).equals(Buffer.concat([HELLO, TRAILERS]))).toBe(true)
  })

  it('in text may be padded anywhere between two pieces', async () => {
    origin.playEach(connection => connection.send(GRPC_HEAD + ENDED))
    const pieces = [HELLO.subarray(0, 1), HELLO.subarray(1, 6), HELLO.subarray(6)]
    await call(request('/web/S/M', TEXT, pieces.map(piece => piece.toString('base64')).join('')))
    expect(origin.requests[0]?.content.equals(HELLO)).toBe(true)
  })

  it('gets what it accepts, whatever it sends', async () => {
    origin.playEach(connection => connection.send(GRPC_HEAD + ENDED))
    const response = await call(request('/web/S/M', BINARY, HELLO, `Accept: ${TEXT}`))
    expect(valuesOf(response.fields, 'content-type')).toEqual([TEXT])
    expect(decoded(response.content).equals(TRAILERS)).toBe(true)
  })

  it.each(['A', 'AA', 'AAA', 'AA=A', 'AAAA=', '====', 'AAA*'])(
    'in text that is no base64 (%s) is refused',
    async text => {
      origin.play(async connection => {
        await connection.expectHead()
        await connection.stall()
      })
      const { status, fields } = await call(request('/web/S/M', TEXT, text))
      expect([status, valuesOf(fields, 'grpc-status').join()]).toEqual([200, '13'])
      expect((await scene.records(1))[0]).toMatchObject({ error: 'request_content_malformed' })
    },
  )

  it('with a status in the head of the response gets it there', async () => {
    origin.playEach(connection =>
      connection.send(head('HTTP/1.1 200 OK', 'Content-Type: application/grpc', 'grpc-status: 7', 'Content-Length: 0')),
    )
    const response = await call(request('/web/S/M', TEXT, ''))
    expect(valuesOf(response.fields, 'grpc-status')).toEqual(['7'])
    expect(valuesOf(response.fields, 'content-type')).toEqual(['application/grpc-web-text'])
    expect(response.content.length).toBe(0)
  })

  it('gets a response that is none of gRPC as it is', async () => {
    origin.playEach(connection =>
      connection.send(`${head('HTTP/1.1 502 Bad', 'Content-Type: text/html', 'Content-Length: 3')}bad`),
    )
    const { status, content } = await call(request('/web/S/M', TEXT, ''))
    expect([status, content.toString()]).toEqual([502, 'bad'])
  })

  it('goes on as it is where the route does not translate, or where it is no such call', async () => {
    origin.playEach(connection => connection.send(GRPC_HEAD + ENDED))
    await call(request('/plain/S/M', TEXT, 'AAAA'))
    await call(request('/web/S/M', 'application/grpc', HELLO))
    await call(request('/web/S/M', 'text/plain', 'AAAA'))
    expect(origin.requests.map(({ fields }) => valuesOf(fields, 'content-type').join())).toEqual([
      TEXT,
      'application/grpc',
      'text/plain',
    ])
  })
})

describe('splits', () => {
  it('of the request, at every byte, change nothing', async () => {
    origin.playEach(connection => connection.send(GRPC_HEAD + ENDED))
    const bytes = request('/web/S/M', TEXT, HELLO.toString('base64'))
    const client = await scene.client()
    for (let offset = 1; offset < bytes.length; offset += 1) {
      await client.sendSplit(bytes, [offset])
      await client.readResponse({ method: 'POST' })
    }
    expect(origin.requests).toHaveLength(bytes.length - 1)
    for (const { content } of origin.requests) expect(content.equals(HELLO)).toBe(true)
  })

  it.each([TEXT, BINARY])('of a response of several messages, at every byte, change nothing (%s)', async type => {
    const content = Buffer.concat([message('a'), message(''), message('bcd')])
    const bytes = Buffer.from(GRPC_HEAD + chunk(content.toString('latin1')) + ENDED, 'latin1')
    let offset = 1
    origin.playEach(connection => connection.sendSplit(bytes, [offset]))
    const client = await scene.client()
    for (; offset < bytes.length; offset += 1) {
      await client.send(request('/web/S/M', type, ''))
      const response = await client.readResponse({ method: 'POST' })
      const got = type === TEXT ? decoded(response.content) : response.content
      expect(got.equals(Buffer.concat([content, TRAILERS]))).toBe(true)
    }
  })
})

describe('a stream in text', () => {
  /** All that has come of the content, as far as it is whole. */
  async function decodedUntil(client: RawClient, length: number): Promise<Buffer> {
    let content = Buffer.alloc(0)
    await client.readUntil(unread => {
      const [, ...chunks] = unread.toString('latin1').split(/(?:^|\r\n)[0-9a-f]+\r\n/)
      content = decoded(Buffer.from(chunks.join('').replace(/\r\n$/, ''), 'latin1')) as typeof content
      return content.length >= length
    })
    return content
  }

  it('brings each message whole as it comes, and never waits for the next', async () => {
    origin.play(async connection => {
      await connection.expectRequest()
      await connection.send(GRPC_HEAD + chunk(message('a').toString('latin1')))
      // Goes on when the client has the first one.
      await connection.closed
    })
    const client = await scene.client()
    await client.send(request('/web/S/M', TEXT, ''))
    expect((await decodedUntil(client, 6)).equals(message('a'))).toBe(true)
  })

  it('of megabytes passes in both directions', async () => {
    const content = Buffer.concat(Array.from({ length: 20 }, (_, index) => message(String(index).repeat(50_000))))
    origin.play(async connection => {
      const { content: got } = await connection.expectRequest()
      expect(got.equals(content)).toBe(true)
      await connection.send(GRPC_HEAD)
      for (let at = 0; at < content.length; at += 70_001) {
        await connection.send(Buffer.from(chunk(content.subarray(at, at + 70_001).toString('latin1')), 'latin1'))
      }
      await connection.send(ENDED)
    })
    const client = await scene.client()
    void client.send(request('/web/S/M', TEXT, content.toString('base64')))
    const response = await client.readResponse({ method: 'POST', deadlineMs: 20_000 })
    expect(decoded(response.content).equals(Buffer.concat([content, TRAILERS]))).toBe(true)
  })
})
