import { describe, expect, it } from 'vitest'
import { identifyClient } from '../../../engine/exchange/client-identity.ts'
import type { ListenerTerms } from '../../../engine/exchange/generation.ts'
import type { Connection } from '../../../engine/net/connection.ts'
import type { StreamHandle } from '../../../engine/net/handles.ts'
import { AddressBlocks } from '../../../engine/shared/address-blocks.ts'
import type { Address } from '../../../engine/snapshot.ts'

const TCP: Address = { kind: 'tcp', host: '127.0.0.1', port: 80 }

function routes(address: Address, trustedProxies: readonly string[]): ListenerTerms {
  const settings = { name: 'web', address, trustedProxies, forwarded: false } as unknown as ListenerTerms['settings']
  const trusted = new AddressBlocks(trustedProxies)
  return { generation: null as never, settings, trusted, errorPages: null, strictTransport: null, httpsRedirect: null }
}

/** Answers as the system does: fields filled in, status 0. */
function fill(out: object, fields: object): number {
  Object.assign(out, fields)
  return 0
}

/** A connection whose handle knows its peer, or whose peer the system has forgotten (`undefined`). */
function from(peer: { address: string; port: number } | undefined): Pick<Connection, 'transport' | 'tls' | 'proxied'> {
  const transport = {
    getpeername: (out: object) => (peer === undefined ? -107 : fill(out, peer)),
    getsockname: (out: object) => fill(out, { port: 80 }),
  } as unknown as StreamHandle
  return { transport, tls: null, proxied: null }
}

describe('a client', () => {
  it('is trusted when its address lies in a block of the listener', () => {
    const identity = identifyClient(from({ address: '10.1.2.3', port: 5000 }), routes(TCP, ['10.0.0.0/8']))
    expect(identity).toMatchObject({ name: '10.1.2.3:5000', forwarding: { trusted: true, client: '10.1.2.3' } })
  })

  it('is trusted by its IPv4 address on a dual-stack socket', () => {
    const identity = identifyClient(from({ address: '::ffff:10.1.2.3', port: 5000 }), routes(TCP, ['10.0.0.0/8']))
    expect(identity).toMatchObject({ name: '10.1.2.3:5000', forwarding: { trusted: true } })
  })

  it('that sent RST behind its request, so that the system does not know it any more, is not trusted', () => {
    const identity = identifyClient(from(undefined), routes(TCP, ['10.0.0.0/8']))
    expect(identity).toMatchObject({ name: 'unknown', forwarding: { trusted: false } })
  })

  it('of a unix socket is trusted where the listener trusts anybody', () => {
    const address: Address = { kind: 'unix', path: '/run/web.sock' }
    const unknown = { transport: {} as StreamHandle, tls: null, proxied: null }
    expect(identifyClient(unknown, routes(address, ['10.0.0.0/8'])).forwarding.trusted).toBe(true)
    expect(identifyClient(unknown, routes(address, [])).forwarding.trusted).toBe(false)
  })
})
