import { expect, it } from 'vitest'
import type { Address } from '../../../engine/snapshot.ts'
import { Endpoint } from '../../../engine/upstream/endpoint.ts'

it.each<[Address, string]>([
  [{ kind: 'tcp', host: '10.0.0.1', port: 3000 }, '10.0.0.1:3000'],
  [{ kind: 'tcp', host: 'origin.internal', port: 80 }, 'origin.internal'],
  [{ kind: 'tcp', host: 'origin.internal', port: 8080 }, 'origin.internal:8080'],
  [{ kind: 'tcp', host: '::1', port: 80 }, '[::1]'],
  [{ kind: 'tcp', host: '::1', port: 8000 }, '[::1]:8000'],
  [{ kind: 'unix', path: '/run/x.sock' }, 'localhost'],
])('the endpoint %j is called %s in Host', (address, host) => {
  const endpoint = new Endpoint({ address, name: 'as configured', weight: 1 }, 2, 5)
  expect(endpoint).toMatchObject({ host, name: 'as configured', index: 2, column: 5 })
})
