import { describe, expect, it } from 'vitest'
import type { TestProxyOptions } from '../../support/snapshot.ts'
import { explained, tcp } from './explaining.ts'

const OPTIONS: TestProxyOptions = {
  upstreams: { calls: [tcp(1)], nobody: [] },
  routes: [
    {
      name: 'calls',
      match: { path: { kind: 'prefix', path: '/shop.Orders/' }, conditions: [{ kind: 'grpc' }] },
      to: 'calls',
      grpcWeb: true,
    },
    { name: 'nobody', match: { path: { kind: 'prefix', path: '/shop.Nobody/' } }, to: 'nobody' },
    {
      name: 'closed',
      match: { path: { kind: 'prefix', path: '/shop.Closed/' } },
      to: { kind: 'respond', status: 503, fields: [['Content-Type', 'text/plain']], content: Buffer.from('later') },
    },
  ],
}

function call(target: string, type = 'application/grpc') {
  return explained(OPTIONS, { method: 'POST', target, fields: [['Content-Type', type]] })
}

describe('the explanation of a call of gRPC', () => {
  it('says why a route takes it, and why it takes nothing else', async () => {
    expect((await call('/shop.Orders/Place')).route).toBe('calls')
    const { route, candidates } = await call('/shop.Orders/Place', 'application/json')
    expect(route).toBe(null)
    expect(candidates[0]?.failed.join()).toContain('found application/json')
  })

  it('has the head that the origin gets of one of gRPC-Web', async () => {
    const { rewrites, upstreamRequest } = await call('/shop.Orders/Place', 'application/grpc-web+proto')
    expect(rewrites).toContain('the call of gRPC-Web becomes one of gRPC')
    expect(upstreamRequest?.fields).toContainEqual(['content-type', 'application/grpc+proto'])
    expect(upstreamRequest?.fields).toContainEqual(['TE', 'trailers'])
  })

  it.each([
    ['/shop.Other/Place', '12', '404 Not Found'],
    ['/shop.Nobody/Place', '14', '503 Service Unavailable'],
    ['/shop.Closed/Place', '14', 'later'],
  ])('has the status that it is answered with: %s, %s', async (target, status, message) => {
    const { answer } = await call(target)
    expect(answer).toMatchObject({
      status: 200,
      fields: { 'content-type': 'application/grpc', 'grpc-status': status, 'grpc-message': message },
    })
  })
})
