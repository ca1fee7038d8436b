import { describe, expect, it } from 'vitest'
import { isForbiddenTrailer } from '../../../engine/http/trailers.ts'

describe('a trailer section', () => {
  it.each([
    [
      'frames the message',
      ['Content-Length', 'Transfer-Encoding', 'Content-Encoding', 'Content-Type', 'Content-Range', 'Trailer'],
    ],
    [
      'routes it',
      ['Host', 'Max-Forwards', 'Via', 'Forwarded', 'X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host'],
    ],
    [
      'belongs to a connection',
      ['Connection', 'Keep-Alive', 'Proxy-Connection', 'TE', 'Upgrade', 'HTTP2-Settings', 'Expect'],
    ],
    ['authenticates', ['Authorization', 'Proxy-Authorization', 'Proxy-Authenticate', 'Cookie', 'Set-Cookie']],
    ['is ours to say', ['X-Request-Id', 'X-Forwarded-Port', 'X-Forwarded-Client-Cert']],
  ])('cannot have what %s', (_, names) => {
    expect(names.filter(name => !isForbiddenTrailer(name))).toEqual([])
    expect(names.filter(name => !isForbiddenTrailer(name.toUpperCase()))).toEqual([])
  })

  it('may have everything else: checksums, gRPC status, timings', () => {
    const names = ['Digest', 'Content-MD5', 'grpc-status', 'grpc-message', 'Server-Timing', 'ETag', 'X-Checksum']
    expect(names.filter(isForbiddenTrailer)).toEqual([])
  })
})
