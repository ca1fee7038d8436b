import { expect, it } from 'vitest'
import { placesOfHost, placesOfService } from '../../../engine/threads/places.ts'

const target = { host: 'a.test', port: 80, priority: 0, weight: 1, addresses: ['10.0.0.1'] }

it('a host is at each of its addresses, with the port of the configuration and no weight of its own', () => {
  expect(placesOfHost({ addresses: ['10.0.0.1', '::1'], ttlMs: 1 }, 81)).toEqual([
    { address: { kind: 'tcp', host: '10.0.0.1', port: 81 }, host: null, weight: null, rank: 0 },
    { address: { kind: 'tcp', host: '::1', port: 81 }, host: null, weight: null, rank: 0 },
  ])
})

it('a service is where its records say, in groups that count from 0, whatever its priorities are', () => {
  const targets = [
    { ...target, priority: 300 },
    { ...target, addresses: ['10.0.0.2', '10.0.0.3'], priority: 20, weight: 0 },
    { ...target, host: 'b.test', addresses: ['10.0.0.4'], priority: 20, weight: 65_535, port: 1 },
  ]
  expect(placesOfService({ targets, ttlMs: 1 }).map(({ address, ...rest }) => rest)).toEqual([
    { host: 'a.test', weight: 1, rank: 1 },
    { host: 'a.test', weight: 1, rank: 0 },
    { host: 'a.test', weight: 1, rank: 0 },
    { host: 'b.test', weight: 65_535, rank: 0 },
  ])
  expect(placesOfService({ targets: [], ttlMs: 1 })).toEqual([])
})
