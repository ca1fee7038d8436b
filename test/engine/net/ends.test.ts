import { describe, expect, it } from 'vitest'
import { endsOf, hostOf, nameOf, proxyNameOf } from '../../../engine/net/ends.ts'
import type { StreamHandle } from '../../../engine/net/handles.ts'
import type { ProxyHeader } from '../../../engine/net/proxy-protocol/header.ts'
import type { Address } from '../../../engine/snapshot.ts'

interface SystemAnswer {
  readonly address: string
  readonly port: number
}

function socket(peer: SystemAnswer | null, own: SystemAnswer): StreamHandle {
  return {
    getpeername: (out: object) => (peer === null ? -107 : Object.assign(out, peer) && 0),
    getsockname: (out: object) => Object.assign(out, own) && 0,
  } as unknown as StreamHandle
}

const OWN = { address: '::ffff:192.0.2.2', port: 443 }
const PEER = { address: '::ffff:10.0.0.9', port: 5000 }

function header(source: Address | null, destination: Address | null): ProxyHeader {
  return { source, destination, isDatagram: false, details: null }
}

describe('the ends of a connection', () => {
  it('are those of its socket, without mapping and zones', () => {
    const ends = endsOf({ transport: socket({ address: 'fe80::1%eth0', port: 5000 }, OWN), proxied: null })
    expect(nameOf(ends.client)).toBe('[fe80::1]:5000')
    expect(nameOf(ends.destination)).toBe('192.0.2.2:443')
    expect([hostOf(ends.client), proxyNameOf(ends)]).toEqual(['fe80::1', ''])
  })

  it('are those of a header, and the peer is the proxy', () => {
    const proxied = header(
      { kind: 'tcp', host: '203.0.113.7', port: 1234 },
      { kind: 'tcp', host: '203.0.113.1', port: 80 },
    )
    const ends = endsOf({ transport: socket(PEER, OWN), proxied })
    expect([nameOf(ends.client), nameOf(ends.destination)]).toEqual(['203.0.113.7:1234', '203.0.113.1:80'])
    expect([hostOf(ends.client), proxyNameOf(ends)]).toEqual(['203.0.113.7', '10.0.0.9:5000'])
  })

  it('are those of the socket where the header speaks of a connection of the proxy’s own', () => {
    const ends = endsOf({ transport: socket(PEER, OWN), proxied: header(null, null) })
    expect([nameOf(ends.client), proxyNameOf(ends)]).toEqual(['10.0.0.9:5000', ''])
  })

  it('may be known to nobody', () => {
    const unix = endsOf({ transport: {} as StreamHandle, proxied: null })
    const gone = endsOf({ transport: socket(null, OWN), proxied: null })
    expect([nameOf(unix.client), nameOf(unix.destination), hostOf(gone.client)]).toEqual([
      'unknown',
      'unknown',
      'unknown',
    ])
    const nameless = header({ kind: 'unix', path: '' }, { kind: 'unix', path: '/run/a.sock' })
    const told = endsOf({ transport: {} as StreamHandle, proxied: nameless })
    expect([nameOf(told.client), nameOf(told.destination), hostOf(told.client), proxyNameOf(told)]).toEqual([
      'unknown',
      'unix:/run/a.sock',
      'unknown',
      'unknown',
    ])
  })
})
