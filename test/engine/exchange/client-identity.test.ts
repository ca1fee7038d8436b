import { describe, expect, it } from 'vitest'
import { identifyClient } from '../../../engine/exchange/client-identity.ts'
import type { ListenerTerms } from '../../../engine/exchange/generation.ts'
import type { StreamHandle } from '../../../engine/net/handles.ts'
import { AddressBlocks } from '../../../engine/routing/trusted.ts'
import type { Address } from '../../../engine/snapshot.ts'

const TCP: Address = { kind: 'tcp', host: '127.0.0.1', port: 80 }

function routes(address: Address, trustedProxies: readonly string[]): ListenerTerms {
  const settings = { name: 'web', address, trustedProxies, forwarded: false } as unknown as ListenerTerms['settings']
  const trusted = new AddressBlocks(trustedProxies)
  return { generation: null as never, settings, trusted, errorPages: null }
}

/** Answers as the system does: fields filled in, status 0. */
function fill(out: object, fields: object): number {
  Object.assign(out, fields)
  return 0
}

/** A handle that knows its peer, or whose peer the system has forgotten (`undefined`). */
function handle(peer: { address: string; port: number } | undefined): StreamHandle {
  return {
    getpeername: (out: object) => (peer === undefined ? -107 : fill(out, peer)),
    getsockname: (out: object) => fill(out, { port: 80 }),
  } as unknown as StreamHandle
}

describe('a client', () => {
  it('is trusted when its address lies in a block of the listener', () => {
    const identity = identifyClient(handle({ address: '10.1.2.3', port: 5000 }), routes(TCP, ['10.0.0.0/8']))
    expect(identity).toMatchObject({ name: '10.1.2.3:5000', forwarding: { trusted: true, client: '10.1.2.3' } })
  })

  it('is trusted by its IPv4 address on a dual-stack socket', () => {
    const identity = identifyClient(handle({ address: '::ffff:10.1.2.3', port: 5000 }), routes(TCP, ['10.0.0.0/8']))
    expect(identity).toMatchObject({ name: '10.1.2.3:5000', forwarding: { trusted: true } })
  })

  it('that sent RST behind its request, so that the system does not know it any more, is not trusted', () => {
    const identity = identifyClient(handle(undefined), routes(TCP, ['10.0.0.0/8']))
    expect(identity).toMatchObject({ name: 'unknown', forwarding: { trusted: false } })
  })

  it('of a unix socket is trusted where the listener trusts anybody', () => {
    const address: Address = { kind: 'unix', path: '/run/web.sock' }
    expect(identifyClient({} as StreamHandle, routes(address, ['10.0.0.0/8'])).forwarding.trusted).toBe(true)
    expect(identifyClient({} as StreamHandle, routes(address, [])).forwarding.trusted).toBe(false)
  })
})
