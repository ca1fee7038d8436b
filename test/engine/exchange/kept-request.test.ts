import { describe, expect, it } from 'vitest'
import { KeptRequest } from '../../../engine/exchange/kept-request.ts'
import { LENGTH_CONTENT } from '../../../engine/http/framing.ts'
import { replay } from '../../../engine/http1/llhttp.ts'
import { ofRequest } from '../routing/request-head.ts'

function come(kept: KeptRequest, text: string): void {
  const start = replay(Buffer.from(text))
  kept.addContent(start, start + text.length)
}

function contentOf({ content }: KeptRequest): string {
  return content === null ? '' : content.bytes.latin1Slice(0, content.length)
}

const keep = (fields: readonly string[], bytesMax = 100): KeptRequest =>
  ofRequest('/a/b?c=d', fields, request => new KeptRequest(request, bytesMax))

describe('a kept request', () => {
  it('is read when the head that it came from is another', () => {
    const { request } = ofRequest('/a/b?c=d', ['X-A: 1', 'Cookie: e=f'], routed => {
      routed.captures = { id: '7' }
      return new KeptRequest(routed, 0)
    })
    ofRequest('/other', ['X-A: 2'], () => undefined)
    expect(request.path).toBe('/a/b')
    expect(request.query).toBe('c=d')
    expect(request.method).toBe('GET')
    expect(request.host).toBe('a')
    expect(request.field('x-a')).toBe('1')
    expect(request.cookieValues('e')).toEqual(['f'])
    expect(request.requestId).toBe('id-1')
    expect(request.captures).toEqual({ id: '7' })
  })

  it('is whole at once where it has no content', () => {
    expect(keep([])).toMatchObject({ isWhole: true, hasAll: true, content: null })
  })

  it('keeps content as it goes upstream: with a length', () => {
    const kept = keep(['Content-Length: 6'])
    expect(kept.request.facts.framing).toBe(LENGTH_CONTENT)
    come(kept, 'abc')
    expect(kept.isWhole).toBe(false)
    come(kept, 'def')
    kept.endContent(null)
    expect(kept).toMatchObject({ isWhole: true, hasAll: true })
    expect(contentOf(kept)).toBe('abcdef')
  })

  it('keeps content as it goes upstream: in chunks, with trailers', () => {
    const kept = keep(['Transfer-Encoding: chunked'])
    come(kept, 'abc')
    come(kept, 'defg')
    kept.endContent(['X-Sum', '7'])
    expect(contentOf(kept)).toBe('3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n')
  })

  it('ends chunked content of no bytes, too', () => {
    const kept = keep(['Transfer-Encoding: chunked'])
    kept.endContent(null)
    expect(contentOf(kept)).toBe('0\r\n\r\n')
  })

  it('lets go of content that is too much', () => {
    const kept = keep(['Content-Length: 7'], 6)
    come(kept, 'abcdef')
    expect(kept.hasAll).toBe(true)
    come(kept, 'g')
    kept.endContent(null)
    expect(kept).toMatchObject({ hasAll: false, content: null, isWhole: true })
  })
})
