import { expect, it } from 'vitest'
import type { Address } from '../../../engine/snapshot.ts'
import { placementOf } from '../../../engine/upstream/placement.ts'
import { endpointSnapshot } from '../../support/snapshot.ts'

it.each<[Address, string]>([
  [{ kind: 'tcp', host: '10.0.0.1', port: 3000 }, '10.0.0.1:3000'],
  [{ kind: 'tcp', host: 'origin.internal', port: 80 }, 'origin.internal'],
  [{ kind: 'tcp', host: 'origin.internal', port: 8080 }, 'origin.internal:8080'],
  [{ kind: 'tcp', host: '::1', port: 80 }, '[::1]'],
  [{ kind: 'tcp', host: '::1', port: 8000 }, '[::1]:8000'],
  [{ kind: 'unix', path: '/run/x.sock' }, 'localhost'],
])('the endpoint %j is called %s in Host', (address, host) => {
  const endpoint = endpointSnapshot({ address, name: 'as configured' })
  expect(placementOf(endpoint, 5, address)).toMatchObject({ host, name: 'as configured', column: 5 })
})

it('an address of a name is called by the name in Host, an address of a service by itself', () => {
  const address = { kind: 'tcp', host: '10.0.0.1', port: 81 } as const
  const named = endpointSnapshot({ kind: 'tcp', host: 'origin.internal', port: 81 })
  const served = endpointSnapshot({ address: { kind: 'srv', service: '_http._tcp.origin.internal' } })
  expect(placementOf(named, 0, address)).toMatchObject({ host: 'origin.internal:81', server: 'origin.internal:81' })
  expect(placementOf(served, 0, address)).toMatchObject({ host: '10.0.0.1:81', server: '_http._tcp.origin.internal' })
})
