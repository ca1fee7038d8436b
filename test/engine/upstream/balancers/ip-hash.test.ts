import { describe, expect, it } from 'vitest'
import { IpHash } from '../../../../engine/upstream/balancers/ip-hash.ts'
import { chiSquareMax, chiSquareOf, countsOf, excluding, Scene } from './scene.ts'

function ipHash(weights: readonly number[]): IpHash {
  return new IpHash(new Scene(weights).members)
}

describe('ip_hash', () => {
  it('sends all clients of an IPv4 network of 256 to one member', () => {
    const balancer = ipHash([1, 1, 1, 1, 1])
    const places = Array.from({ length: 256 }, (_, host) => balancer.pick(`192.0.2.${host}`, null, 0))
    expect(new Set(places).size).toBe(1)
  })

  it('tells IPv6 clients apart by all of their address, however it is written', () => {
    const balancer = ipHash([1, 1, 1, 1, 1])
    const places = Array.from({ length: 256 }, (_, host) => balancer.pick(`2001:db8::${host.toString(16)}`, null, 0))
    expect(new Set(places).size).toBe(5)
    expect(balancer.pick('2001:0DB8:0:0:0:0:0:7', null, 0)).toBe(places[7])
  })

  it('spreads networks by weight', () => {
    const weights = [1, 2, 3, 4]
    const balancer = ipHash(weights)
    const places: number[] = []
    for (let network = 0; network < 65_536; network += 1) {
      places.push(balancer.pick(`10.${network >> 8}.${network & 255}.1`, null, 0))
    }
    // More even than chance: neighbours have neighbouring hashes.
    expect(chiSquareOf(countsOf(places, 4), weights)).toBeLessThan(chiSquareMax(4))
  })

  it('counts clients without an address as 0.0.0.0, as nginx does', () => {
    const balancer = ipHash([1, 2, 3])
    const place = balancer.pick('0.0.0.1', null, 0)
    for (const key of ['', 'unknown', 'unix:']) expect(balancer.pick(key, null, 0)).toBe(place)
  })

  it('takes turns between what is left where no hash leads to it', () => {
    const balancer = ipHash([10_000, 1, 1])
    const places = Array.from({ length: 10 }, () => balancer.pick('203.0.113.9', excluding(3, [0]), 0))
    expect(countsOf(places, 3)).toEqual([0, 5, 5])
  })
})
