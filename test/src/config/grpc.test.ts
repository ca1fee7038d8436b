import { describe, expect, it } from 'vitest'
import { grpcPath, parseGrpcMethod, parseGrpcService } from '../../../src/config/grpc.ts'

describe('the name of a service', () => {
  it.each(['Greeter', 'helloworld.Greeter', 'grpc.health.v1.Health', '_a.B_2'])('may be %s', name => {
    expect(parseGrpcService(name)).toMatchObject({ ok: true, value: name })
  })

  it.each(['', '.', 'a.', '.a', 'a..b', '2a', 'a-b', 'a/b', '/a.B/C', 'a.*', 'ä', 'a'.repeat(1001)])(
    'may not be %j',
    name => expect(parseGrpcService(name).ok).toBe(false),
  )
})

describe('the name of a method', () => {
  it.each(['SayHello', '_a1'])('may be %s', name => {
    expect(parseGrpcMethod(name)).toMatchObject({ ok: true, value: name })
  })

  it.each(['', 'a.b', 'a/b', '*', '1'])('may not be %j', name => expect(parseGrpcMethod(name).ok).toBe(false))
})

describe('what is asked for', () => {
  it('becomes the path of such calls', () => {
    expect(grpcPath({ service: 'a.B', method: 'C' })).toEqual({ kind: 'exact', path: '/a.B/C' })
    expect(grpcPath({ service: 'a.B' })).toEqual({ kind: 'prefix', path: '/a.B/' })
    expect(grpcPath({ method: 'C' })).toEqual({
      kind: 'template',
      segments: [{ name: 'service' }, 'C'],
      rest: false,
    })
    expect(grpcPath({})).toEqual({ kind: 'prefix', path: '/' })
  })
})
