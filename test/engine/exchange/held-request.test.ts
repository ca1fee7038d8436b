import { describe, expect, it } from 'vitest'
import type { Attempt } from '../../../engine/exchange/attempt.ts'
import { HeldRequest } from '../../../engine/exchange/held-request.ts'
import { memory, slots } from '../../../engine/http1/llhttp.ts'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import type { ClientSession } from '../../../engine/upstream/client-session.ts'

const HEAD = 'PUT /x HTTP/1.1\r\nHost: a.example:80\r\nX-One: 1\r\n\r\n'

function held(text = HEAD): HeldRequest {
  const request = new HeldRequest()
  request.bytes.text(text)
  return request
}

/** A session that has something of another request in its buffer. */
function session(before = ''): { out: ByteBuffer; taken: ClientSession } {
  const out = new ByteBuffer(16)
  out.text(before)
  return { out, taken: { prepare: () => out } as unknown as ClientSession }
}

function add(request: HeldRequest, content: string, chunked: boolean): boolean {
  const { start } = slots.landing
  memory.latin1Write(content, start)
  return request.addContent(start, start + content.length, chunked)
}

const textOf = ({ bytes, length }: ByteBuffer) => bytes.latin1Slice(0, length)

describe('a request that is held', () => {
  it('goes on as it is', () => {
    const { out, taken } = session('before')
    expect(held().moveTo(taken, null)).toBe(6)
    expect(textOf(out)).toBe(`before${HEAD}`)
  })

  it.each(['b', 'a.much.longer.name.than.the.one.before.example:8080', '[2001:db8::1]:80'])(
    'goes on with another Host, and nothing else: %s',
    host => {
      const { out, taken } = session('before')
      expect(held().moveTo(taken, host)).toBe(6)
      expect(textOf(out)).toBe(`before${HEAD.replace('a.example:80', host)}`)
    },
  )

  it('takes content with a length', () => {
    const request = held()
    expect(add(request, 'abc', false)).toBe(true)
    expect(add(request, 'def', false)).toBe(true)
    request.end(null, false)
    const { out, taken } = session()
    request.moveTo(taken, 'b')
    expect(textOf(out)).toBe(`${HEAD.replace('a.example:80', 'b')}abcdef`)
  })

  it('takes content in chunks, with trailers', () => {
    const request = held()
    add(request, 'abc', true)
    add(request, 'defghijklmnopqrs', true)
    request.end(['X-Sum', '19'], true)
    expect(textOf(request.bytes)).toBe(`${HEAD}3\r\nabc\r\n10\r\ndefghijklmnopqrs\r\n0\r\nX-Sum: 19\r\n\r\n`)
  })

  it('says when it is enough', () => {
    const request = held()
    let pieces = 0
    while (add(request, 'x'.repeat(1024), false)) pieces += 1
    expect(pieces).toBe(63)
  })

  it('is the one of a try that has failed', () => {
    const text = HEAD + 'x'.repeat(5_000)
    const attempt = {
      requestStart: 100,
      requestEnd: 100 + text.length,
      session: {
        copyRequest(_: unknown, to: ByteBuffer) {
          to.text(text)
        },
      },
    } as unknown as Attempt
    expect(textOf(HeldRequest.of(attempt).bytes)).toBe(text)
  })
})
